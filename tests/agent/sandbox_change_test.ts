/** Scripts that come, change and go while others run: real Workers. */
import assert from "node:assert/strict";
import type { HostMethods } from "../../agent/host.ts";
import { Sandbox } from "../../agent/sandbox.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { EventLog } from "./event_log.ts";

const COUNTING = "let n = 0; export const collect = () => ++n;";
const user = (name: string, text: string) => ({ name, origin: "user" as const, text });

function makeSandbox(host: HostMethods = {}): Sandbox {
  return new Sandbox({ host, clock: new FakeClock(), log: new EventLog().log });
}

async function valueOf(sandbox: Sandbox, name: string): Promise<string> {
  const answer = await sandbox.collect(name, 5_000);
  return answer.kind === "done" ? answer.json ?? "" : answer.message;
}

Deno.test("Sandbox.admit() replaces a script, and the others in its Worker go on", async () => {
  await using sandbox = makeSandbox();
  sandbox.admit(user("a", COUNTING), {});
  sandbox.admit(user("b", COUNTING), {});
  for (const name of ["a", "b", "b"]) await sandbox.collect(name, 5_000);
  sandbox.admit(user("a", "export const collect = () => 100;"), {});
  assert.equal(await valueOf(sandbox, "a"), "100");
  assert.equal(await valueOf(sandbox, "b"), "3", "it was not loaded again");
  assert.equal(sandbox.workers, 1);
});

Deno.test("Sandbox.admit() with other permissions moves a script; trim() ends what it left", async () => {
  await using sandbox = makeSandbox();
  const text = "export const collect = async () => " +
    "(await Deno.permissions.query({ name: 'env' })).state === 'granted';";
  sandbox.admit(user("a", text), {});
  assert.equal(await valueOf(sandbox, "a"), "false");
  sandbox.admit(user("a", text), { env: true });
  assert.equal(await valueOf(sandbox, "a"), "true");
  assert.equal(sandbox.workers, 2);
  sandbox.trim();
  assert.equal(sandbox.workers, 1);
});

Deno.test("Sandbox.dismiss(): a run under way ends well, and trim() waits for it", async () => {
  const asked = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<number>();
  await using sandbox = makeSandbox({
    uptime: () => {
      asked.resolve();
      return answer.promise;
    },
  });
  sandbox.admit(user("a", "export const collect = (host) => host.uptime();"), {});
  const running = valueOf(sandbox, "a");
  await asked.promise;
  sandbox.dismiss("a");
  sandbox.trim();
  assert.equal(sandbox.workers, 1);
  answer.resolve(7);
  assert.equal(await running, "7");
  sandbox.trim();
  assert.equal(sandbox.workers, 0);
  assert.equal(await valueOf(sandbox, "a"), "is not admitted");
});

Deno.test("Sandbox ends the Worker of a script that goes home, and of one that is no more", async () => {
  const clock = new FakeClock();
  let answer: Promise<number> = Promise.resolve(1);
  const host = { uptime: () => answer };
  await using sandbox = new Sandbox({ host, clock, log: new EventLog().log });
  const text = "export const collect = (host) => host.uptime();";
  for (const name of ["late", "good"]) sandbox.admit(user(name, text), {});
  assert.equal(await valueOf(sandbox, "late"), "1");
  answer = new Promise(() => {});
  const late = sandbox.collect("late", 700);
  await clock.advance(700);
  assert.equal((await late).kind, "timeout");
  answer = Promise.resolve(1);
  assert.equal(await valueOf(sandbox, "good"), "1");
  for (let run = 0; run < 19; run++) assert.equal(await valueOf(sandbox, "late"), "1");
  assert.equal(sandbox.workers, 2);
  assert.equal(await valueOf(sandbox, "late"), "1");
  assert.equal(sandbox.workers, 1, "it is with the others from now on");

  const asked = Promise.withResolvers<void>();
  const last = Promise.withResolvers<number>();
  host.uptime = () => {
    asked.resolve();
    return last.promise;
  };
  const running = valueOf(sandbox, "good");
  await asked.promise;
  for (const name of ["late", "good"]) sandbox.dismiss(name);
  sandbox.trim();
  assert.equal(sandbox.workers, 1);
  last.resolve(7);
  assert.equal(await running, "7");
  assert.deepEqual([sandbox.workers, sandbox.processes], [0, 0]);
});

Deno.test("Sandbox.inspect() apart leaves running scripts alone", async () => {
  await using sandbox = makeSandbox();
  sandbox.admit(user("a", COUNTING), {});
  await sandbox.collect("a", 5_000);
  const looked = await sandbox.inspect(
    user("a", "export const metric = { unit: 's' }; export const collect = () => 0;"),
    { apart: true },
  );
  assert.deepEqual(looked, { kind: "done", json: '{"unit":"s"}' });
  assert.equal(await valueOf(sandbox, "a"), "2");
  assert.equal(sandbox.workers, 2);
  sandbox.trim();
  assert.equal(sandbox.workers, 1);
});

Deno.test("Sandbox: hundreds of scripts of one Worker may ask their hosts at the same time", async () => {
  const COUNT = 300;
  const asked = Promise.withResolvers<void>();
  let asking = 0;
  await using sandbox = makeSandbox({
    uptime: async () => {
      if (++asking === COUNT) asked.resolve();
      await asked.promise;
      return 1;
    },
  });
  const names = Array.from({ length: COUNT }, (_, index) => `s${index}`);
  for (const name of names) {
    sandbox.admit(user(name, "export const collect = (host) => host.uptime();"), {});
  }
  const values = await Promise.all(names.map((name) => valueOf(sandbox, name)));
  assert.deepEqual([...new Set(values)], ["1"]);
});
