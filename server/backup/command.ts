/** `monitor backup | restore`. Only what the help needs is loaded here. */
import type { Command } from "@commander-js/extra-typings";
import type { Clock } from "../../clock.ts";
import type { Logger } from "../../log.ts";
import { UsageError } from "../cli/failure.ts";
import type { StopRequest } from "../cli/signals.ts";
import { programName, type Terminal } from "../cli/terminal.ts";
import { safeText } from "../cli/text.ts";
import type { Config } from "../config.ts";

export interface BackupContext {
  version: string;
  terminal: Terminal;
  clock: Clock;
  /** Listens for Ctrl-C and its like until disposed. */
  listenForStop: () => StopRequest;
}

export interface ReadConfig {
  /** The settings that the common options name. Throws ConfigError. */
  readConfig: () => Promise<{ config: Config; log: Logger }>;
}

function examples(lines: string[]): string {
  return `\nExamples:\n${lines.map((line) => `  ${programName()} ${line}`).join("\n")}`;
}

function keepNumber(text: string): number {
  const number = /^\d{1,6}$/.test(text) ? Number(text) : NaN;
  if (number >= 1) return number;
  throw new UsageError(
    `--keep must be a whole number from 1: current value is "${safeText(text)}"`,
  );
}

/**
 * A command with options of its own. Their types are not followed through ours: with that many,
 * the compiler would be at it for minutes.
 */
// deno-lint-ignore no-explicit-any -- the library's own type for "any command" is this one
type BaseCommand = Command<[], any, any>;

/** What is added here to the options that say which database is meant. */
interface OwnOptions {
  keep?: number;
  full?: true;
  list?: true;
  verify?: true;
  backup?: string;
  force?: true;
  json?: true;
}

/** Options of which at most one makes sense, and what needs another. */
function checkBackupOptions({ keep, full, list, verify, backup }: OwnOptions): void {
  const taking = keep !== undefined || full !== undefined;
  if (list && verify) throw new UsageError("--list and --verify cannot be used together");
  if ((list || verify) && taking) {
    throw new UsageError("--keep and --full cannot be used with --list or --verify");
  }
  if (backup !== undefined && !verify) throw new UsageError("--backup needs --verify");
}

/** `base` is named and has the options that say which database is meant. */
export function backupCommand(
  base: BaseCommand,
  context: BackupContext & ReadConfig,
) {
  return base
    .description("keep all of the database, as it is now, while the server runs")
    .argument("<directory>", 'where backups are kept; "-": one to stdout')
    .option("--keep <n>", "remove all but the newest n of the directory (all stay)", keepNumber)
    .option("--full", "read everything, also what has not changed since the last one")
    .option("--list", "take none: list those of the directory")
    .option("--verify", "take none: read those of the directory to their ends and check them")
    .option("--backup <id>", "with --verify: only this one")
    .option("--json", "print the result as JSON")
    .addHelpText(
      "after",
      examples([
        "backup ./backups",
        "backup ./backups --keep 14",
        "backup ./backups --verify",
        "backup - > monitor.tar",
      ]) +
        "\n\nA backup of the database of a running server is taken beside it; a stopped one is\n" +
        "started for it. It holds secrets: the files are readable by their owner only.",
    )
    .action(async (directory: string, options: OwnOptions) => {
      checkBackupOptions(options);
      if (directory === "-" && (options.list || options.verify)) {
        throw new UsageError("--list and --verify need a directory");
      }
      if (options.list || options.verify) {
        const { runList, runVerify } = await import("./inspect.ts");
        await (options.list ? runList : runVerify)(directory, options, context);
      } else {
        const { runBackup } = await import("./backup.ts");
        await runBackup(directory, options, context);
      }
    });
}

/** `base` is named and has the options that say which database is meant. */
export function restoreCommand(
  base: BaseCommand,
  context: BackupContext & ReadConfig,
) {
  return base
    .description("put a backup into an empty database, and check every row of it")
    .argument("<directory>", 'as given to backup; "-": one from stdin')
    .option("--backup <id>", "this one (the newest); backup --list tells them")
    .option("--force", "where there is a database already: set it aside (embedded), or empty it")
    .option("--json", "print the result as JSON")
    .addHelpText(
      "after",
      examples([
        "restore ./backups --data ./data",
        "restore ./backups --database-url postgres://monitor@localhost/monitor",
        "restore - --data ./data < monitor.tar",
      ]) + "\n\nThe server must be stopped. Interrupted, the same command goes on.",
    )
    .action(async (directory: string, options: OwnOptions) => {
      if (directory === "-" && options.backup !== undefined) {
        throw new UsageError("--backup needs a directory: a stream has one backup");
      }
      const { runRestore } = await import("./restore.ts");
      await runRestore(directory, options, context);
    });
}
