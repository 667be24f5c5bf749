/** The house rules a machine can check. Each has a reason; each is seen to fail on a wrong line. */
import assert from "node:assert/strict";
import { importsOf, listFiles, readSource } from "./support/modules.ts";

const FILE_LINES_MAX = 300;
/** A file of tests is a list: it is read one item at a time. */
const TEST_FILE_LINES_MAX = 400;
const FUNCTION_LINES_MAX = 70;

/**
 * Longer than allowed, with the reason. The number is a ratchet: it may only go down, and an entry
 * that is no longer needed has to go.
 */
const LONG_FILES: Record<string, { lines: number; reason: string }> = {
  "metrics/postgres.ts": {
    lines: 450,
    reason: "a collector is one file, and this one speaks PostgreSQL's protocol",
  },
  "report.ts": { lines: 459, reason: "the whole wire contract is read in one place" },
};
const LONG_FUNCTIONS: Record<string, { lines: number; reason: string }> = {};

/** Folders that wait for what will use them. An entry goes as soon as everything there is used. */
const NOT_YET_USED: Record<string, string> = {};

interface Ban {
  what: string;
  pattern: RegExp;
  /** Where it is right. */
  allowed: string[];
  /** A line that must be found, and one that must not. */
  wrong: string;
  right: string;
}

