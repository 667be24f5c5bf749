/**
 * Brings a database to the schema of this program.
 *
 * Each migration is one transaction, which first claims its number by inserting it into the table
 * `migration`. Of many processes that start at once, one inserts; the others wait at the unique key,
 * see that there is nothing left to claim, and go on with the next number. A failure takes the claim
 * back with everything else.
 *
 * Before anything is changed, what is applied is compared with what this program has: a number we do
 * not know means that a newer program owns the database, a different checksum that somebody has
 * edited an applied migration. In both cases we do not know the schema, so we do not touch it.
 */
import type { Clock } from "../clock.ts";
import type { Logger } from "../log.ts";
import type { Sql } from "./connect.ts";
import { type Migration, migrationLabel, readMigrations } from "./migration_files.ts";
import { codeOf, SQLSTATE } from "./sqlstate.ts";
import { isBackup, selectUnfinished } from "./transfer/notes.ts";

/** Any number that no other program is likely to lock: "moni" in ASCII. */
const BOOTSTRAP_LOCK = 0x6d6f6e69;

export type MigrationErrorReason =
  | "database_newer"
  | "migration_edited"
  | "migration_failed"
  | "unfinished_copy"
  | "copy_needed"
  | "not_migrated"
  | "no_citus"
  | "not_distributable";

/** The database cannot be brought to this program's schema. Nothing half-done is left. */
export class MigrationError extends Error {
  override readonly name = "MigrationError";
  readonly reason: MigrationErrorReason;
  /** What the operator can do, as one sentence without a full stop. */
  readonly hint: string;

  constructor(
    reason: MigrationErrorReason,
    message: string,
    options: { hint: string; cause?: unknown },
  ) {
    super(message, { cause: options.cause });
    this.reason = reason;
    this.hint = options.hint;
  }
}

export interface AppliedMigration {
  number: number;
  name: string;
  checksum: string;
  /** Milliseconds since 1970. */
  applied_at_ms: number;
}

export interface MigrationStatus {
  /** In order of their numbers. */
  applied: AppliedMigration[];
  /** What `migrate` would apply, in order. */
  pending: Migration[];
}

export interface MigrateOptions {
  log: Logger;
  clock: Clock;
  /** Default: those of this program. */
  migrations?: Migration[];
  /** Told before each migration that this process applies. */
  onProgress?: (step: string) => void;
  /** Checked between migrations: those already applied stay. */
  signal?: AbortSignal;
  /**
   * Called before anything is applied when a migration rewrites data that is there: keeps a copy
   * that can be put back, named like `before-0007_smaller_blocks`. Without it such a migration is
   * not applied.
   */
  keepCopy?: (name: string, rewriting: Migration) => Promise<void>;
  /** The database is being filled by db/transfer: an unfinished copy is what it must be. */
  is_copy?: boolean;
}

async function appliedMigrations(sql: Sql): Promise<AppliedMigration[]> {
  try {
    return await sql<AppliedMigration[]>`
      select number, name, checksum, (extract(epoch from applied_at) * 1000)::int8 as applied_at_ms
      from migration
      order by number
    `;
  } catch (error) {
    if (codeOf(error) === SQLSTATE.undefined_table) return [];
    throw error;
  }
}

/** Throws `MigrationError` when the database was not made by these migrations. */
function check(applied: AppliedMigration[], migrations: Migration[]): void {
  for (const one of applied) {
    const known = migrations.find(({ number }) => number === one.number);
    if (known === undefined) {
      throw new MigrationError(
        "database_newer",
        `Cannot use the database: it has migration ${migrationLabel(one)}, this program knows ` +
          `${migrations.length} migrations`,
        { hint: "run the version of monitor that migrated it, or a newer one" },
      );
    }
    if (known.checksum !== one.checksum) {
      throw new MigrationError(
        "migration_edited",
        `Cannot use the database: migration ${
          migrationLabel(known)
        } was applied with another text ` +
          `(${one.checksum.slice(0, 12)}, this program has ${known.checksum.slice(0, 12)})`,
        {
          hint:
            "use an unmodified monitor; a migration is never edited, the next number repairs it",
        },
      );
    }
  }
}

