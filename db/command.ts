/**
 * `monitor migrate`: the schema of a database, looked at (`--status`, `--dry-run`) or brought up to
 * date. The server does the same when it starts; the command is for operators who want to see it
 * first, or to do it at a time of their choice. With `--to` everything moves into another database
 * (transfer/), with `--distribute` it is spread over a Citus cluster (distribute.ts).
 */
import type { Command, OptionValues } from "@commander-js/extra-typings";
import type { Clock } from "../clock.ts";
import type { Logger } from "../log.ts";
import { AddressError, resolveAddress } from "./address.ts";
import { migrate, type MigrateOptions, type MigrationStatus, migrationStatus } from "./migrate.ts";
import { type Migration, migrationLabel } from "./migration_files.ts";
import type { RunTransferOptions, TransferPlace } from "./transfer/run.ts";

export interface MigrateContext<Options> {
  clock: Clock;
  /** Writes to stdout. */
  out: (text: string) => void;
  /** Opens the database that the common options name, without migrating it. */
  openDatabase: (options: Options) => Promise<OpenedDatabase>;
  /** Opens the database that `--to` names; the common options say where an embedded one is. */
  openTarget: (to: string, options: Options) => Promise<OpenedDatabase>;
  /** Listens for Ctrl-C and its like until disposed. */
  listenForStop: () => Disposable & { readonly signal: AbortSignal };
  showMeter: RunTransferOptions["showMeter"];
}

export interface OpenedDatabase extends TransferPlace {
  log: Logger;
  /** Before a migration that rewrites. */
  keepCopy: MigrateOptions["keepCopy"];
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
  const command = base
    .description("bring the database to the schema of this version")
    .option("--status", "show which migrations are applied and which are not")
    .option("--dry-run", "print the SQL that would be run")
    .option("--to <place>", "move everything: postgres://user@host:5432/database, or embedded")
    .option("--verify", "with --to: move nothing, compare the two");
  // not in the chain: with one more option in its type the compiler takes minutes
  command.option(
    "--distribute",
    "spread the samples over a Citus cluster (not tried on a real one)",
  );
  return command
    .option("--json", "print the result as JSON")
    .action(async (given) => {
      const options: OwnOptions = given;
      const { to, verify } = options;
      if (verify && to === undefined) throw new MigrateUsageError("--verify needs --to");
      if (to !== undefined && (options.status || options.dryRun)) {
        throw new MigrateUsageError("--to cannot be used with --status or --dry-run");
      }
      if (options.distribute && (to ?? options.status ?? options.json) !== undefined) {
        throw new MigrateUsageError("--distribute can only be used with --dry-run");
      }
      if (to !== undefined && to !== "embedded") checkPlace(to);
      // the same options, in the type that they have without ours
      const database = await context.openDatabase(base.opts());
      try {
        if (options.distribute) await spread(database, options, context);
        else if (to === undefined) await run(database, options, context);
        else await moveTo(to, { ...options, database, common: base.opts() }, context);
      } finally {
        await database.close();
      }
    });
}

/** What is added here to the options of `base`. */
interface OwnOptions {
  status?: true;
  dryRun?: true;
  to?: string;
  verify?: true;
  distribute?: true;
  json?: true;
}

/** The command line cannot be meant. */
class MigrateUsageError extends Error {
  override readonly name = "MigrateUsageError";
  readonly exit_code = 2;
  constructor(message: string) {
    super(`error: ${message}`);
  }
}

/** Before anything is started for it. */
function checkPlace(to: string): void {
  try {
    resolveAddress(to);
  } catch (error) {
    if (!(error instanceof AddressError)) throw error;
    // the text is not shown: it may hold a password
    throw new MigrateUsageError("--to must be postgres://user@host:5432/database, or embedded");
  }
}

async function moveTo<Options>(
  to: string,
  options: { database: OpenedDatabase; common: Options; verify?: true; json?: true },
  context: MigrateContext<Options>,
): Promise<void> {
  const { clock } = context;
  const { database: { sql, log, keepCopy }, verify = false, json = false } = options;
  using stop = context.listenForStop();
  // the new place gets the schema of this program, and so must the old one have it
  if (!verify) await migrate(sql, { log, clock, keepCopy, signal: stop.signal });
  const target = await context.openTarget(to, options.common);
  try {
    const { runTransfer } = await import("./transfer/run.ts");
    const { signal } = stop;
    await runTransfer(options.database, target, { ...context, verify, json, log, signal });
  } finally {
    await target.close();
  }
}

async function spread(
  { sql }: OpenedDatabase,
  { dryRun }: OwnOptions,
  { out }: Pick<MigrateContext<never>, "out">,
): Promise<void> {
  const { distribute, distributionScript, planDistribution } = await import("./distribute.ts");
  if (dryRun) return out(distributionScript(await planDistribution(sql)));
  await distribute(sql, ({ table, as }) => out(`${table}: ${as}\n`));
  out("Distributed\n");
}

async function run(
  database: OpenedDatabase,
  options: { status?: true; dryRun?: true; json?: true },
  context: Pick<MigrateContext<never>, "clock" | "out">,
): Promise<void> {
  const { sql, log, url_for_display, keepCopy } = database;
  const { clock, out } = context;
  if (options.dryRun && !options.json) {
    out(scriptOf((await migrationStatus(sql)).pending));
    return;
  }
  const only_look = options.status || options.dryRun;
  const now = only_look ? [] : await migrate(sql, { log, clock, keepCopy });
  const report = reportOf(url_for_display, await migrationStatus(sql), now);
  out(options.json ? `${JSON.stringify(report, undefined, 2)}\n` : textOf(report));
}
