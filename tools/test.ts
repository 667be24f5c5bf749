/**
 * `deno task test [files or folders] [options of deno test]`: the suite on one PostgreSQL of its own.
 *
 * The files are dealt into groups, and as many groups run at once as there are processors, each in a
 * process of its own, one file after the other. (`deno test --parallel` runs files as threads of one
 * process; when two of them start Workers at the same moment, now and then both wait for ever. Seen in
 * 5 of 24 runs on a busy machine with Deno 2.9.6; never with processes.)
 *
 * Types are not checked here (`deno task ok` does). What failed is printed again at the end, where
 * one looks first (a log may have been cut), and run once more with nothing beside it: that says whether
 * it fails by itself or by its neighbours, and changes nothing of the outcome. The last line is
 * `N passed, N failed, N skipped`; the exit code is 0 when all groups passed. MONITOR_TEST_DATABASE_URL makes it use that server instead.
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
const GROUP_MS_MAX = 20 * 60_000;
/** So much is shown again of a group that came to no summary. */
const ERRORS_CHARS_MAX = 4_000;
/** More files than these are not run again: then something is wrong with all of them. */
const AGAIN_MAX = 5;

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

/** What `deno test` says of the tests that failed: from its heading ERRORS on; all of it where there is none. */
export function readErrors(output: string): string {
  const plain = output.replace(COLOURS, "");
  const from = plain.lastIndexOf("\n ERRORS \n");
  if (from < 0) return plain.slice(-ERRORS_CHARS_MAX).trim();
  const to = plain.indexOf("\n FAILURES \n", from);
  return plain.slice(from + "\n ERRORS \n".length, to < 0 ? undefined : to).trim();
}

/** The files of the tests that failed, each once; empty when `deno test` did not come to telling. */
export function readFailedFiles(output: string): string[] {
  const places = readErrors(output).matchAll(/ => \.\/(\S+_test\.ts):\d+:\d+$/gm);
  return [...new Set([...places].flatMap((place) => place[1] ?? []))];
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

interface Outcome {
  counts: TestCounts;
  /** What to show again at the end, and to run again; empty when all passed. */
  errors: string;
  failed_files: string[];
}

/** Runs one group, shows its output when it is complete, and counts. */
async function runGroup(files: string[], { args, url }: Run): Promise<Outcome> {
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
  const [output, complaint] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  const found = readSummary(output ?? "");
  if (code === 0 && found !== undefined) return { counts: found, errors: "", failed_files: [] };
  const ended = late ? `\nerror: ended after ${GROUP_MS_MAX / 60_000} min: ${files.join(" ")}` : "";
  const failed_files = readFailedFiles(output ?? "");
  return {
    // a leak or an error outside of any test fails a run without a failed test
    counts: { passed: 0, skipped: 0, ...found, failed: Math.max(1, found?.failed ?? 0) },
    errors: [readErrors(output ?? ""), (complaint ?? "").slice(-ERRORS_CHARS_MAX), ended].join(
      "\n",
    ),
    failed_files: failed_files.length > 0 ? failed_files : files,
  };
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
  const failures: Outcome[] = [];
  await Promise.all(Array.from({ length: navigator.hardwareConcurrency }, async () => {
    for (let files = groups.shift(); files !== undefined; files = groups.shift()) {
      const outcome = await runGroup(files, { args: options, url });
      total.passed += outcome.counts.passed;
      total.failed += outcome.counts.failed;
      total.skipped += outcome.counts.skipped;
      if (outcome.errors !== "") failures.push(outcome);
    }
  }));
  if (failures.length > 0) await explain(failures, { args: options, url });
  return total;
}

/** Runs the files of what failed once more, one after the other, then shows what was wrong the first time. */
async function explain(failures: readonly Outcome[], run: Run): Promise<void> {
  const files = [...new Set(failures.flatMap((failure) => failure.failed_files))];
  const again: string[] = [];
  for (const file of files.slice(0, AGAIN_MAX)) {
    await say(`\n== once more, alone: ${file}\n`);
    const { counts } = await runGroup([file], run);
    const how = counts.failed > 0
      ? "fails alone too"
      : "passes alone: it depends on load or neighbours";
    again.push(`${file}: ${how}`);
  }
  const errors = failures.map((failure) => failure.errors.trim()).join("\n\n");
  await say(`\n== what failed\n${errors}\n\n${again.join("\n")}\n`);
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
