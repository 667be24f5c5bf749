/** `monitor script list | run | new | types`: what a person sees, and how it ends. */
import assert from "node:assert/strict";
import { scriptFolder } from "../script_folder.ts";
import { tempDir } from "../../support/temp_dir.ts";
import { failureText, runScriptCommand } from "./run_script_command.ts";

const ONE = "export const collect = () => 1;";

Deno.test("monitor script list tells what runs, what does not, and why", async () => {
  await using dir = await scriptFolder({
    "good.ts": `export const metric = { every: "1m", description: "One" }; ${ONE}`,
    "greedy.ts": `export const metric = { permissions: { read: ["/x"] } }; ${ONE}`,
    "trusted.ts": `export const metric = { permissions: { run: ["df"] } }; ${ONE}`,
    "broken.ts": "export const collect = 1;",
    "config.json": JSON.stringify({
      shipped: false,
      metrics: ["METRICS"],
      permissions: { scripts: { trusted: { run: ["df"] } } },
    }),
  });
  const config = dir.join("config.json");
  const text = await Deno.readTextFile(config);
  await Deno.writeTextFile(config, text.replace("METRICS", dir.path));
  const env = { MONITOR_AGENT_DATA: dir.join("data") };
  const { out, code } = await runScriptCommand(["list", "--json", "--config", config], { env });
  assert.equal(code, 0);
  const rows: Record<string, unknown>[] = JSON.parse(out).collectors;
  assert.deepEqual(rows.map(({ name, state, trusted }) => [name, state, trusted]), [
    ["broken", "broken", undefined],
    ["good", "runs", false],
    ["greedy", "refused", undefined],
    ["trusted", "runs", true],
  ]);
  assert.equal(rows[1]?.every_ms, 60_000);
  assert.match(String(rows[2]?.reason), /run "monitor script approve greedy", or add/);
  const table = (await runScriptCommand(["list", "--measure", "--config", config], { env })).out;
  assert.match(table, /^name +state +every +cost +from +may$/m);
  assert.match(table, /^good +runs +1 min +\S+ ms +user +none +One$/m);
  assert.match(table, /^trusted +runs .* run df \(trusted: escapes the sandbox\)$/m);
});

Deno.test("monitor script run prints values, time, memory and what was denied", async () => {
  await using dir = await scriptFolder({
    "lib/quiet.ts":
      "export const quiet = () => { try { return Deno.hostname(); } catch { return ''; } };",
    "good.ts": `import { quiet } from "./lib/quiet.ts";
export const metric = { unit: "s" };
export async function collect() {
  console.log("looking");
  await Deno.readTextFile("/etc/passwd").catch(() => {});
  try { Deno.env.get("HOME"); } catch (error) { if (error instanceof Deno.errors.NotFound) throw 1; }
  await fetch("http://localhost:1234").catch(() => {});
  let sys = quiet();
  return { a: 1, b: { value: 2, message: "fine" } };
}`,
    "bad.ts": 'export const collect = () => Deno.readTextFileSync("/etc/passwd").length;',
  });
  const metrics = ["--metrics", dir.path];
  const { out, err, code } = await runScriptCommand(["run", "good", ...metrics]);
  assert.equal(code, 0);
  assert.equal(out, "good.a      1  s\ngood.b      2  s  fine\n");
  assert.match(err, /^printed {3}looking\n/);
  assert.match(err, /^time {6}\d+(\.\d+)? ms\nmemory {4}\d+(\.\d+)? [KM]iB\n/m);
  assert.match(err, /^denied {4}read \/etc\/passwd, env HOME, net localhost:1234, sys hostname$/m);

  const failed = await runScriptCommand(["run", dir.join("bad.ts"), "--json"]);
  assert.equal(failed.code, 1);
  assert.equal(
    failureText(failed),
    'bad gave no values | NotCapable: Requires read access to "/etc/passwd"; declare it under ' +
      "permissions.read of the exported metric (line 1) | " +
      'declare what it needs: permissions: { read: ["/etc/passwd"] }',
  );
  const { ok, metrics: none, denied } = JSON.parse(failed.out);
  assert.deepEqual({ ok, none, denied }, {
    ok: false,
    none: [],
    denied: [{ sort: "read", value: "/etc/passwd" }],
  });
});

