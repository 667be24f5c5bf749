import assert from "node:assert/strict";
import fc from "fast-check";
import { type AgentConfigInput, loadAgentConfig } from "../../agent/config.ts";
import { settingsChange } from "../../agent/settings_change.ts";

const load = (overrides: AgentConfigInput) =>
  loadAgentConfig({ overrides, hostname: () => "vm1", env: { MONITOR_AGENT_DATA: "/data" } });

Deno.test("settingsChange() takes what can be followed, and names what cannot", async () => {
  const before = await load({ interval: 10, alias: "a", server: "http://a:1" });
  const read = await load({ interval: 20, location: "b", server: "http://b:1", token: "t" });
  const change = settingsChange(before, read);
  assert.deepEqual(change.taken, ["alias", "interval", "location"]);
  assert.deepEqual(change.after_restart, ["server", "token"]);
  const expected = await load({ interval: 20, location: "b", server: "http://a:1" });
  assert.deepEqual(change.config, expected);
});

Deno.test("settingsChange(): no change is none, and what was taken is not taken again", async () => {
  const texts = fc.record({
    alias: fc.option(fc.constantFrom("a", "b"), { nil: undefined }),
    interval: fc.constantFrom(5, 10),
    server: fc.constantFrom("http://a:1", "http://b:1"),
    shipped: fc.boolean(),
    tags: fc.constantFrom<Record<string, string>>({}, { role: "web" }),
    token: fc.option(fc.constant("t"), { nil: undefined }),
  }, { requiredKeys: [] });
  await fc.assert(fc.asyncProperty(texts, texts, async (a, b) => {
    const [before, read] = [await load(a), await load(b)];
    assert.deepEqual(settingsChange(before, before), {
      config: before,
      taken: [],
      after_restart: [],
    });
    const once = settingsChange(before, read);
    const again = settingsChange(once.config, read);
    assert.deepEqual(again, { config: once.config, taken: [], after_restart: once.after_restart });
    for (const name of once.after_restart) {
      assert.equal(Reflect.get(once.config, name), Reflect.get(before, name));
    }
  }));
});
