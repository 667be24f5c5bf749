/** Collectors that are loaded again and again, while what they are judged by changes: a real sandbox. */
import assert from "node:assert/strict";
import { type AgentConfigInput, loadAgentConfig } from "../../agent/config.ts";
import { CollectorLoader } from "../../agent/loader.ts";
import { Sandbox } from "../../agent/sandbox.ts";
import type { Answer } from "../../agent/sandbox_cell.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { EventLog } from "./event_log.ts";
import { scriptFolder } from "./script_folder.ts";

/** Cannot look at a script as often as it has reasons not to. */
class TroubledSandbox extends Sandbox {
  readonly troubles: Answer[] = [];

  override inspect(...args: Parameters<Sandbox["inspect"]>): Promise<Answer> {
    const trouble = this.troubles.shift();
    return trouble === undefined ? super.inspect(...args) : Promise.resolve(trouble);
  }
}

async function loading(overrides: AgentConfigInput) {
  const sandbox = new TroubledSandbox({
    host: {},
    clock: new FakeClock(),
    log: new EventLog().log,
  });
  const loader = new CollectorLoader({ sandbox });
  const config = await loadAgentConfig({
    overrides: { shipped: false, ...overrides },
    hostname: () => "a",
  });
  return {
    ...{ sandbox, loader },
    load: async () => {
      const { collectors, rejected } = await loader.load(config);
      return [...collectors.map(({ name }) => name), ...rejected.map(({ reason }) => reason)];
    },
    [Symbol.asyncDispose]: () => sandbox[Symbol.asyncDispose](),
  };
}

const ONE = "export const collect = () => 1;";

for (const kind of ["timeout", "stuck", "lost"] as const) {
  Deno.test(`CollectorLoader looks again at a script whose look came to nothing: ${kind}`, async () => {
    await using dir = await scriptFolder({ "a.ts": ONE });
    await using all = await loading({ metrics: [dir.path] });
    all.sandbox.troubles.push({ kind, message: "no luck" });
    assert.deepEqual(await all.load(), ["no luck"]);
    assert.deepEqual(await all.load(), ["a"]);
  });
}

Deno.test("CollectorLoader does not look again at what a script itself has answered", async () => {
  await using dir = await scriptFolder({ "a.ts": ONE });
  await using all = await loading({ metrics: [dir.path] });
  all.sandbox.troubles.push({ kind: "failed", message: "its own fault" });
  for (let load = 0; load < 2; load++) assert.deepEqual(await all.load(), ["its own fault"]);
  assert.equal(await all.loader.isOutdated(), false);
});

Deno.test("CollectorLoader.isOutdated(): looks that come to nothing are wanted less and less often", async () => {
  await using dir = await scriptFolder({ "a.ts": ONE });
  await using all = await loading({ metrics: [dir.path] });
  const minutes: number[] = [];
  for (let look = 0; look < 8; look++) {
    all.sandbox.troubles.push({ kind: "stuck", message: "a loop" });
    await all.load();
    let asked = 1;
    while (!await all.loader.isOutdated()) asked += 1;
    minutes.push(asked);
  }
  assert.deepEqual(minutes, [1, 2, 4, 8, 16, 32, 60, 60]);
  assert.deepEqual(await all.load(), ["a"]);
  assert.equal(await all.loader.isOutdated(), false);
  await Deno.writeTextFile(dir.join("a.ts"), `${ONE} // another`);
  all.sandbox.troubles.push({ kind: "stuck", message: "a loop" });
  await all.load();
  assert.equal(await all.loader.isOutdated(), true, "another trouble is looked at soon");
});

Deno.test("CollectorLoader.isOutdated(): a secret comes or changes", async () => {
  const options = 'password: { type: "secret", description: "How to get in" }';
  await using dir = await scriptFolder({
    "a.ts": `export const metric = { options: { ${options} } }; ${ONE}`,
  });
  const password_file = dir.join("password");
  await using all = await loading({ metrics: [dir.path], collectors: { a: { password_file } } });
  assert.match((await all.load()).join(), /password_file.*it does not exist/);
  for (const text of ["first", "second"]) {
    assert.equal(await all.loader.isOutdated(), false);
    await Deno.writeTextFile(password_file, text);
    assert.equal(await all.loader.isOutdated(), true);
    assert.deepEqual(await all.load(), ["a"]);
  }
  assert.equal(await all.loader.isOutdated(), false);
});