const BANS: Ban[] = [
  {
    what: "console: data goes to stdout by server/cli/terminal.ts, events to log.ts",
    pattern: /\bconsole\.\w+\(/,
    // collectors may write lines of their own: here are some that do
    allowed: ["tests/agent/", "agent/script/denials.ts"],
    wrong: 'console.log("x");',
    right: 'terminal.out("x");',
  },
  {
    what: "the time of day: take a Clock (clock.ts), so that tests can set it",
    pattern: /\bDate\.now\(|\bnew Date\(\)/,
    // what talks to a real server lives in its time, and so does what runs in a browser
    allowed: ["clock.ts", "server/web/", "tests/e2e/", "tests/bench/"],
    wrong: "const now_ms = Date.now();",
    right: "const date = new Date(now_ms);",
  },
  {
    what: "waiting by timer: clock.sleep(), so that tests need not wait",
    pattern: /new Promise\b.*\bsetTimeout\(|\bsetTimeout\(\s*(resolve|res|r|done)\b/,
    allowed: ["clock.ts", "tests/support/fake_clock.ts"],
    wrong: "await new Promise((resolve) => setTimeout(resolve, 100));",
    right: "const timer = setTimeout(() => worker.terminate(), DEADLINE_MS);",
  },
  {
    what: "unfinished work: do it, or write an issue",
    pattern: /\b(FIXME|TODO|XXX)\b/,
    allowed: [],
    wrong: "// TODO later",
    right: "// what is to do is in the issue",
  },
  {
    what: "as any: say what it is",
    pattern: /\bas any\b|\bas unknown as any\b/,
    allowed: [],
    wrong: "const x = y as any;",
    right: "// as many as fit",
  },
  {
    what: "SQL outside db/: write a function there",
    pattern:
      /\bsql`|\bselect\s+[\w"*(,.\s]+\bfrom\s+\w|\binsert into\s+\w|\bupdate\s+\w+\s+set\s|\bdelete from\s+\w|\b(create|alter|drop) (table|index)\b/i,
    // the collector asks other people's databases
    allowed: ["db/", "metrics/postgres.ts", "tests/", "tools/"],
    wrong: "const rows = await sql`select hostname from host`;",
    right: 'throw new Error("Cannot select a tier: the range is empty");',
  },
  {
    what: "equal or deepEqual by name from node:assert/strict compare loosely in Deno " +
      '(1 equals "1"): import assert, and call assert.equal',
    pattern:
      /import \{[^}]*\b(equal|notEqual|deepEqual|notDeepEqual)\b[^}]*\} from "node:assert(\/strict)?"/,
    allowed: [],
    wrong: 'import { deepEqual, ok } from "node:assert/strict";',
    right: 'import { deepStrictEqual } from "node:assert/strict";',
  },
];

/** A comment may speak of what code must not do. */
function withoutComments(text: string): string {
  return text.split("\n").map((line) => /^\s*(\/\/|\/\*|\*)/.test(line) ? "" : line).join("\n");
}

function linesWith(ban: Ban, text: string): number[] {
  const searched = ban.what.startsWith("unfinished") ? text : withoutComments(text);
  return searched.split("\n").flatMap((line, index) => ban.pattern.test(line) ? [index + 1] : []);
}

interface Length {
  name: string;
  lines: number;
}

/**
 * Functions and methods with their lengths. Formatting is given: one that begins at an indent ends
 * at the next `}` with the same indent.
 */
function functionsOf(text: string): Length[] {
  const lines = text.split("\n");
  return lines.flatMap((line, start) => {
    const head =
      /^(\s*)(?:export )?(?:default )?(?:static )?(?:async )?(?:(?:function\*?|get|set) )?\*?(#?\w+)[<(]/
        .exec(line) ??
        /^(\s*)(?:export )?(?:const )(\w+) = (?:async )?\(.*=> \{$/.exec(line);
    const [, indent = "", name = ""] = head ?? [];
    if (head === null || /^(if|for|while|switch|catch|return|await|super)$/.test(name)) return [];
    const rest = lines.slice(start);
    const opens = rest.findIndex((at) => at.startsWith(indent) && at.endsWith("{"));
    const ends = rest.findIndex((at) => at === `${indent}}` || at === `${indent}};`);
    const other = rest.slice(1).findIndex((at) => at.trim() !== "" && !at.startsWith(`${indent} `));
    // a call (`foo(` … `);`) has its end at the same indent, but no body
    if (opens < 0 || ends < 0 || other < 0) return [];
    const last = rest[other + 1] ?? "";
    const head_only = last.startsWith(`${indent})`) && last.endsWith("{");
    return other + 1 === ends || head_only ? [{ name, lines: ends + 1 }] : [];
  });
}

/** What is too long, what a ratchet allows too much, and entries for nothing. */
function lengthFaults(
  found: readonly Length[],
  options: { max: number; ratchet: Record<string, { lines: number; reason: string }> },
): string[] {
  const { max, ratchet } = options;
  const faults = found.flatMap(({ name, lines }) => {
    const limit = ratchet[name]?.lines ?? max;
    return lines > limit ? [`${name} has ${lines} lines, allowed are ${limit}`] : [];
  });
  const stale = Object.entries(ratchet).flatMap(([name, { lines }]) => {
    const now = found.find((one) => one.name === name)?.lines ?? 0;
    return now <= max
      ? [`${name} needs no exception any more: it has ${now} lines`]
      : now < lines
      ? [`${name} has only ${now} lines: lower its exception from ${lines}`]
      : [];
  });
  return [...faults, ...stale];
}

const OWN_FILE = "tests/tidy_test.ts";
const sources = listFiles(".ts").concat(listFiles(".tsx"))
  .map((path) => ({ path, text: readSource(path) }));

for (const ban of BANS) {
  Deno.test(`tidy: no ${ban.what}`, () => {
    assert.deepEqual(linesWith(ban, ban.wrong), [1], "the check does not see what it looks for");
    assert.deepEqual(linesWith(ban, ban.right), [], "the check sees what is right");
    const found = sources
      .filter(({ path }) => path !== OWN_FILE && !ban.allowed.some((at) => path.startsWith(at)))
      .flatMap(({ path, text }) => linesWith(ban, text).map((line) => `${path}:${line}`));
    assert.deepEqual(found, []);
  });
}

Deno.test("tidy: files have a length that can be read", () => {
  const found = sources.map(({ path, text }) => ({
    name: path,
    lines: text.split("\n").length - 1,
  }));
  const [tests, others] = [true, false].map((wanted) =>
    found.filter(({ name }) => /(^tests\/|_test\.ts$)/.test(name) === wanted)
  );
  assert.deepEqual([
    ...lengthFaults(others ?? [], { max: FILE_LINES_MAX, ratchet: LONG_FILES }),
    ...lengthFaults(tests ?? [], { max: TEST_FILE_LINES_MAX, ratchet: {} }),
  ], []);
});

Deno.test(`tidy: functions have at most ${FUNCTION_LINES_MAX} lines`, () => {
  const found = sources.flatMap(({ path, text }) =>
    functionsOf(text).map(({ name, lines }) => ({ name: `${path} ${name}`, lines }))
  );
  assert.ok(found.length > 100, `only ${found.length} functions were found`);
  assert.deepEqual(lengthFaults(found, { max: FUNCTION_LINES_MAX, ratchet: LONG_FUNCTIONS }), []);
});

Deno.test("tidy: the check of lengths sees functions, methods and stale exceptions", () => {
  const body = (count: number) => "    work();\n".repeat(count);
  const text = `export async function long(\n  a: number,\n): void {\n${body(70)}}\n` +
    `class A {\n  async #method(a: B<C>): Promise<void> {\n${body(3)}  }\n}\n` +
    `call(\n  1,\n);\nconst arrow = (a: number) => {\n${body(2)}};\n`;
  assert.deepEqual(functionsOf(text), [
    { name: "long", lines: 74 },
    { name: "#method", lines: 5 },
    { name: "arrow", lines: 4 },
  ]);
  const options = {
    max: 70,
    ratchet: { b: { lines: 90, reason: "" }, c: { lines: 80, reason: "" } },
  };
  const found = [{ name: "a", lines: 71 }, { name: "b", lines: 85 }, { name: "c", lines: 20 }];
  assert.deepEqual(lengthFaults(found, options), [
    "a has 71 lines, allowed are 70",
    "b has only 85 lines: lower its exception from 90",
    "c needs no exception any more: it has 20 lines",
  ]);
});

Deno.test("tidy: files have snake_case names, and none is a drawer", () => {
  const wrong = sources.map(({ path }) => path).filter((path) =>
    !/^(\.?[a-z0-9_]+\/)*[a-z0-9_]+(\.d)?\.tsx?$/.test(path) ||
    /(^|\/)(utils?|common|helpers?|types|misc|lib)(\/|\.ts)/.test(path)
  );
  assert.deepEqual(wrong, []);
});

Deno.test("tidy: every module is imported, or named by a module that loads it", async () => {
  // the program's start, what is run by hand, and collectors, which are found by their folder
  const starts = ["main.ts", "tools/", "tests/", "metrics/"];
  const program = sources.filter(({ path }) => !path.startsWith("tests/"));
  const imported = new Set(
    (await importsOf(program.map(({ path }) => path))).map((edge) => edge.to),
  );
  const orphans = program.map(({ path }) => path).filter((path) => {
    if (imported.has(path) || starts.some((start) => path.startsWith(start))) return false;
    // workers and bundles are loaded by a name in a text: new URL("./sandbox_worker.ts", …)
    const quoted = new RegExp(`["'\`/]${path.split("/").at(-1)?.replaceAll(".", "\\.")}["'\`]`);
    return !program.some((other) => other.path !== path && quoted.test(other.text));
  });
  const waiting = Object.keys(NOT_YET_USED);
  assert.deepEqual(orphans.filter((path) => !waiting.some((at) => path.startsWith(at))), []);
  const used = waiting.filter((at) => !orphans.some((path) => path.startsWith(at)));
  assert.deepEqual(used, [], "is used by now: take it off the list");
});
