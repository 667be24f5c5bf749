/** Processes of collectors, from outside: what they can see, what they follow, and when they end. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import type { PermissionSet } from "../../../agent/permissions.ts";
import { Sandbox } from "../../../agent/sandbox.ts";
import { systemClock } from "../../../clock.ts";
import { tempDir } from "../../support/temp_dir.ts";
import { EventLog } from "../event_log.ts";

function makeSandbox(memory_bytes_max = 256 * 1024 * 1024): Sandbox {
  const { log } = new EventLog();
  const isolation = { landlock: true, memory_bytes_max };
  return new Sandbox({ host: {}, clock: systemClock, log, isolation });
}

async function run(
  sandbox: Sandbox,
  name: string,
  script: { text: string; permissions?: PermissionSet },
): Promise<string | undefined> {
  const { text, permissions = {} } = script;
  sandbox.admit({ name, origin: "user", text }, permissions);
  const answer = await sandbox.collect(name, 10_000);
  return answer.kind === "done" ? answer.json : answer.message;
}

Deno.test("a granted file may be replaced by another of its name, again and again", async () => {
  await using dir = await tempDir();
  await using sandbox = makeSandbox();
  const file = dir.join("state");
  const text = `let runs = 0;
  export const collect = () => [++runs, Number(Deno.readTextFileSync(${JSON.stringify(file)}))];`;
  await Deno.writeTextFile(file, "1");
  assert.equal(await run(sandbox, "reads", { text, permissions: { read: [file] } }), "[1,1]");
  // from the first time on its folder is open to the process, which has not to be started again
  for (const [value, runs] of [[2, 1], [3, 2], [4, 3]]) {
    await Deno.writeTextFile(dir.join("new"), `${value}`);
    await Deno.rename(dir.join("new"), file);
    const answer = await sandbox.collect("reads", 10_000);
    assert.deepEqual(answer, { kind: "done", json: `[${runs},${value}]` });
  }
  assert.equal(sandbox.processes, 1);
});

Deno.test("a file may be granted that is not there yet", async () => {
  await using dir = await tempDir();
  await using sandbox = makeSandbox();
  const file = dir.join("later");
  const text = `export const collect = () => Number(Deno.readTextFileSync(${
    JSON.stringify(file)
  }));`;
  const permissions = { read: [file] };
  assert.match(await run(sandbox, "reads", { text, permissions }) ?? "", /NotFound/);
  await Deno.writeTextFile(file, "7");
  assert.deepEqual(await sandbox.collect("reads", 10_000), { kind: "done", json: "7" });
});

Deno.test("a script sees the variables that it was granted", async () => {
  await using sandbox = makeSandbox();
  const script = {
    text:
      'export const collect = () => Number(Deno.env.get("MONITOR_X") ?? Deno.env.get("APP_X"));',
    permissions: { env: ["APP_*", "MONITOR_X"] },
  };
  Deno.env.set("APP_X", "5");
  Deno.env.set("MONITOR_X", "6");
  try {
    assert.equal(
      await run(sandbox, "sees", script),
      "5",
      "the agent's own settings are not for scripts",
    );
  } finally {
    for (const name of ["APP_X", "MONITOR_X"]) Deno.env.delete(name);
  }
});

Deno.test("a script that may run programs is trusted: they are run as the agent would", {
  ignore: Deno.build.os === "windows",
}, async () => {
  await using sandbox = makeSandbox();
  const script = {
    text: "export const collect = () => Number(new TextDecoder().decode(" +
      'new Deno.Command("/usr/bin/id", { args: ["-u"] }).outputSync().stdout));',
    permissions: { run: ["/usr/bin/id"] },
  };
  assert.equal(await run(sandbox, "runs", script), String(Deno.uid()));
});

Deno.test("scripts share a process when the kernel would hold them alike", async () => {
  await using sandbox = makeSandbox();
  const text = "export const collect = () => 1;";
  await run(sandbox, "a", { text });
  await run(sandbox, "b", { text, permissions: { sys: ["hostname"] } });
  assert.equal(sandbox.processes, 1);
  await run(sandbox, "c", { text, permissions: { net: ["127.0.0.1:1"] } });
  await run(sandbox, "d", { text, permissions: { net: ["127.0.0.1:2"] } });
  assert.equal(sandbox.processes, 2);
  await run(sandbox, "e", { text, permissions: { read: ["/etc/hosts"] } });
  await run(sandbox, "f", { text, permissions: { read: ["/etc/hostname"] } });
  assert.equal(sandbox.processes, 4);
  for (const name of ["c", "d", "e", "f"]) sandbox.dismiss(name);
  sandbox.trim();
  assert.equal(sandbox.processes, 1);
});

Deno.test("processes end with an agent that is killed, whatever they are doing", {
  ignore: Deno.build.os !== "linux",
}, async () => {
  const agent = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", fileURLToPath(new URL("./killed_agent.ts", import.meta.url))],
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const reader = agent.stdout.getReader();
  const { value } = await reader.read();
  const pids: number[] = JSON.parse(new TextDecoder().decode(value));
  assert.equal(pids.length, 1);
  agent.kill("SIGKILL");
  await reader.cancel();
  await agent.status;
  for (const pid of pids) while (await isThere(pid)) await systemClock.sleep(10);
});

async function isThere(pid: number): Promise<boolean> {
  try {
    // what has ended and was not waited for yet has no more memory
    return (await Deno.readTextFile(`/proc/${pid}/status`)).includes("VmRSS");
  } catch {
    return false;
  }
}
