import assert from "node:assert/strict";
import manifest from "../../deno.json" with { type: "json" };
import { PROGRAM, runMonitor } from "./run_monitor.ts";

const CONFIGS = new URL("../testdata/config/", import.meta.url).pathname;

Deno.test("monitor alone prints a short help with five commands", async () => {
  const { code, out, err } = await runMonitor([]);
  assert.deepEqual([code, err], [0, ""]);
  for (const name of ["up", "serve", "agent", "latest", "history"]) {
    assert.match(out, new RegExp(`^  ${PROGRAM} ${name}\\b`, "m"));
  }
  assert.ok(out.split("\n").length <= 12, "it is not short");
});

Deno.test("monitor --version prints the version and nothing else", async () => {
  const { code, out, err } = await runMonitor(["--version"]);
  assert.deepEqual([code, out, err], [0, `${manifest.version}\n`, ""]);
});

Deno.test("monitor --help names every command, and each has its own help with examples", async () => {
  const { code, out } = await runMonitor(["--help"]);
  assert.equal(code, 0);
  const commands = [...out.matchAll(/^ {2}([a-z]+)[ [<]/gm)].map(([, name = ""]) => name)
    .filter((name) => !["help", "completion"].includes(name));
  for (const name of ["up", "serve", "aggregate", "hosts", "latest", "history"]) {
    assert.ok(commands.includes(name), `${name} is missing in:\n${out}`);
  }
  for (const name of commands) {
    const help = await runMonitor([name, "--help"]);
    assert.equal(help.code, 0, help.err);
    assert.match(help.out, new RegExp(`Examples?:\\n.*monitor ${name}`), `${name} has no example`);
  }
});

Deno.test("monitor suggests what a mistyped command or option may have meant", async () => {
  const command = await runMonitor(["hsots"]);
  assert.deepEqual([command.code, command.out], [2, ""]);
  assert.match(command.err, /unknown command 'hsots'\n\(Did you mean hosts\?\)/);
  const option = await runMonitor(["serve", "--prot", "1"]);
  assert.deepEqual([option.code, option.out], [2, ""]);
  assert.match(option.err, /unknown option '--prot'\n\(Did you mean --port\?\)/);
  const argument = await runMonitor(["history", "a"]);
  assert.deepEqual([argument.code, argument.out], [2, ""]);
  assert.match(argument.err, /missing required argument 'metric'/);
});

Deno.test("monitor serve with a wrong configuration prints one line a fault and exits with 2", async () => {
  const file = `${CONFIGS}ports.bad.json`;
  const env = { MONITOR_LOG_LEVEL: "loud" };
  for (const command of ["serve", "up"]) {
    const { code, out, err } = await runMonitor([command, "--config", file], { env });
    assert.deepEqual([code, out], [2, ""]);
    assert.deepEqual(err.trimEnd().split("\n"), [
      `${file}: webapp.port: must be a port, a whole number from 0 to 65535: ` +
      'current value is "80a"',
      `${file}: database.port: must be a port, a whole number from 1 to 65535: ` +
      "current value is 70000",
      'environment: MONITOR_LOG_LEVEL: must be one of "debug", "info", "warn", "error": ' +
      'current value is "loud"',
    ]);
  }
});

Deno.test("monitor reads ./server_config.json of the directory it is started in", async () => {
  const cwd = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${cwd}/server_config.json`, '{"webap": {}}');
    const { code, err } = await runMonitor(["serve"], { cwd });
    assert.equal(code, 2);
    assert.equal(err, "server_config.json: webap: is not a setting, did you mean webapp?\n");
  } finally {
    await Deno.remove(cwd, { recursive: true });
  }
});

Deno.test("monitor completion prints a script the shell accepts", async () => {
  const { code, out } = await runMonitor(["completion", "bash"]);
  assert.equal(code, 0);
  assert.match(out, /history/);
  const bash = new Deno.Command("bash", { args: ["-n"], stdin: "piped", stderr: "piped" }).spawn();
  const writer = bash.stdin.getWriter();
  await writer.write(new TextEncoder().encode(out));
  await writer.close();
  const checked = await bash.output();
  assert.equal(checked.success, true, new TextDecoder().decode(checked.stderr));
  const wrong = await runMonitor(["completion", "tcsh"]);
  assert.equal(wrong.code, 2);
  assert.match(wrong.err, /Allowed choices are bash, zsh, fish/);
});
