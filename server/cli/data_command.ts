/**
 * `monitor export`, and what else moves data between a server and files. Only what the help needs is
 * loaded here; the work is loaded when a command runs.
 */
import { Command, Option } from "@commander-js/extra-typings";
import { FORMAT_NAMES } from "../wire/sample.ts";
import { SERVER_DESCRIPTION } from "./address.ts";
import { example, instant, type ReadingContext } from "./command.ts";
import { UsageError } from "./failure.ts";
import { programName } from "./terminal.ts";

/** For an option that may be given several times. */
function append(value: string, before: string[] | undefined): string[] {
  return [...before ?? [], value];
}

function exportCommand(context: ReadingContext) {
  return new Command("export")
    .description("samples as lines of text: CSV, NDJSON or Prometheus text")
    .addOption(new Option("--format <format>", "of the lines").choices(FORMAT_NAMES).default("csv"))
    .option("--host <pattern>", "only these hosts: web-*, db?; can be repeated", append)
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
      await runExport({ ...options, host, metric, from_ms, to_ms }, context);
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

/** In the order the help lists them. */
export function dataCommands(context: ReadingContext) {
  return [exportCommand(context), importCommand(context)] as const;
}
