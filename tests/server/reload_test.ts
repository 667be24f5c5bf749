/** A server that takes settings anew while it runs. */
import assert from "node:assert/strict";
import { createLogger } from "../../log.ts";
import { ConfigError, loadConfig } from "../../server/config.ts";
import { channelsSchema } from "../../server/config/channels.ts";
import { Reloader } from "../../server/reload.ts";
import { eventually, send } from "../support/asking.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { tempDir } from "../support/temp_dir.ts";
import { testApp } from "../support/test_app.ts";
import { webhookCollector } from "../support/webhook_collector.ts";

/** Settings as the app of a test has them, but for what the test changes. */
const read = () => loadConfig({ env: {}, working_dir: "/" });

Deno.test("limits that were read anew hold for the next report and the next question", async () => {
  await using app = await testApp({ clock: new FakeClock(), config: { limits: { hosts_max: 1 } } });
  assert.equal((await app.post({ hostname: "a", metrics: { load: 1 } })).status, 200);
  assert.equal((await app.post({ hostname: "b", metrics: { load: 1 } })).status, 400);
  const next = read();
  Object.assign(next.limits, { hosts_max: 2, client_requests_s: 1 });
  await app.server.reload(next);
  assert.equal((await app.post({ hostname: "b", metrics: { load: 1 } })).status, 200);
  const statuses = [];
  for (let i = 0; i < 12; i++) {
    statuses.push((await app.post({ hostname: "b", metrics: { load: i } })).status);
  }
  assert.ok(statuses.includes(429), String(statuses));
  await app.server.reload(read());
  assert.equal((await app.post({ hostname: "c", metrics: { load: 1 } })).status, 200);
});

Deno.test("channels that were read anew get the next message, those before get none", async () => {
  await using before = webhookCollector();
  await using after = webhookCollector();
  const clock = new FakeClock();
  await using app = await testApp({
    clock,
    channels: { hook: { kind: "webhook", url: before.url } },
  });
  await app.post({ hostname: "web-1", metrics: { load: 1 } });
  const rule = { hostname: "web-1", metric_name: "load", condition: "above", threshold: 9 };
  assert.equal((await send(app, "POST", "/alert_config", rule)).status, 200);

  const next = read();
  next.channels = channelsSchema.parse({ other: { kind: "webhook", url: after.url } });
  await app.server.reload(next);
  const { body } = await app.get("/api/v1/channels");
  assert.deepEqual(body.channels.map(({ name }: { name: string }) => name), ["other"]);
  for (let i = 0; after.received.length === 0; i++) {
    assert.ok(i < 300, "nobody was told");
    await app.post({ hostname: "web-1", metrics: { load: 20 } });
    await clock.advance(1_000);
  }
  assert.equal(before.received.length, 0);
});

Deno.test("a rules file is applied anew; a wrong one changes nothing, nor do the settings with it", async () => {
  await using dir = await tempDir();
  const file = dir.join("alerts.yaml");
  await using app = await testApp();
  const names = async () => (await app.get("/api/v1/rules")).body.rules.map(nameOf);
  const rule = (name: string) =>
    `rules:\n  - name: ${name}\n    metric: load\n    condition: above\n    critical: 9\n`;
  const next = read();
  next.alerts.rules_file = file;
  next.limits.hosts_max = 1;
  await Deno.writeTextFile(file, rule("busy"));
  await app.server.reload(next);
  assert.deepEqual(await names(), ["busy"]);
  await Deno.writeTextFile(file, rule("busier"));
  await app.server.reload(next);
  await eventually(() => app.get("/api/v1/rules"), ({ rules }) => nameOf(rules[0]) === "busier");

  await Deno.writeTextFile(file, "rules: 7\n");
  const wrong = structuredClone(next);
  wrong.limits.hosts_max = 100;
  await assert.rejects(app.server.reload(wrong), {
    name: "PlacedError",
    message: /alerts\.yaml:1:/,
  });
  assert.deepEqual(await names(), ["busier"]);
  assert.equal((await app.post({ hostname: "a", metrics: { load: 1 } })).status, 200);
  assert.equal((await app.post({ hostname: "b", metrics: { load: 1 } })).status, 400);
});

Deno.test("Reloader reads one after the other, once more for all who asked meanwhile, and tells faults", async () => {
  const lines: string[] = [];
  const write = (line: string) => lines.push(line);
  const log = createLogger({ level: "info", format: "text", now: () => 0, write });
  let reads = 0;
  const held = Promise.withResolvers<void>();
  const reloader = new Reloader({
    log,
    read: () => {
      if (++reads === 3) {
        throw new ConfigError([
          { source: "a.json", path: "log.level", message: "must be a level" },
          { source: "a.json", path: "log.format", message: "must be a format" },
        ]);
      }
      return read();
    },
    take: async () => await held.promise,
  });
  const first = reloader.reload();
  void reloader.reload();
  void reloader.reload();
  assert.equal(reads, 1);
  held.resolve();
  await first;
  assert.equal(reads, 2);
  await reloader.reload();
  assert.deepEqual(lines.map((line) => line.replace(/^\S+ /, "")), [
    'error settings stay as they were fault="a.json: log.level: must be a level"\n',
    'error settings stay as they were fault="a.json: log.format: must be a format"\n',
  ]);
});

function nameOf({ rule }: { rule: { name: string } }): string {
  return rule.name;
}
