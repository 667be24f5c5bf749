/** From files to collectors: finding, linking, looking at, comparing with the policy. */
import assert from "node:assert/strict";
import { isIdle, loadCollectors } from "../../agent/collectors.ts";
import { type AgentConfigInput, loadAgentConfig } from "../../agent/config.ts";
import type { Metric } from "../../agent/monitor.d.ts";
import { Sandbox } from "../../agent/sandbox.ts";
import type { scriptMetadataSchema } from "../../agent/script_metadata.ts";
import { findScripts } from "../../agent/scripts.ts";
import { TypeStripper } from "../../agent/strip.ts";
import type { z } from "zod";
import { FakeClock } from "../support/fake_clock.ts";
import { EventLog } from "./event_log.ts";
import { scriptFolder } from "./script_folder.ts";

/** The type that authors see and the schema their metadata meets must allow the same. */
type Allows<From, To> = From extends To ? true : never;
const SCHEMA_TAKES_METRIC: Allows<Metric, z.input<typeof scriptMetadataSchema>> = true;
void SCHEMA_TAKES_METRIC;

async function load(overrides: AgentConfigInput) {
  const { log } = new EventLog();
  await using sandbox = new Sandbox({ host: {}, clock: new FakeClock(), log });
  const config = await loadAgentConfig({ overrides, hostname: () => "a" });
  const loaded = await loadCollectors(config, { sandbox });
  return { ...loaded, workers: sandbox.workers };
}

const ONE = "export const collect = () => 1;";

Deno.test("loadCollectors(): the shipped set needs no permission and one Worker", async () => {
  const { collectors, rejected, workers } = await load({ metrics: [] });
  assert.deepEqual(rejected.filter(({ state }) => !isIdle(state)), []);
  const wanted = ["cpu_usage", "disk", "memory_usage", "uptime"];
  const names = collectors.map(({ name }) => name);
  assert.deepEqual(names.filter((name) => wanted.includes(name)), wanted);
  assert.deepEqual(collectors.filter(({ permissions }) => Object.keys(permissions).length > 0), []);
  assert.equal(workers, 1);
});

Deno.test("findScripts() takes collectors, not what stands beside them", async () => {
  await using dir = await scriptFolder({
    "b.ts": ONE,
    "a.js": ONE,
    "monitor.d.ts": "",
    "a_test.ts": "",
    "a.test.ts": "",
    ".hidden.ts": "",
    "_draft.ts": "",
    "notes.md": "",
  });
  await Deno.mkdir(dir.join("folder.ts"));
  const found = await findScripts({ metrics: [dir.path], shipped: false });
  assert.deepEqual(found.map(({ name, origin }) => [name, origin]), [["a", "user"], ["b", "user"]]);
});

Deno.test("findScripts(): a script of the operator replaces a shipped one", async () => {
  await using dir = await scriptFolder({ "load.ts": ONE });
  const found = await findScripts({ metrics: [dir.path], shipped: true });
  assert.deepEqual(found.filter(({ name }) => name === "load").map(({ origin }) => origin), [
    "user",
  ]);
});

Deno.test("findScripts() rejects a folder that does not exist", async () => {
  await assert.rejects(findScripts({ metrics: ["/does/not/exist"], shipped: false }), {
    name: "ScriptFolderError",
    exit_code: 2,
    message: 'Cannot read the folder of collectors "/does/not/exist": it does not exist',
  });
});

Deno.test("loadCollectors() tells why a script is not run, and runs the others", async () => {
  await using dir = await scriptFolder({
    "good.ts": `import type { Metric } from "./monitor.d.ts";
export const metric: Metric = { every: "1m", timeout: 2, permissions: { net: ["localhost:80"] } };
export function collect(): number { return 1; }`,
    "greedy.ts":
      `export const metric = { permissions: { net: ["localhost"], read: ["/x"] } }; ${ONE}`,
    "trusted.ts": `export const metric = { permissions: { run: true } }; ${ONE}`,
    "imports.ts": `const x = 1;\nimport { y } from "node:fs";\n${ONE}`,
    "typed.ts": `enum X { A }\n${ONE}`,
    "empty.ts": "export const metric = {};",
    "odd.ts": `export const metric = { every: "now" }; ${ONE}`,
    "elsewhere.ts": `export const metric = { platforms: ["plan9"] }; ${ONE}`,
    "reads.ts": `const text = Deno.readTextFileSync("/etc/hosts"); ${ONE}`,
    "huge.ts": `${ONE}\n// ${"x".repeat(140_000)}`,
  });
  const { collectors, rejected } = await load({
    metrics: [dir.path],
    shipped: false,
    permissions: { scripts: { trusted: { run: true } } },
  });
  assert.deepEqual(
    collectors.map(({ name, every_ms, timeout_ms, permissions }) => ({
      name,
      every_ms,
      timeout_ms,
      permissions,
    })),
    [
      {
        name: "good",
        every_ms: 60_000,
        timeout_ms: 2_000,
        permissions: { net: ["localhost:80"] },
      },
      { name: "trusted", every_ms: 10_000, timeout_ms: 5_000, permissions: { run: true } },
    ],
  );
  const reasons = Object.fromEntries(
    rejected.map(({ name, state, reason }) => [name, `${state}: ${reason}`]),
  );
  assert.deepEqual(Object.keys(reasons).length, 8);
  assert.equal(
    reasons.greedy,
    'refused: asks for more than the policy allows; to allow it, run "monitor script approve greedy", or add to permissions.scripts of the agent\'s settings: ' +
      '{"greedy":{"read":["/x"]}}',
  );
  assert.match(reasons.imports ?? "", /^broken: may import nothing but own files.*line 2$/);
  assert.match(reasons.typed ?? "", /^broken: is not valid TypeScript: .*enum/);
  assert.equal(reasons.empty, "broken: must export a function collect(host)");
  assert.match(reasons.odd ?? "", /^broken: metric\.every: must be between/);
  assert.equal(reasons.elsewhere, "elsewhere: is for plan9");
  assert.match(reasons.reads ?? "", /^broken: NotCapable: .*do it in collect\(\) \(line 1\)$/);
  assert.match(reasons.huge ?? "", /^broken: must have at most 128 kB/);
});

Deno.test("TypeStripper: both strippers give the same text for every shipped collector", async () => {
  using built_in = new TypeStripper();
  using fallback = new TypeStripper({ built_in: false });
  for (const { file } of await findScripts({ metrics: [], shipped: true })) {
    const source = await Deno.readTextFile(file);
    assert.deepEqual(await fallback.strip(source), await built_in.strip(source), String(file));
  }
  const bad = await fallback.strip("enum X { A }");
  assert.match("fault" in bad ? bad.fault : "", /enum is not supported/);
});
