/** `monitor hosts | latest | history`: what a server knows, read over its HTTP API. */
import { Command } from "@commander-js/extra-typings";
import type { Clock } from "../../clock.ts";
import { trusting } from "./trust.ts";
import { defaultServer, defaultToken, SERVER_DESCRIPTION } from "./address.ts";
import { UsageError } from "./failure.ts";
import { INSTANT_FORMS, parseInstant } from "./instant.ts";
import { programName, styled, type Terminal } from "./terminal.ts";
import { safeJson, safeText } from "./text.ts";

export interface ReadingContext {
  terminal: Terminal;
  clock: Clock;
  env: Readonly<Record<string, string | undefined>>;
}

/** What the API returns when nothing is said. */
const LIMIT_DEFAULT = 1_000;

/** The client is loaded when a command runs: `--help` needs neither it nor zod. */
export async function connectClient(server: string | undefined, env: ReadingContext["env"]) {
  const { Client } = await import("./client.ts");
  return new Client(server ?? defaultServer(env), defaultToken(env), trusting(env));
}

function print(terminal: Terminal, lines: readonly string[]): void {
  if (lines.length > 0) terminal.out(lines.join("\n") + "\n");
}

/** A table with its first line set off. */
function printTable(terminal: Terminal, lines: readonly string[]): void {
  const [header = "", ...rows] = lines;
  print(terminal, [styled(terminal, "bold", header), ...rows]);
}

function printJson(terminal: Terminal, answer: unknown): void {
  print(terminal, [safeJson(answer, terminal.out_is_terminal ? 2 : undefined)]);
}

export function example(lines: string[]): string {
  return `\nExamples:\n${lines.map((line) => `  ${programName()} ${line}`).join("\n")}`;
}

function hostsCommand({ terminal, env }: ReadingContext) {
  return new Command("hosts")
    .description("the hosts that have reported")
    .option("--server <url>", SERVER_DESCRIPTION)
    .option("--json", "print the answer of GET /fetch/hosts")
    .addHelpText("after", example(["hosts", "hosts --json"]))
    .action(async (options) => {
      const client = await connectClient(options.server, env);
      const hosts = await client.hosts();
      if (options.json) return printJson(terminal, hosts);
      const { hostLines } = await import("./report_text.ts");
      printTable(terminal, hostLines(hosts, terminal.columns));
      if (hosts.length === 0) terminal.err("No host has reported yet\n");
    });
}

function latestCommand({ terminal, clock, env }: ReadingContext) {
  return new Command("latest")
    .description("the newest value of every metric")
    .argument("[host]", "only this host")
    .option("--server <url>", SERVER_DESCRIPTION)
    .option("--json", "print the answer of GET /fetch/latest")
    .addHelpText("after", example(["latest", "latest $(hostname)", "latest --json"]))
    .action(async (host, options) => {
      const client = await connectClient(options.server, env);
      const answer = await client.latest(host);
      if (options.json) return printJson(terminal, answer);
      const { latestLines } = await import("./report_text.ts");
      const { columns } = terminal;
      const one_host = host !== undefined;
      printTable(terminal, latestLines(answer, { columns, now_ms: clock.now(), one_host }));
      if (Object.keys(answer).length === 0) terminal.err("No host has reported yet\n");
    });
}

/** Throws UsageError when `text` is no point in time. */
export function instant(text: string, options: { option: string; now_ms: number }): number {
  const at_ms = parseInstant(text, options.now_ms);
  if (at_ms !== undefined) return at_ms;
  throw new UsageError(
    `${options.option} must be ${INSTANT_FORMS}: current value is "${safeText(text)}"`,
  );
}

function limit(text: string | undefined): number {
  if (text === undefined) return LIMIT_DEFAULT;
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new UsageError(
    `--limit must be a whole number of at least 1: current value is "${safeText(text)}"`,
  );
}

function historyCommand(context: ReadingContext) {
  return new Command("history")
    .description("the values of one metric, newest first; on a terminal with a chart")
    .argument("<host>")
    .argument("<metric>")
    .option("--since <time>", "where to begin: 15m, 7d, now-6h, 2026-01-31T12:00", "1h")
    .option("--until <time>", "where to end, in the same forms", "now")
    .option("--limit <n>", `at most this many values (${LIMIT_DEFAULT})`)
    .option("--server <url>", SERVER_DESCRIPTION)
    .option("--json", "print the answer of GET /fetch/history/<host>/<metric>")
    .addHelpText(
      "after",
      example([
        "history $(hostname) cpu_usage --since 1h",
        "history $(hostname) memory_usage --since 7d --limit 5000 --json",
      ]),
    )
    .action((host, metric, options) => showHistory({ host, metric, ...options }, context));
}

interface HistoryArguments {
  host: string;
  metric: string;
  since: string;
  until: string;
  limit?: string;
  server?: string;
  json?: true;
}

async function showHistory(wanted: HistoryArguments, context: ReadingContext): Promise<void> {
  const { terminal, env } = context;
  const now_ms = context.clock.now();
  const start_ms = instant(wanted.since, { option: "--since", now_ms });
  const end_ms = instant(wanted.until, { option: "--until", now_ms });
  if (start_ms >= end_ms) throw new UsageError("--since must be before --until");
  const query = { ...wanted, start_ms, end_ms, limit: limit(wanted.limit) };
  const client = await connectClient(wanted.server, env);
  const history = await client.history(query);
  if (wanted.json) return printJson(terminal, history);
  const { historyPicture, historyRows } = await import("./report_text.ts");
  const cut = history.length >= query.limit;
  if (history.length === 0) {
    const span = `between ${new Date(start_ms).toISOString()} and ${
      new Date(end_ms).toISOString()
    }`;
    terminal.err(`No value of ${safeText(wanted.metric)} ${span}\n`);
  } else if (!terminal.out_is_terminal) {
    print(terminal, historyRows(history));
  } else {
    const from_ms = cut ? (history.at(-1)?.[0] ?? 0) * 1000 : start_ms;
    const { columns } = terminal;
    const chart = env.TERM !== "dumb";
    print(
      terminal,
      historyPicture(history, { from_ms, to_ms: end_ms, columns, now_ms, chart }),
    );
  }
  if (cut) terminal.err(`The newest ${query.limit} values; more with --limit\n`);
}

/** In the order the help lists them. */
export function readingCommands(context: ReadingContext) {
  return [hostsCommand(context), latestCommand(context), historyCommand(context)] as const;
}
