/**
 * `monitor storage | export | import | simulate`: the data as a whole, seen and moved. Only what the
 * help needs is loaded here; the work is loaded when a command runs.
 */
import { Command, Option } from "@commander-js/extra-typings";
import { FORMAT_NAMES } from "../wire/sample.ts";
import { SERVER_DESCRIPTION } from "./address.ts";
import { example, instant, type ReadingContext } from "./command.ts";
import { UsageError } from "./failure.ts";
import { parseDuration } from "./instant.ts";
import { tagPatterns } from "./tags.ts";
import { programName } from "./terminal.ts";
import { safeText } from "./text.ts";

/** What agents do. */
const INTERVAL_MS = 10_000;

/** For an option that may be given several times. */
function append(value: string, before: string[] | undefined): string[] {
  return [...before ?? [], value];
}

function storageCommand(context: ReadingContext) {
  return new Command("storage")
    .description("what the data weighs, how it grows, and when the disk is full")
    .option("--hosts <n>", "list the largest", whole("--hosts", { min: 0, max: 100_000 }), 10)
    .option("--server <url>", SERVER_DESCRIPTION)
    .option("--json", "print the answer of GET /api/v1/storage")
    .addHelpText("after", example(["storage", "storage --hosts 0", "storage --json"]))
    .action(async (options) => {
      const { runStorage } = await import("./storage.ts");
      await runStorage(options, context);
    });
}

function exportCommand(context: ReadingContext) {
  return new Command("export")
    .description("samples as lines of text: CSV, NDJSON or Prometheus text")
    .addOption(new Option("--format <format>", "of the lines").choices(FORMAT_NAMES).default("csv"))
    .option("--host <pattern>", "only these hosts: web-*, db?; can be repeated", append)
    .option("--tag <name=pattern>", "only hosts with this tag: env=prod; can be repeated", append)
    .option("--metric <pattern>", "only these metrics; can be repeated", append)
    .option("--since <time>", "where to begin: 7d, 2026-01-31 (with the first sample)")
    .option("--until <time>", "where to end, this time left out (with the last sample)")
    .option("--output <file>", "write a file, which appears when it is complete (stdout)")
    .option("--server <url>", SERVER_DESCRIPTION)
    .addHelpText(
      "after",
      example([
        "export --since 1d > day.csv",
        "export --host 'web-*' --metric 'cpu*' --format ndjson --output web.ndjson",
        "export --since 1h --format prometheus | gzip > hour.prom.gz",
      ]),
    )
    .action(async (options) => {
      const now_ms = context.clock.now();
      const { since, until } = options;
      const from_ms = since === undefined
        ? undefined
        : instant(since, { option: "--since", now_ms });
      const to_ms = until === undefined ? undefined : instant(until, { option: "--until", now_ms });
      if ((from_ms ?? -Infinity) >= (to_ms ?? Infinity)) {
        throw new UsageError("--since must be before --until");
      }
      const { runExport } = await import("./export.ts");
      const { host = [], metric = [] } = options;
      const tags = tagPatterns(options.tag ?? []);
      await runExport({ ...options, host, metric, tags, from_ms, to_ms }, context);
    });
}

function importCommand(context: ReadingContext) {
  return new Command("import")
    .description("samples from a file into a server: CSV, NDJSON or Prometheus text")
    .argument("<file>", "the file, also packed by gzip; - for stdin")
    .addOption(
      new Option("--format <format>", "of the lines (what they look like)").choices(FORMAT_NAMES),
    )
    .option("--server <url>", SERVER_DESCRIPTION)
    .option("--json", "print the account as JSON")
    .addHelpText(
      "after",
      example(["import day.csv", "import hour.prom.gz --server http://localhost:9000"]) +
        `\n  ${programName()} export --host web-1 --format ndjson | ` +
        `${programName()} import - --server http://localhost:9000` +
        "\n\nA line of each format:\n" +
        "  csv         web-1,cpu_usage,1769860800.5,12.5      after a line host,metric,timestamp,value\n" +
        '  ndjson      {"host":"web-1","metric":"cpu_usage","t":1769860800.5,"v":12.5}\n' +
        '  prometheus  cpu_usage{host="web-1"} 12.5 1769860800500',
    )
    .action(async (file, options) => {
      const { runImport } = await import("./import.ts");
      await runImport({ file, ...options }, context);
    });
}

/** For options that are whole numbers. */
function whole(option: string, range: { min: number; max: number }): (text: string) => number {
  return (text) => {
    const number = /^\d{1,15}$/.test(text) ? Number(text) : NaN;
    if (number >= range.min && number <= range.max) return number;
    throw new UsageError(
      `${option} must be a whole number from ${range.min} to ${range.max}: ` +
        `current value is "${safeText(text)}"`,
    );
  };
}

function intervalMs(text: string): number {
  const ms = /^\d+(\.\d+)?$/.test(text) ? Number(text) * 1000 : parseDuration(text);
  if (ms !== undefined && Number.isInteger(ms) && ms >= 100 && ms <= 86_400_000) return ms;
  throw new UsageError(
    `--interval must be from 100ms to 1d, as 10s or a number of seconds: ` +
      `current value is "${safeText(text)}"`,
  );
}

function days(text: string): number {
  const number = /^\d{1,5}(\.\d+)?$/.test(text) ? Number(text) : NaN;
  if (number <= 36_500) return number;
  throw new UsageError(
    `--days must be a number from 0 to 36500: current value is "${safeText(text)}"`,
  );
}

function rate(text: string): number {
  return text === "max" ? Infinity : whole("--rate", { min: 1, max: 1e9 })(text);
}

function simulateCommand(context: ReadingContext) {
  return new Command("simulate")
    .description("send what many hosts would send: days of the past, and the present")
    .option("--hosts <n>", "how many", whole("--hosts", { min: 1, max: 1_000_000 }), 10)
    .option("--metrics <n>", "of each host", whole("--metrics", { min: 1, max: 10_000 }), 20)
    .option("--interval <time>", "between two reports of a host (10s)", intervalMs)
    .option("--days <n>", "how much of the past, oldest first", days, 1)
    .option("--live", "go on in real time after that, until Ctrl-C")
    .option(
      "--seed <n>",
      "the same seed is the same data",
      whole("--seed", { min: 0, max: 1e15 }),
      1,
    )
    .option("--prefix <text>", "names of hosts begin with it", "sim-")
    .option("--rate <n>", "reports a second, or max (max)", rate)
    .option("--batch <n>", "reports a request", whole("--batch", { min: 1, max: 10_000 }), 100)
    .option(
      "--connections <n>",
      "requests under way at once",
      whole("--connections", { min: 1, max: 1_000 }),
      4,
    )
    .option("--server <url>", SERVER_DESCRIPTION)
    .option("--json", "print the account as JSON")
    .addHelpText(
      "after",
      example([
        "simulate",
        "simulate --hosts 100 --metrics 50 --days 7 --seed 42",
        "simulate --days 0 --live --interval 1s",
      ]) + "\n\nHosts restart, fall silent, report late; numbers are the same for the same seed.",
    )
    .action(async (options) => {
      const { runSimulate } = await import("./simulate.ts");
      const { interval = INTERVAL_MS, rate = Infinity, live = false, json = false } = options;
      await runSimulate({ ...options, interval_ms: interval, rate, live, json }, context);
    });
}

/** In the order the help lists them. */
export function dataCommands(context: ReadingContext) {
  return [
    storageCommand(context),
    exportCommand(context),
    importCommand(context),
    simulateCommand(context),
  ] as const;
}
