/**
 * Every command in README.md and docs/ works as it stands, every option that a sentence names
 * exists, and every configuration is one. The commands talk to a server of this test, which has a
 * host `web-1`, as the pages do.
 */
import assert from "node:assert/strict";
import manifest from "../../deno.json" with { type: "json" };
import { loadAgentConfig } from "../../agent/config.ts";
import { loadConfig } from "../../server/config.ts";
import { listSettings } from "../../server/config/settings.ts";
import { readSource } from "../support/modules.ts";
import { kindOf } from "./doc_kinds.ts";
import { type DocShell, docShell } from "./doc_shell.ts";
import { type Block, blocksOf, commandsOf, inlineCommands, pages } from "./doc_text.ts";
import { firstMetrics } from "./first_metrics.ts";
import { runMonitor, startMonitor } from "./run_monitor.ts";

/** What a command writes when it has not done what the page says. */
const COMPLAINT = /^error: |^BUG: |\{"error"/m;

function say(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
}

/** Names of the first level, by which a configuration is told from other JSON. */
const SERVER_NAMES = new Set(listSettings().map(({ path }) => path.split(".")[0] ?? ""));
const AGENT_NAMES = new Set([
  "data_dir",
  "spool",
  "metrics",
  "permissions",
  "server",
  "token_file",
  "join_code_file",
  "sign",
  "tags",
  "alias",
  "location",
  "exec",
  "scrape",
  "python",
  "statsd",
]);

function exists(path: string): boolean {
  try {
    return Deno.statSync(new URL(`../../${path}`, import.meta.url)).isFile;
  } catch {
    return false;
  }
}

function configurationKind(block: Block): "server" | "agent" | "other" {
  const value: unknown = JSON.parse(block.text);
  if (typeof value !== "object" || value === null || Array.isArray(value)) return "other";
  const names = Object.keys(value);
  if (names.includes("hostname") && names.includes("metrics")) return "other"; // a report
  if (names.length > 0 && names.every((name) => SERVER_NAMES.has(name))) return "server";
  return names.length > 0 && names.every((name) => AGENT_NAMES.has(name)) ? "agent" : "other";
}

/** Reads a configuration of a page as the program would; what it leaves in `work` can be used. */
async function checkJson(block: Block, shell: DocShell): Promise<void> {
  const kind = configurationKind(block);
  if (kind === "other") return;
  const secret = shell.dir.join("secret");
  // a channel's secret may be an address
  const isOfChannels = block.text.includes('"channels"');
  await Deno.writeTextFile(secret, isOfChannels ? "https://hooks.example/secret\n" : "secret\n");
  const text = block.text.replaceAll(/("\w+_file": )"[^"]+"/g, `$1${JSON.stringify(secret)}`);
  const file = shell.dir.join("work", kind === "server" ? "config.json" : "agent.json");
  await Deno.writeTextFile(file, text);
  if (kind === "server") loadConfig({ file, env: {} });
  else await loadAgentConfig({ file });
}

/** A collector says in its first line what its file is called. */
async function keepCollector(block: Block, shell: DocShell): Promise<void> {
  const [, name] = /^\/\/ (\w+\.ts)\n/.exec(block.text) ?? [];
  assert.ok(name, `${block.page}:${block.line} does not begin with the name of its file`);
  const folder = shell.dir.join("work", "my-metrics");
  await Deno.mkdir(folder, { recursive: true });
  await Deno.writeTextFile(`${folder}/${name}`, block.text);
}

/** A file that commands of a page use says in its first line what it is called. */
async function keepFile(block: Block, shell: DocShell): Promise<void> {
  const [, name] = /^# ([\w-]+\.\w+)\n/.exec(block.text) ?? [];
  if (name !== undefined) await Deno.writeTextFile(shell.dir.join("work", name), block.text);
}

async function tryCommand(text: string, shell: DocShell): Promise<void> {
  const kind = kindOf(text);
  if (kind.kind === "unknown") assert.fail(`no test knows what to do with: ${text}`);
  if (kind.kind === "skip") return say(`  not run, ${kind.reason}: ${text}`);
  if (kind.kind === "look") return assert.equal(kind.wrong, undefined, text);
  if (kind.kind === "start") {
    const started = shell.start(text);
    await started.line(kind.ready);
    const code = await started.stop();
    assert.deepEqual([code, COMPLAINT.exec(started.err)], [0, null], started.err);
    return;
  }
  const [program = ""] = text.split(" ");
  if (program !== "curl" && !await shell.has(program) && !/^(deno|monitor)$/.test(program)) {
    return say(`  not run, ${program} is not installed: ${text}`);
  }
  const { code, out, err } = await shell.run(text);
  assert.deepEqual([code, COMPLAINT.exec(out + err)], [0, null], `${text}\n${out}\n${err}`);
}

Deno.test("README.md and docs/: every command works, every configuration is one", async (t) => {
  await using shell = await docShell();
  // where the pages say that an ordinary user's data is
  const data = shell.dir.join("home", ".local", "share", "monitor");
  // the pages have a channel called "ops"
  const config = shell.dir.join("server.json");
  const channels = { ops: { kind: "command", command: ["true"] } };
  await Deno.writeTextFile(config, JSON.stringify({ channels }));
  await using server = await startMonitor(
    ["serve", "--port", "0", "--data", data, "--config", config],
    // the pages speak of the host that the server itself is
    { env: { MONITOR_OWN_METRICS_EVERY_S: "1" } },
  );
  shell.url = server.url;
  await using agent = await startMonitor(
    ["agent", "--hostname", "web-1", "--server", server.url, "--data", shell.dir.join("agent")],
  );
  await agent.line(/Agent collects/);
  await firstMetrics(server.url, "web-1");
  for (const page of pages()) {
    for (const block of blocksOf(page)) {
      const at = `${page}:${block.line}`;
      if (block.language === "json") await t.step(`${at} JSON`, () => checkJson(block, shell));
      if (block.language === "ts" && page === "docs/collectors.md") {
        await keepCollector(block, shell);
      }
      if (/^(yaml|scenario)$/.test(block.language)) await keepFile(block, shell);
      for (const { text, place } of block.language === "sh" ? commandsOf(block) : []) {
        await t.step(`${place} ${text.replaceAll("\n", " ")}`, () => tryCommand(text, shell));
      }
    }
  }
});

Deno.test("README.md and docs/: commands and options named in sentences exist", async () => {
  const helps = new Map<string, string>();
  const wrong: string[] = [];
  for (const { text, place } of pages().flatMap(inlineCommands)) {
    const words = text.replace(/^deno task /, "").split(" ");
    const [task = "", name = ""] = words;
    // "…" and the like stand for any task or command
    if (!/^[a-z]/.test(task)) continue;
    if (task !== "monitor") {
      if (!Object.hasOwn(manifest.tasks, task)) wrong.push(`${place}: no task ${task}`);
      continue;
    }
    if (!/^[a-z]/.test(name)) continue;
    if (!helps.has(name)) helps.set(name, (await runMonitor([name, "--help"])).out);
    const help = helps.get(name) ?? "";
    if (!help.startsWith(`Usage: monitor ${name}`)) wrong.push(`${place}: no command ${name}`);
    for (const option of words.filter((word) => word.startsWith("--"))) {
      if (!help.includes(` ${option}`)) wrong.push(`${place}: ${name} has no option ${option}`);
    }
  }
  assert.deepEqual(wrong, []);
});

Deno.test("README.md and docs/: blocks of commands say that they are shell", () => {
  const unmarked = pages().flatMap((page) => blocksOf(page))
    .filter(({ language, text }) => language === "" && /^(monitor|deno|npx|curl) /m.test(text))
    .map(({ page, line }) => `${page}:${line}`);
  assert.deepEqual(unmarked, []);
});

Deno.test("README.md and docs/: every link to a file leads to one", () => {
  const broken = pages().flatMap((page) =>
    [...readSource(page).matchAll(/\]\((?!https?:)([^)#\s]+)[^)]*\)/g)].flatMap(
      ([, target = ""]) => {
        const path = new URL(target, `file:///${page}`).pathname.slice(1);
        return exists(path) ? [] : [`${page}: ${target}`];
      },
    )
  );
  assert.deepEqual(broken, []);
});

Deno.test("docs_test: a command that no test knows is not passed over", () => {
  assert.equal(kindOf("rm -rf /").kind, "unknown");
  assert.equal(kindOf("deno run -A main.ts").kind, "look");
  assert.deepEqual(kindOf("npx -y deno@2.9.6 task strat"), {
    kind: "look",
    wrong: 'deno.json has no task "strat"',
  });
  assert.equal(kindOf("MONITOR_PORT=1 deno task start").kind, "start");
  const block: Block = {
    page: "x.md",
    language: "sh",
    line: 3,
    text: "a \\\n  b\n# c\n\nd 'e\nf'\n",
  };
  assert.deepEqual(commandsOf(block), [
    { text: "a \\\nb", place: "x.md:4" },
    { text: "d 'e\nf'", place: "x.md:8" },
  ]);
});

Deno.test("docs_test: what stands in for curl gets and posts", async () => {
  await using shell = await docShell({ with_curl: false });
  await using server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: () => {} },
    async (request) => new Response(`${request.method} ${await request.text()}`),
  );
  shell.url = `http://127.0.0.1:${server.addr.port}`;
  const got = await shell.run("curl -s http://localhost:8888/x");
  assert.deepEqual(got, { code: 0, out: "GET ", err: "" });
  const posted = await shell.run("curl -s http://localhost:8888/x -d '{\"a\": 1}'");
  assert.deepEqual(posted, { code: 0, out: 'POST {"a": 1}', err: "" });
  assert.notEqual((await shell.run("curl --unknown http://localhost:8888/x")).code, 0);
});
