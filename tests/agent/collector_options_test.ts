/** Settings of single collectors: from the agent's configuration to a script's `host.options`. */
import assert from "node:assert/strict";
import { loadCollectors } from "../../agent/collectors.ts";
import { type AgentConfigInput, loadAgentConfig } from "../../agent/config.ts";
import { Sandbox } from "../../agent/sandbox.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { EventLog } from "./event_log.ts";
import { scriptFolder } from "./script_folder.ts";

const CHECK = `export const metric = { options: {
  targets: { type: "targets", shorthand: "url", required: true, description: "What is asked",
    fields: { url: { type: "url", required: true, description: "Its address" },
      password: { type: "secret", description: "How to get in" } } },
} };
export async function collect(host) {
  const tell = async (name) => (await Deno.permissions.query({ name: "net", host: name })).state;
  return { message: JSON.stringify([host.options, await tell("a.example:80"), await tell("b.example:80")]), value: 1 };
}`;

async function load(config: AgentConfigInput) {
  const { log } = new EventLog();
  const sandbox = new Sandbox({ host: {}, clock: new FakeClock(), log });
  const settings = await loadAgentConfig({ overrides: config, hostname: () => "a" });
  const loaded = await loadCollectors(settings, { sandbox });
  return { ...loaded, sandbox, [Symbol.asyncDispose]: () => sandbox[Symbol.asyncDispose]() };
}

function stateOf({ rejected }: Awaited<ReturnType<typeof load>>, name: string) {
  const one = rejected.find((script) => script.name === name);
  return one && `${one.state}: ${one.reason}`;
}

Deno.test("a collector with required options is off until they are written, which is no fault", async () => {
  await using dir = await scriptFolder({ "check.ts": CHECK });
  await using loaded = await load({ metrics: [dir.path], shipped: false });
  assert.equal(stateOf(loaded, "check"), "off: needs collectors.check.targets in the settings");
});

Deno.test("options reach the script, with the network of the host that was written and no other", async () => {
  await using dir = await scriptFolder({ "check.ts": CHECK, "password": " s3cret\n" });
  await using loaded = await load({
    metrics: [dir.path],
    shipped: false,
    // a.example is not in the policy: the operator wrote it here
    permissions: { default: {} },
    collectors: {
      check: { targets: [{ url: "http://a.example/x", password_file: dir.join("password") }] },
    },
  });
  assert.deepEqual(loaded.rejected, []);
  const answer = await loaded.sandbox.collect("check", 1_000);
  const { message } = JSON.parse(answer.kind === "done" ? answer.json ?? "" : "{}");
  const target = { name: "a.example/x", url: "http://a.example/x", password: "s3cret" };
  assert.deepEqual(JSON.parse(message), [{ targets: [target] }, "granted", "prompt"]);
});

Deno.test("settings hold for every collector: enabled, every and timeout", async () => {
  const one = "export const collect = () => 1;";
  await using dir = await scriptFolder({ "a.ts": one, "b.ts": one });
  await using loaded = await load({
    metrics: [dir.path],
    shipped: false,
    collectors: { a: { enabled: false }, b: { every: "1m", timeout: "300ms" } },
  });
  assert.equal(stateOf(loaded, "a"), "off: is switched off in the settings");
  assert.deepEqual(
    loaded.collectors.map(({ name, every_ms, timeout_ms }) => [name, every_ms, timeout_ms]),
    [["b", 60_000, 300]],
  );
});

Deno.test("a wrong option, or one of no collector, is a fault that names its place", async () => {
  await using dir = await scriptFolder({ "check.ts": CHECK });
  await using loaded = await load({
    metrics: [dir.path],
    shipped: false,
    collectors: { check: { targets: ["a"] }, chek: { targets: [] } },
  });
  assert.match(
    stateOf(loaded, "check") ?? "",
    /^broken: collectors\.check\.targets\[0\]\.url must be a URL such as .*current value is "a"$/,
  );
  assert.equal(
    stateOf(loaded, "chek"),
    'broken: collectors.chek is in the agent\'s settings, but there is no collector "chek", did you mean check?',
  );
});

Deno.test("a collector that needs what the machine has not is for elsewhere", async () => {
  const text =
    'export const metric = { needs: ["/proc/no/such"] };\nexport const collect = () => 1;';
  await using dir = await scriptFolder({ "a.ts": text });
  await using loaded = await load({ metrics: [dir.path], shipped: false });
  assert.equal(stateOf(loaded, "a"), "elsewhere: needs /proc/no/such, which is not here");
});
