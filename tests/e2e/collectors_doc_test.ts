/** docs/collectors.md: its collectors run, its messages are the real ones, its tables are complete. */
import assert from "node:assert/strict";
import { readOptions } from "../../agent/option_values.ts";
import { scriptMetadataSchema } from "../../agent/script_metadata.ts";
import type { CollectedOnce } from "../../agent/once.ts";
import { readSource } from "../support/modules.ts";
import { tempDir } from "../support/temp_dir.ts";
import { shippedCollectors } from "../../tools/collectors.ts";
import { blocksOf } from "./doc_text.ts";
import { runMonitor } from "./run_monitor.ts";

const PAGE = "docs/collectors.md";
const page = readSource(PAGE);

/** Each fails in another way; the page has a row for every one of them. */
const FAILING: Record<string, string> = {
  excess: 'export const metric = { permissions: { read: ["/etc/passwd"] } };\n' +
    "export const collect = () => 1;",
  undeclared: "export async function collect() {\n" +
    '  return (await Deno.readTextFile("/etc/passwd")).length;\n}',
  early: 'const text = await Deno.readTextFile("/etc/passwd");\n' +
    "export const collect = () => text.length;",
  imports: 'import { cpus } from "node:os";\nexport const collect = () => cpus().length;',
  missing: 'import { parse } from "./lib/parse.ts";\nexport const collect = () => parse();',
  untyped: "enum Colour { Red }\nexport const collect = () => Colour.Red;",
  nothing: "export const answer = 42;",
  hasty: 'export const metric = { every: "10ms" };\nexport const collect = () => 1;',
  silent: "export function collect() {}",
  nan: "export const collect = () => ({ used: Number(undefined) });",
  text: 'export const collect = () => "twelve";',
  process: 'export const collect = (host) => host.read("/proc/1/environ");',
  slow: 'export const metric = { timeout: "200ms" };\n' +
    "export const collect = (host) => host.sleep(5_000);",
  // so slowly that it is seen before the system refuses more: of the two either may come first
  hoard: 'const kept = [];\nexport const metric = { timeout: "60s" };\n' +
    "export async function collect(host) {\n" +
    "  for (;; await host.sleep(20)) kept.push(new Uint8Array(8 << 20).fill(1));\n}",
  greedy: "export const collect = () => new Uint8Array(2 ** 33).length;",
  many: 'export const metric = { timeout: "60s" };\n' +
    "export async function collect(host) { for (;;) await host.uptime(); }",
  busy: 'export const metric = { timeout: "200ms" };\nexport function collect() { for (;;); }',
};

/** How a process crashes is not for a test to choose. */
const NOT_MADE_HERE = /^its process ended with/;

/** The cells of a table whose heading has been cut off, up to the next empty line. */
function cellsOf(text: string): string[][] {
  const [table = ""] = text.split("\n\n");
  return table.trimEnd().split("\n").slice(1)
    .map((row) => row.split("|").slice(1, -1).map((cell) => cell.trim().replaceAll("`", "")));
}

async function once(
  files: Record<string, string>,
  config: Record<string, unknown> = {},
): Promise<CollectedOnce> {
  await using dir = await tempDir();
  for (const [name, text] of Object.entries(files)) await Deno.writeTextFile(dir.join(name), text);
  const file = dir.join("agent.json");
  await Deno.writeTextFile(file, JSON.stringify({ ...config, metrics: [dir.path] }));
  const ran = await runMonitor(["agent", "--once", "--json", "--config", file]);
  return JSON.parse(ran.out);
}

function examples(): Record<string, string> {
  return Object.fromEntries(
    blocksOf(PAGE).filter(({ language }) => language === "ts").map(({ text }) => [
      /^\/\/ (\w+\.ts)\n/.exec(text)?.[1] ?? "",
      text,
    ]),
  );
}

/** Text of a table with `…` for anything, or of a metric's name with `<name>` for any. */
function pattern(text: string): RegExp {
  const parts = text.split(/…|<\w+>/).map((part) => RegExp.escape(part));
  return new RegExp(`^${parts.join(".+")}$`, "s");
}

Deno.test("docs/collectors.md: the examples collect, and one is refused as it says", async () => {
  const refused = await once(examples(), { shipped: false });
  const [failure] = refused.failed;
  assert.deepEqual(refused.failed.map(({ script }) => script), ["local_users"]);
  assert.ok(page.includes(`${failure?.script}: ${failure?.message}\n`), failure?.message);

  const [block] = blocksOf(PAGE).filter(({ language }) => language === "json");
  const allowed = await once(examples(), { ...JSON.parse(block?.text ?? ""), shipped: false });
  assert.deepEqual(allowed.failed, []);
  assert.deepEqual(allowed.metrics.map(({ metric }) => metric), [
    "kernel.blocked",
    "kernel.context_switches_total",
    "kernel.forks_total",
    "local_users",
    "open_files",
    "postgres_up",
  ]);
  for (const { metric, value } of allowed.metrics) assert.equal(typeof value, "number", metric);
});

Deno.test("docs/collectors.md: the messages of failures are the real ones, and all", async () => {
  const files = Object.fromEntries(
    Object.entries(FAILING).map(([name, text]) => [`${name}.ts`, text]),
  );
  const { failed } = await once(files, { shipped: false });
  const messages = new Map(failed.map(({ script, message }) => [script, message]));
  assert.deepEqual([...messages.keys()].sort(), Object.keys(FAILING).sort());
  const [, table = ""] = page.split("\n| message | what to do |\n");
  const rows = cellsOf(table).map(([message = ""]) => message);
  const unknown = [...messages.values()].filter((message) =>
    !rows.some((row) => pattern(row).test(message))
  );
  const made_here = rows.filter((row) => !NOT_MADE_HERE.test(row));
  const never = made_here.filter((row) =>
    ![...messages.values()].some((one) => pattern(row).test(one))
  );
  assert.deepEqual({ unknown, never }, { unknown: [], never: [] });
});

Deno.test("docs/metrics.md lists everything that is collected here", async () => {
  const names = readSource("docs/metrics.md").split("\n| metric | unit | kind | what it is |\n")
    .slice(1).flatMap((text) => cellsOf(text).map(([name = ""]) => pattern(name)));
  const { metrics } = await once({});
  const unlisted = metrics.filter(({ metric }) => !names.some((one) => one.test(metric)));
  assert.deepEqual(unlisted, []);
});

Deno.test("docs/metrics.md: the examples are settings that collectors take", async () => {
  const shipped = await shippedCollectors();
  const tried = new Set<string>();
  for (
    const { text } of blocksOf("docs/metrics.md").filter(({ language }) => language === "json")
  ) {
    const { collectors }: { collectors: Record<string, Record<string, unknown>> } = JSON.parse(
      text,
    );
    for (const [name, { enabled: _enabled, ...written }] of Object.entries(collectors)) {
      const { options = {} } = scriptMetadataSchema.parse(shipped.get(name));
      const read = await readOptions(options, written, {
        path: name,
        readSecret: () => Promise.resolve("secret"),
        nameservers: () => Promise.resolve(["192.0.2.1"]),
      });
      assert.equal(read.kind, "ready", JSON.stringify(read));
      tried.add(name);
    }
  }
  const with_options = [...shipped].filter(([, { options }]) => options).map(([name]) => name);
  assert.deepEqual(with_options.filter((name) => !tried.has(name)), []);
});