Deno.test("monitor script run says why a collector may not run, or is not there", async () => {
  await using dir = await scriptFolder({
    "greedy.ts": `export const metric = { permissions: { env: ["HOME"] } }; ${ONE}`,
    "notes.txt": "",
  });
  const metrics = ["--metrics", dir.path];
  const refused = await runScriptCommand(["run", "greedy", ...metrics], {
    env: { MONITOR_AGENT_DATA: dir.path },
  });
  assert.equal(refused.code, 1);
  assert.match(failureText(refused), /^greedy is not run \| asks for more than the policy allows/);
  for (
    const [name, message] of [
      ["gredy", /^error: there is no collector "gredy", did you mean greedy\? \(looked in /],
      [dir.join("none.ts"), /^error: there is no file ".*none\.ts"$/],
      [dir.join("notes.txt"), /^error: ".*notes\.txt" is not named as a collector/],
    ] as const
  ) {
    const missing = await runScriptCommand(["run", name, ...metrics]);
    assert.equal(missing.code, 2);
    assert.match(failureText(missing), message);
  }
});

Deno.test("monitor script new writes a collector that works, and never over another", async () => {
  await using dir = await tempDir();
  const folder = dir.join("mine");
  const { out, err, code } = await runScriptCommand(["new", "memory", "--metrics", folder]);
  assert.deepEqual([code, out], [0, `${folder}/memory.ts\n`]);
  assert.match(
    err,
    new RegExp(`monitor script run memory --metrics ${RegExp.escape(folder)}$`, "m"),
  );
  const ran = await runScriptCommand(["run", "memory", "--metrics", folder]);
  assert.match(ran.out, /^memory +\d+(\.\d+)? {2}%\n$/);
  const checked = await new Deno.Command(Deno.execPath(), {
    args: ["check", "--quiet", `${folder}/memory.ts`],
  }).output();
  assert.equal(checked.success, true, new TextDecoder().decode(checked.stderr));

  await Deno.writeTextFile(`${folder}/memory.ts`, "mine");
  const again = await runScriptCommand(["new", "memory", "--metrics", folder]);
  assert.equal(again.code, 1);
  assert.match(failureText(again), /memory\.ts exists already/);
  assert.equal(await Deno.readTextFile(`${folder}/memory.ts`), "mine");

  const replaces = await runScriptCommand(["new", "uptime", "--metrics", folder]);
  assert.match(replaces.err, /^It replaces the shipped collector uptime\.$/m);
  for (const name of ["9lives", "a.b", "x_test", "../up", ""]) {
    assert.equal((await runScriptCommand(["new", name, "--metrics", folder])).code, 2, name);
  }
});

Deno.test("monitor script types prints the declaration file", async () => {
  const { out } = await runScriptCommand(["types"]);
  assert.equal(
    out,
    await Deno.readTextFile(new URL("../../../agent/monitor.d.ts", import.meta.url)),
  );
});

Deno.test("monitor script takes the installed agent's settings when none are named", async () => {
  await using dir = await scriptFolder({
    "a.ts": ONE,
    "agent.json": "{}",
  });
  const file = dir.join("agent.json");
  await Deno.writeTextFile(file, JSON.stringify({ shipped: false, metrics: [dir.path] }));
  const installed = await runScriptCommand(["list"], { installed_config: file });
  assert.match(installed.out, /^a +runs/m);
  assert.equal(installed.err, `Settings of the installed agent: ${file}\n`);
  const other = await runScriptCommand(["list", "--metrics", dir.path], { installed_config: file });
  assert.equal(other.err, "");
});
