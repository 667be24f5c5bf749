/**
 * `deno task test [files or folders] [options of deno test]`: the suite on one PostgreSQL of its own.
 *
 * The files are dealt into groups, and as many groups run at once as there are processors, each in a
 * process of its own, one file after the other. (`deno test --parallel` runs files as threads of one
 * process; when two of them start Workers at the same moment, now and then both wait for ever. Seen in
 * 5 of 24 runs on a busy machine with Deno 2.9.6; never with processes.)
 *
 * Types are not checked here (`deno task ok` does). The last line is `N passed, N failed, N skipped`;
 * the exit code is 0 when all groups passed. MONITOR_TEST_DATABASE_URL makes it use that server instead.
 */
import { join } from "node:path";
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

/** Files of one process: large enough that starting it does not count, small enough to share well. */
const GROUP_FILES = 8;
/** A group that takes longer hangs: it is ended, and fails. */
const GROUP_MS_MAX = 6 * 60_000;

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

/** Deals files out so that neighbours, which take about as long, come into different groups. */
export function dealFiles(files: readonly string[], group_files: number): string[][] {
  const count = Math.ceil(files.length / group_files);
  return Array.from({ length: count }, (_, i) => files.filter((_, k) => k % count === i));
}

/** The test files below a folder, or the file itself. */
function testFiles(path: string): string[] {
  if (!Deno.statSync(path).isDirectory) return [path];
  return [...Deno.readDirSync(path)].flatMap((entry) => {
    const inner = join(path, entry.name);
    if (entry.isDirectory) return testFiles(inner);
    return entry.name.endsWith("_test.ts") ? [inner] : [];
  }).sort();
}

interface Run {
  args: string[];
  url: string;
}

/** Runs one group, shows its output when it is complete, and counts. */
async function runGroup(files: string[], { args, url }: Run): Promise<TestCounts> {
  const colours = Deno.stdout.isTerminal() && !Deno.noColor;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["test", "-A", "--no-check", ...args, ...files],
    env: { [TEST_DATABASE_VARIABLE]: url, ...(colours ? { FORCE_COLOR: "1" } : {}) },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    child.kill("SIGKILL");
  }, GROUP_MS_MAX);
  const { code, stdout, stderr } = await child.output();
  clearTimeout(timer);
  await writeAll(stdout);
  await writeAll(stderr);
  const counts = readSummary(new TextDecoder().decode(stdout));
  if (late) await say(`\nerror: ended after ${GROUP_MS_MAX / 60_000} min: ${files.join(" ")}\n`);
  if (counts === undefined) return { passed: 0, failed: 1, skipped: 0 };
  // a leak or an error outside of any test fails a run without a failed test
  return code !== 0 && counts.failed === 0 ? { ...counts, failed: 1 } : counts;
}

async function writeAll(bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await Deno.stdout.write(bytes.subarray(at));
}

function say(text: string): Promise<void> {
  return writeAll(new TextEncoder().encode(text));
}

async function runAll(args: string[], url: string): Promise<TestCounts> {
  const options = args.filter((arg) => arg.startsWith("-"));
  const paths = args.filter((arg) => !arg.startsWith("-"));
  const groups = dealFiles((paths.length > 0 ? paths : ["tests"]).flatMap(testFiles), GROUP_FILES);
  const total: TestCounts = { passed: 0, failed: 0, skipped: 0 };
  await Promise.all(Array.from({ length: navigator.hardwareConcurrency }, async () => {
    for (let files = groups.shift(); files !== undefined; files = groups.shift()) {
      const counts = await runGroup(files, { args: options, url });
      total.passed += counts.passed;
      total.failed += counts.failed;
      total.skipped += counts.skipped;
    }
  }));
  return total;
}

async function main(args: string[]): Promise<number> {
  // Ctrl-C ends the tests, which share our terminal; we go on to stop PostgreSQL
  if (Deno.build.os !== "windows") Deno.addSignalListener("SIGINT", () => {});
  const given = Deno.env.get(TEST_DATABASE_VARIABLE);
  await using server = given === undefined ? await startTestServer() : undefined;
  const url = given ?? server?.url ?? "";
  if (given !== undefined) await createTemplate(given);
  const { passed, failed, skipped } = await runAll(args, url);
  await say(`\n${passed} passed, ${failed} failed, ${skipped} skipped\n`);
  return failed === 0 && passed > 0 ? 0 : 1;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
