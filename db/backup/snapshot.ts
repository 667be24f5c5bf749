/**
 * Reading a database that is in use, as it was at one moment.
 *
 * One transaction reads everything in one snapshot. A snapshot does not keep tables from being
 * dropped, so each is locked (ACCESS SHARE, which only a drop, a truncation or a change of the table
 * waits for) until it has been read, and looked at once more after that: what was exchanged between
 * snapshot and lock would come out empty. In that case all begins anew with another snapshot.
 *
 * Ingest is in the way of two of these locks: it attaches partitions every ten minutes, for which the
 * default partitions must be free, and closed hours are dropped from `report`, which makes everybody
 * wait who writes there while the drop waits for us. So the default partitions come first, then the
 * other hot ones, each within a savepoint: going back to it gives the locks back, and keeps the
 * snapshot. Aggregation is kept from dropping during that time by the lock of its own.
 */
import type { Clock } from "../../clock.ts";
import { tryRunLock } from "../aggregation_lock.ts";
import type { Sql, TransactionSql } from "../connect.ts";
import { HOT_TABLES } from "../partitions.ts";
import { codeOf, SQLSTATE } from "../sqlstate.ts";
import { transaction } from "../transaction.ts";
import { type Relation, relationLabel, selectRelations } from "../transfer/catalog.ts";
import { quotedName } from "../transfer/copy_table.ts";
import { BackupError } from "./error.ts";

/** Whoever changes a table holds it for less; longer, and others would wait behind us. */
const LOCK_MS_MAX = 5_000;
const ATTEMPTS_MAX = 20;
const ATTEMPT_MS = 500;
/** A run of aggregation is waited for so long, then the backup goes on beside it. */
const AGGREGATION_MS_MAX = 10_000;

export interface Snapshot {
  tx: TransactionSql;
  /** Everything acknowledged before is in the snapshot; ISO 8601, by the database's clock. */
  point: string;
  /** In the order in which `read` gives them. */
  relations: readonly Relation[];
}

export interface SnapshotReader<T> {
  /** Before the first table. */
  begin(snapshot: Snapshot): Promise<void>;
  /** One table, locked. */
  read(relation: Relation): Promise<void>;
  /** After the last one; the snapshot is still there. */
  end(): Promise<T>;
}

class Exchanged extends Error {}

/** Reads all tables in one snapshot. Throws what the reader and PostgreSQL say, and `BackupError`. */
export async function readSnapshot<T>(
  sql: Sql,
  clock: Clock,
  makeReader: () => SnapshotReader<T>,
): Promise<T> {
  for (let attempt = 1;; attempt++) {
    try {
      return await readOnce(sql, clock, makeReader());
    } catch (error) {
      const in_the_way = error instanceof Exchanged ||
        codeOf(error) === SQLSTATE.lock_not_available ||
        codeOf(error) === SQLSTATE.undefined_table;
      if (!in_the_way) throw error;
      if (attempt === ATTEMPTS_MAX) {
        throw new BackupError("Cannot back up: tables change again and again", {
          cause: error,
          hint: "wait until what changes them (monitor migrate, an administrator) is done",
        });
      }
      await clock.sleep(ATTEMPT_MS);
    }
  }
}

async function readOnce<T>(sql: Sql, clock: Clock, reader: SnapshotReader<T>): Promise<T> {
  const aggregation = await pauseAggregation(sql, clock);
  try {
    // not in the transaction: there it would be asked after the snapshot was taken
    const [now] = await sql<{ point: string }[]>`
      select to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as point`;
    const point = now?.point ?? "";
    return await transaction(sql, async (tx) => {
      await tx`select set_config('lock_timeout', ${`${LOCK_MS_MAX}ms`}, true)`;
      const { late, hot, cold } = divide(await selectRelations(tx));
      await lock(tx, cold);
      await reader.begin({ tx, point, relations: [...late, ...hot, ...cold] });
      await withinSavepoint(tx, "hot", async () => {
        await lock(tx, hot);
        await withinSavepoint(tx, "late", async () => {
          await lock(tx, late);
          for (const relation of late) await reader.read(relation);
        });
        for (const relation of hot) await reader.read(relation);
      });
      await aggregation?.[Symbol.asyncDispose]();
      for (const relation of cold) await reader.read(relation);
      return await reader.end();
    }, { mode: "isolation level repeatable read read only" });
  } finally {
    await aggregation?.[Symbol.asyncDispose]();
  }
}

function divide(relations: readonly Relation[]) {
  const isHot = ({ parent }: Relation) =>
    parent?.schema === "public" && HOT_TABLES.includes(parent.name);
  const isLate = ({ bound }: Relation) => bound === "DEFAULT";
  return {
    late: relations.filter(isLate),
    hot: relations.filter((one) => isHot(one) && !isLate(one)),
    cold: relations.filter((one) => !isHot(one) && !isLate(one)),
  };
}

/** Keeps aggregation from running; undefined when a run of it goes on and on. */
async function pauseAggregation(sql: Sql, clock: Clock): Promise<AsyncDisposable | undefined> {
  const begun_ms = clock.monotonic();
  for (;;) {
    const held = await tryRunLock(sql);
    if (held !== undefined || clock.monotonic() - begun_ms > AGGREGATION_MS_MAX) return held;
    await clock.sleep(ATTEMPT_MS);
  }
}

/** Runs `run`, and gives back every lock that was taken meanwhile. */
async function withinSavepoint(
  tx: TransactionSql,
  name: string,
  run: () => Promise<void>,
): Promise<void> {
  await tx.unsafe(`savepoint ${name}`);
  await run();
  await tx.unsafe(`rollback to savepoint ${name}`);
}

async function lock(tx: TransactionSql, relations: readonly Relation[]): Promise<void> {
  if (relations.length === 0) return;
  const names = relations.map(quotedName);
  await tx.unsafe(
    `lock table ${names.map((one) => `only ${one}`).join(", ")} in access share mode`,
  );
  // what the snapshot knows of each against what is there now (the functions look past the snapshot)
  const exchanged = await tx<{ name: string }[]>`
    select n.name
    from unnest(${names}::text[]) as n (name)
    left join pg_class c on c.oid = to_regclass(n.name)
    where c.oid is null or c.relfilenode is distinct from pg_relation_filenode(c.oid)`;
  if (exchanged.length === 0) return;
  throw new Exchanged(
    `${relations.map(relationLabel).length} tables, exchanged: ${exchanged.map((o) => o.name)}`,
  );
}
