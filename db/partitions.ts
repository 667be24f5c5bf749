/**
 * Partitions of the hot tables: `report` by ten minutes, `annotation` by the day. They are made some
 * time ahead, so that a clock a little fast, or a server that was busy, never waits for one. A time
 * without a partition goes to the table's default partition, and so does everything older than the
 * first partition ever made.
 *
 * Ten minutes, because a question over all hosts reads every hot row of its time: hot rows weigh ten
 * times what the same samples weigh in a block, and few of them keep such questions fast.
 */
import type { AnySql, Sql } from "./connect.ts";
import { codeOf, SQLSTATE } from "./sqlstate.ts";
import { transaction } from "./transaction.ts";

/** The span of one partition of `report`. */
export const HOT_MS = 10 * 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Partitions are made until this far ahead; reports may be at most minutes ahead. */
const AHEAD_MS = 2 * HOUR_MS;

/** One transaction at a time makes partitions ("part" in ASCII). */
export const PARTITION_LOCK = 0x70617274;

/**
 * Partitions of `report` at one time, for back-fill (two hours ahead of now are thirteen). Each is a
 * table of its own that planning and locking have to look at; beyond them late rows are cheaper.
 */
export const SLOTS_MAX = 400;
/** Attaching a partition waits this long for readers of late rows; all others wait behind it. */
const ATTACH_WAIT_MS = 2_000;

interface Partitioned {
  table: string;
  step_ms: number;
}

const PARTITIONED: readonly Partitioned[] = [
  { table: "report", step_ms: HOT_MS },
  { table: "annotation", step_ms: DAY_MS },
];

/** The tables whose partitions are made ahead of what comes in, and go when it is history. */
export const HOT_TABLES: readonly string[] = PARTITIONED.map(({ table }) => table);

/** `report_202611221310` for ten minutes, `annotation_20261122` for a day; in UTC. */
export function partitionName(table: string, start_ms: number, step_ms: number): string {
  const digits = new Date(start_ms).toISOString().replaceAll(/\D/g, "");
  return `${table}_${digits.slice(0, step_ms < DAY_MS ? 12 : 8)}`;
}

/**
 * Makes the partitions from now on that are missing.
 *
 * @returns the names of those made
 * @throws `lock_not_available` when readers of late rows are in the way for longer than
 *   `ATTACH_WAIT_MS`: try again soon. Until then reports of a missing partition are late ones
 */
export async function ensurePartitions(sql: Sql, now_ms: number): Promise<string[]> {
  const made: string[] = [];
  // each table in a transaction of its own: nobody is to wait for the readers of another one
  for (const partitioned of PARTITIONED) {
    const { step_ms } = partitioned;
    const first = Math.floor(now_ms / step_ms) * step_ms;
    made.push(
      ...await transaction(sql, async (tx) => {
        // whoever has it waits no longer than we would, and here nobody queues behind us
        await tx`select pg_advisory_xact_lock(${PARTITION_LOCK})`;
        await tx`select set_config('lock_timeout', ${`${ATTACH_WAIT_MS}ms`}, true)`;
        const names: string[] = [];
        for (let start = first; start <= now_ms + AHEAD_MS; start += step_ms) {
          const partition = spanOf(partitioned, start);
          if (await make(tx, partition)) names.push(partition.name);
        }
        return names;
      }),
    );
  }
  return made;
}

/**
 * Makes the ten-minute partition that begins at `start_ms` (a multiple of `HOT_MS`), so that many
 * reports of a past time need not go through `report_late`. It is no failure when it cannot be made
 * (too many there are, reports of that time are in `report_late` already, readers in the way): late
 * rows are merged as well, at a higher price.
 *
 * @returns whether there is such a partition now
 */
export async function ensureSlot(sql: Sql, start_ms: number): Promise<boolean> {
  const wanted = spanOf({ table: "report", step_ms: HOT_MS }, start_ms);
  try {
    return await transaction(sql, async (tx) => {
      await tx`select set_config('lock_timeout', ${`${ATTACH_WAIT_MS}ms`}, true)`;
      await tx`select pg_advisory_xact_lock(${PARTITION_LOCK})`;
      const [{ there, slots } = { there: false, slots: 0 }] = await tx<
        { there: boolean; slots: number }[]
      >`
        select
          coalesce(bool_or(c.relname = ${wanted.name}), false) as there,
          count(*) as slots
        from pg_inherits i
        join pg_class c on c.oid = i.inhrelid
        where i.inhparent = 'report'::regclass`;
      return there || slots < SLOTS_MAX && await make(tx, wanted);
    });
  } catch (error) {
    if (codeOf(error) === SQLSTATE.lock_not_available) return false;
    throw error;
  }
}

/** Is there a partition of `report` for this time? Without one reports go to `report_late`. */
export async function hasHotPartition(sql: Sql, at_ms: number): Promise<boolean> {
  const name = partitionName("report", Math.floor(at_ms / HOT_MS) * HOT_MS, HOT_MS);
  const [there] = await sql`select from pg_class where relname = ${name} and relispartition`;
  return there !== undefined;
}

interface WantedPartition {
  table: string;
  name: string;
  /** ISO 8601. */
  from: string;
  to: string;
}

function spanOf({ table, step_ms }: Partitioned, start_ms: number): WantedPartition {
  return {
    table,
    name: partitionName(table, start_ms, step_ms),
    from: new Date(start_ms).toISOString(),
    to: new Date(start_ms + step_ms).toISOString(),
  };
}

/** Makes one partition when it is missing and can be made. The caller holds `PARTITION_LOCK`. */
async function make(tx: AnySql, { table, name, from, to }: WantedPartition): Promise<boolean> {
  const [there] = await tx`select from pg_class where relname = ${name} and relispartition`;
  if (there !== undefined) return false;
  // attaching needs this lock anyway; without it late rows could come between looking and attaching
  await tx`lock table ${tx(`${table}_late`)} in access exclusive mode`;
  const [late] = await tx`
    select from ${tx(`${table}_late`)} where at >= ${from} and at < ${to} limit 1`;
  // rows of this time are in the default partition already: a partition cannot take them away
  if (late !== undefined) return false;
  // made apart and then attached: this way readers and writers are not locked out
  await tx`create table ${tx(name)} (like ${tx(table)} including storage including constraints)`;
  // nothing of it is ever updated or deleted, and it is gone in minutes: vacuum would read it for
  // nothing, and be in the way of the drop
  if (table === "report") {
    await tx`alter table ${tx(name)}
      set (autovacuum_enabled = false, toast.autovacuum_enabled = false)`;
  }
  // a range is part of the statement's text; both ends come from toISOString()
  await tx`alter table ${tx(table)} attach partition ${tx(name)}
    for values from (${tx.unsafe(`'${from}'`)}) to (${tx.unsafe(`'${to}'`)})`;
  return true;
}