/** What is applied and what is not. Changes nothing. Throws `MigrationError`. */
export async function migrationStatus(
  sql: Sql,
  options: { migrations?: Migration[]; is_copy?: boolean } = {},
): Promise<MigrationStatus> {
  const migrations = options.migrations ?? await readMigrations();
  const copy_of = options.is_copy ? undefined : await selectUnfinished(sql);
  if (copy_of !== undefined) {
    const command = isBackup(copy_of) ? "monitor restore" : "monitor migrate --to";
    throw new MigrationError(
      "unfinished_copy",
      "Cannot use the database: it is a copy that is not complete",
      { hint: `run the same ${command} again, which goes on where it stopped` },
    );
  }
  const applied = await appliedMigrations(sql);
  check(applied, migrations);
  const done = new Set(applied.map(({ number }) => number));
  return { applied, pending: migrations.filter(({ number }) => !done.has(number)) };
}

async function createTable(sql: Sql): Promise<void> {
  await sql.begin(async (tx) => {
    // "if not exists" alone fails when two sessions create the table at the same time
    await tx`select pg_advisory_xact_lock(${BOOTSTRAP_LOCK})`;
    await tx`
      create table if not exists migration (
        number integer primary key,
        name text not null,
        checksum text not null,
        applied_at timestamptz not null
      )
    `;
  });
}

/** Returns whether this process applied it; false: another one did. */
async function apply(sql: Sql, migration: Migration, now_ms: number): Promise<boolean> {
  try {
    return await sql.begin(async (tx) => {
      const claimed = await tx`
        insert into migration (number, name, checksum, applied_at)
        values (
          ${migration.number}, ${migration.name}, ${migration.checksum},
          to_timestamp(${now_ms}::float8 / 1000)
        )
        on conflict (number) do nothing
      `;
      if (claimed.count === 0) return false;
      await tx.unsafe(migration.sql);
      return true;
    });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new MigrationError(
      "migration_failed",
      `Cannot apply migration ${migrationLabel(migration)}: ${why}`,
      { hint: "the database is as it was before this migration; see the message", cause: error },
    );
  }
}

/** Before the first of them, so that what is kept fits the program that was there before. */
async function keepBefore(pending: Migration[], options: MigrateOptions): Promise<void> {
  const rewriting = pending.find(({ rewrites }) => rewrites !== undefined);
  const [first] = pending;
  if (rewriting === undefined || first === undefined) return;
  const { keepCopy } = options;
  if (keepCopy !== undefined) return await keepCopy(`before-${migrationLabel(first)}`, rewriting);
  throw new MigrationError(
    "copy_needed",
    `Cannot apply migration ${migrationLabel(rewriting)} without being asked to: it rewrites ` +
      `${rewriting.rewrites}`,
    { hint: "back the database up (pg_dump), then run monitor migrate" },
  );
}

/**
 * Applies what is missing and returns what this process applied (nothing when the database is up to
 * date). Any number of processes may call it at once; all return when the database is up to date.
 * Throws `MigrationError`.
 */
export async function migrate(sql: Sql, options: MigrateOptions): Promise<Migration[]> {
  const { log, clock, onProgress, signal } = options;
  const migrations = options.migrations ?? await readMigrations();
  const status = await migrationStatus(sql, { migrations, is_copy: options.is_copy });
  const { pending } = status;
  if (pending.length === 0) return [];
  if (status.applied.length > 0) await keepBefore(pending, options);
  await createTable(sql);
  const applied: Migration[] = [];
  for (const migration of pending) {
    signal?.throwIfAborted();
    onProgress?.(`migration ${migrationLabel(migration)}`);
    const begun_ms = clock.monotonic();
    if (!await apply(sql, migration, clock.now())) continue;
    const took_ms = Math.round(clock.monotonic() - begun_ms);
    log.info("migration applied", { migration: migrationLabel(migration), took_ms });
    applied.push(migration);
  }
  // a newer program may have migrated at the same time
  check(await appliedMigrations(sql), migrations);
  return applied;
}
