/**
 * `deno task test [paths] [options of deno test]`: the suite on one PostgreSQL of its own.
 *
 * Types are not checked here (`deno task ok` does). The last line is `N passed, N failed, N skipped`;
 * the exit code is that of the tests. MONITOR_TEST_DATABASE_URL makes it use that server instead.
 */
import {
  createTemplate,
  startTestServer,
  TEST_DATABASE_VARIABLE,
} from "../tests/support/test_server.ts";

export interface TestCounts {
  passed: number;
  failed: number;
  skipped: number;
}

// deno-lint-ignore no-control-regex -- escape sequences of colours are made of control characters
const COLOURS = /\u001b\[[0-9;]*m/g;

/** Reads the last summary of `deno test`; undefined when it did not come to one. */
export function readSummary(output: string): TestCounts | undefined {
  const lines = output.replace(COLOURS, "").split("\n");
  const summary = lines.findLast((line) => /^(ok|FAILED) \| \d+ passed\b/.test(line));
  if (summary === undefined) return undefined;
  const count = (word: string) => Number(new RegExp(`(\\d+) ${word}\\b`).exec(summary)?.[1] ?? 0);
  return { passed: count("passed"), failed: count("failed"), skipped: count("ignored") };
}

/** Runs `deno test`; shows its output while it comes, and returns it with the exit code. */
async function runTests(args: string[], url: string): Promise<{ code: number; output: string }> {
  const colours = Deno.stdout.isTerminal() && !Deno.noColor;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["test", "-A", "--parallel", "--no-check", ...args],
    env: { [TEST_DATABASE_VARIABLE]: url, ...(colours ? { FORCE_COLOR: "1" } : {}) },
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const decoder = new TextDecoder();
  let output = "";
  for await (const chunk of child.stdout) {
    await Deno.stdout.write(chunk);
    output += decoder.decode(chunk, { stream: true });
  }
  return { code: (await child.status).code, output };
}

async function main(args: string[]): Promise<number> {
  // Ctrl-C ends the tests, which share our terminal; we go on to stop PostgreSQL
  if (Deno.build.os !== "windows") Deno.addSignalListener("SIGINT", () => {});
  const given = Deno.env.get(TEST_DATABASE_VARIABLE);
  await using server = given === undefined ? await startTestServer() : undefined;
  const url = given ?? server?.url ?? "";
  if (given !== undefined) await createTemplate(given);
  const { code, output } = await runTests(args, url);
  const counts = readSummary(output) ?? { passed: 0, failed: 1, skipped: 0 };
  await Deno.stdout.write(new TextEncoder().encode(
    `\n${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped\n`,
  ));
  return code;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
