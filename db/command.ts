/**
 * `monitor migrate`: the schema of a database, looked at (`--status`, `--dry-run`) or brought up to
 * date. The server does the same when it starts; the command is for operators who want to see it
 * first, or to do it at a time of their choice.
 */
import type { Command, OptionValues } from "@commander-js/extra-typings";
import type { Clock } from "../clock.ts";
import type { Logger } from "../log.ts";
import type { Sql } from "./connect.ts";
import { migrate, type MigrationStatus, migrationStatus } from "./migrate.ts";
import { type Migration, migrationLabel } from "./migration_files.ts";

export interface MigrateContext<Options> {
  clock: Clock;
  /** Writes to stdout. */
  out: (text: string) => void;
  /** Opens the database that the common options name, without migrating it. */
  openDatabase: (options: Options) => Promise<OpenedDatabase>;
}

export interface OpenedDatabase {
  sql: Sql;
  log: Logger;
  url_for_display: string;
  close: () => Promise<void>;
}

/** What `--json` prints. */
export interface MigrateReport {
  database: string;
  applied: { number: number; name: string; applied_at: string }[];
  pending: { number: number; name: string }[];
  /** Numbers that this command has applied. */
  applied_now: number[];
}

function reportOf(database: string, status: MigrationStatus, now: Migration[]): MigrateReport {
  return {
    database,
    applied: status.applied.map(({ number, name, applied_at_ms }) => ({
      number,
      name,
      applied_at: new Date(applied_at_ms).toISOString(),
    })),
    pending: status.pending.map(({ number, name }) => ({ number, name })),
    applied_now: now.map(({ number }) => number),
  };
}

function migrations(count: number): string {
  return count === 1 ? "1 migration" : `${count} migrations`;
}

/** The report for people: one line a migration, then the sum. */
export function textOf(report: MigrateReport): string {
  const labels = [...report.applied, ...report.pending].map(migrationLabel);
  const width = Math.max(0, ...labels.map((label) => label.length));
  const now = new Set(report.applied_now);
  const lines = [
    ...report.applied.map((one) =>
      `${migrationLabel(one).padEnd(width)}  ${
        now.has(one.number) ? "applied now" : one.applied_at
      }`
    ),
    ...report.pending.map((one) => `${migrationLabel(one).padEnd(width)}  pending`),
  ];
  const sum = report.pending.length === 0
    ? `Up to date: ${migrations(report.applied.length)}, ${report.applied_now.length} applied now`
    : `${migrations(report.pending.length)} pending: monitor migrate applies them`;
  return `${[...lines, sum].join("\n")}\n`;
}

/** What would be run, as a script. */
export function scriptOf(pending: Migration[]): string {
  if (pending.length === 0) return "-- up to date: nothing to run\n";
  return pending.map((one) => `-- ${migrationLabel(one)}\n${one.sql.trimEnd()}\n`).join("\n");
}

/**
 * Adds the command's own options and its action to `base`, which is named and has the options that
 * say which database is meant. Throws what `openDatabase`, `migrate` and `migrationStatus` throw.
 */
export function migrateCommand<Options extends OptionValues>(
  base: Command<[], Options>,
  context: MigrateContext<Options>,
) {
  return base
    .description("bring the database to the schema of this version")
    .option("--status", "show which migrations are applied and which are not")
    .option("--dry-run", "print the SQL that would be run")
    .option("--json", "print the result as JSON")
    .action(async (options) => {
      // the same options, in the type that they have without ours
      const database = await context.openDatabase(base.opts());
      try {
        await run(database, options, context);
      } finally {
        await database.close();
      }
    });
}

async function run(
  database: OpenedDatabase,
  options: { status?: true; dryRun?: true; json?: true },
  context: Pick<MigrateContext<never>, "clock" | "out">,
): Promise<void> {
  const { sql, log, url_for_display } = database;
  const { clock, out } = context;
  if (options.dryRun && !options.json) {
    out(scriptOf((await migrationStatus(sql)).pending));
    return;
  }
  const only_look = options.status || options.dryRun;
  const now = only_look ? [] : await migrate(sql, { log, clock });
  const report = reportOf(url_for_display, await migrationStatus(sql), now);
  out(options.json ? `${JSON.stringify(report, undefined, 2)}\n` : textOf(report));
}
