import assert from "node:assert/strict";
import { CommanderError } from "@commander-js/extra-typings";
import { agentCommand } from "../../agent/command.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { scriptFolder } from "./script_folder.ts";

interface Run {
  out: string;
  err: string;
  error: unknown;
}

/** Runs `monitor agent` with these arguments; time passes as fast as it can. */
async function run(args: string[], env: Record<string, string> = {}): Promise<Run> {
  const clock = new FakeClock();
  const result: Run = { out: "", err: "", error: undefined };
  const write = (to: "out" | "err") => (text: string) => void (result[to] += text);
  const command = agentCommand({
    terminal: { out: write("out"), err: write("err") },
    clock,
    env,
    verbose: false,
    version: "0.0.0",
    program: "monitor",
    listenForStop: () => assert.fail("it was not asked to run for ever"),
  }).exitOverride().configureOutput({ writeOut: write("out"), writeErr: write("err") });
  let over = false;
  const done = command.parseAsync(args, { from: "user" })
    .then(() => {}, (error) => void (result.error = error))
    .finally(() => over = true);
  while (!over) await clock.advance(1);
  await done;
  return result;
}

const name = (line: string) => line.split("  ")[0] ?? "";

Deno.test("monitor agent --once prints a table of this machine's metrics", async () => {
  const { out, err, error } = await run(["--once"]);
  assert.deepEqual([err, error], ["", undefined]);
  const lines = out.trimEnd().split("\n");
  assert.ok(lines.length >= (Deno.build.os === "linux" ? 20 : 5), `${lines.length} lines`);
  assert.match(out, /^cpu_usage +\d+(\.\d+)? {2}%$/m);
  assert.match(out, /^uptime +\d+(\.\d+)? {2}s$/m);
  assert.deepEqual(lines, lines.toSorted((a, b) => name(a) < name(b) ? -1 : 1));
});

Deno.test("monitor agent --once --json prints what there is, and exits 1 when something failed", async () => {
  await using dir = await scriptFolder({
    "mine.ts": 'export const metric = { unit: "s" }; ' +
      "export const collect = () => ({ a: true, b: { value: 'off', message: 'by hand' } });",
    "wrong.ts": "export const collect = () => 'x';",
  });
  const { out, err, error } = await run(["--once", "--json", "--metrics", dir.path], {
    MONITOR_AGENT_HOSTNAME: "elsewhere",
  });
  const printed = JSON.parse(out);
  assert.equal(printed.hostname, "elsewhere");
  const mine = printed.metrics.filter(({ metric }: { metric: string }) => /^mine/.test(metric));
  assert.deepEqual(mine, [
    { metric: "mine.a", value: 1, unit: "s" },
    { metric: "mine.b", value: null, unit: "s", message: "off: by hand" },
  ]);
  assert.deepEqual(printed.failed.map(({ script }: { script: string }) => script), ["wrong"]);
  assert.match(err, /^wrong: returned what cannot be sent/);
  assert.ok(error instanceof Error && "hint" in error, "the program exits 1 with a hint");
});

Deno.test("monitor agent: bad settings end with exit code 2", async () => {
  for (const args of [["--interval", "0.5"], ["--server", "nowhere"], ["--metrics", "/no/such"]]) {
    const { error } = await run(["--once", ...args]);
    assert.ok(error instanceof Error && Reflect.get(error, "exit_code") === 2, args.join(" "));
  }
  const { error, err } = await run(["--interval", "soon"]);
  assert.ok(error instanceof CommanderError);
  assert.match(err, /It must be a number of seconds, such as 10/);
});

Deno.test("monitor agent --help has examples that can be pasted", async () => {
  const { out } = await run(["--help"]);
  const examples = [...out.matchAll(/^ {2}monitor (agent .*)$/gm)].map(([, example]) => example);
  assert.ok(examples.length >= 3);
  for (
    const option of ["--config", "--server", "--metrics", "--hostname", "--interval", "--once"]
  ) {
    assert.match(out, new RegExp(`^  ${option} `, "m"));
  }
});
