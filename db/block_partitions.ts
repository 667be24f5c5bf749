/**
 * The partitions that history consists of: made when the first block of their time is written, and
 * dropped whole when all of it is past its retention. Names are those of the table and the time:
 * `block_raw_20261122`, `block_5m_202611`, `block_1h_2026`, `block_1d_2026`, `annotation_20261122`.
 */
import type { AnySql, Sql } from "./connect.ts";
import { PARTITION_LOCK } from "./partitions.ts";
import { codeOf, SQLSTATE } from "./sqlstate.ts";
import { type CalendarUnit, endOf, startOf, type Tier, TIERS } from "./tiers.ts";
import { transaction } from "./transaction.ts";

/**
 * A row stays in one piece up to this size, so that `offsets` (and all of a small block) is read
 * with the row: docs/block-format.md, "In a table".
 */
export const TOAST_TUPLE_TARGET = 8160;

/**
 * A drop waits this long for whoever reads or writes the table just now. Everybody who comes later
 * queues behind the waiting drop, so it must be short; the next run tries again.
 */
export const DROP_WAIT_MS = 200;

/** How many digits of `2026112213…` name a partition of that length. */
const NAME_DIGITS: Readonly<Record<CalendarUnit, number>> = { year: 4, month: 6, day: 8, hour: 10 };

/** What retention can drop. */
export interface Partition {
  table: "block_raw" | "block_5m" | "block_1h" | "block_1d" | "annotation";
  name: string;
  start_ms: number;
  end_ms: number;
  /** With indexes and what is stored out of line. */
  bytes: number;
}

const UNIT_OF_TABLE: Readonly<Record<Partition["table"], CalendarUnit>> = {
  block_raw: TIERS.raw.partition,
  block_5m: TIERS["5m"].partition,
  block_1h: TIERS["1h"].partition,
  block_1d: TIERS["1d"].partition,
  annotation: "day",
};

function nameOf(table: Partition["table"], start_ms: number): string {
  const digits = new Date(start_ms).toISOString().replaceAll(/\D/g, "");
  return `${table}_${digits.slice(0, NAME_DIGITS[UNIT_OF_TABLE[table]])}`;
}

/** The partition of a tier that a block beginning at `start_ms` belongs to. */
export function blockPartitionName(tier: Tier, start_ms: number): string {
  const { table, partition } = TIERS[tier];
  return nameOf(table, startOf(partition, start_ms));
}

/** Reads a name back; undefined for the default partition and for tables that are not ours. */
function timeOf(name: string): Pick<Partition, "table" | "start_ms" | "end_ms"> | undefined {
  const [, table, digits = ""] = /^(\w+)_(\d{4,8})$/.exec(name) ?? [];
  const known = (Object.keys(UNIT_OF_TABLE) as Partition["table"][])
    .find((one) => one === table && digits.length === NAME_DIGITS[UNIT_OF_TABLE[one]]);
  if (known === undefined) return undefined;
  const [year, month = "1", day = "1"] = [
    digits.slice(0, 4),
    digits.slice(4, 6) || undefined,
    digits.slice(6, 8) || undefined,
  ];
  const start_ms = Date.UTC(Number(year), Number(month) - 1, Number(day));
  return { table: known, start_ms, end_ms: endOf(UNIT_OF_TABLE[known], start_ms) };
}

/**
 * Makes the partition for a block of `tier` that begins at `start_ms`, when it is missing. Any number
 * of servers may race.
 *
 * @returns whether it was made
 */
export async function ensureBlockPartition(
  sql: Sql,
  tier: Tier,
  start_ms: number,
): Promise<boolean> {
  const { table, partition } = TIERS[tier];
  const name = blockPartitionName(tier, start_ms);
  const from = new Date(startOf(partition, start_ms)).toISOString();
  const to = new Date(endOf(partition, start_ms)).toISOString();
  return await transaction(sql, async (tx) => {
    await tx`select pg_advisory_xact_lock(${PARTITION_LOCK})`;
    const [there] = await tx`select from pg_class where relname = ${name} and relispartition`;
    if (there !== undefined) return false;
    // made apart and then attached: this way readers and writers are not locked out
    await tx`create table ${tx(name)} (like ${tx(table)} including storage including constraints)
      with (toast_tuple_target = ${tx.unsafe(String(TOAST_TUPLE_TARGET))})`;
    // a range is part of the statement's text; both ends come from toISOString()
    await tx`alter table ${tx(table)} attach partition ${tx(name)}
      for values from (${tx.unsafe(`'${from}'`)}) to (${tx.unsafe(`'${to}'`)})`;
    return true;
  });
}

/** All partitions that have a retention, the oldest first. */
export async function selectPartitions(sql: Sql): Promise<Partition[]> {
  const rows = await sql<{ name: string; bytes: number }[]>`
    select c.relname as name, pg_total_relation_size(c.oid)::float8 as bytes
    from pg_inherits i
    join pg_class c on c.oid = i.inhrelid
    where i.inhparent = any(${Object.keys(UNIT_OF_TABLE)}::text[]::regclass[])
    order by c.relname`;
  return rows.flatMap(({ name, bytes }) => {
    const time = timeOf(name);
    return time === undefined ? [] : [{ ...time, name, bytes }];
  }).sort((a, b) => a.start_ms - b.start_ms || a.name.localeCompare(b.name));
}

/**
 * Drops a partition with everything in it; with `shape_ids` provided that it has blocks of no other
 * shapes: what was merged into it since they were read may be kept for longer.
 *
 * @returns "grown" when it has blocks of others, "busy" when others were using its table for longer
 *   than `DROP_WAIT_MS`: nothing is changed then
 */
export async function dropPartition(
  sql: Sql,
  name: string,
  shape_ids?: readonly number[],
): Promise<"dropped" | "grown" | "busy"> {
  try {
    return await transaction(sql, async (tx) => {
      await tx`select set_config('lock_timeout', ${`${DROP_WAIT_MS}ms`}, true)`;
      if (shape_ids !== undefined && await hasOtherShapes(tx, name, shape_ids)) return "grown";
      await tx`drop table if exists ${tx(name)}`;
      return "dropped";
    });
  } catch (error) {
    if (isInTheWay(error)) return "busy";
    throw error;
  }
}

/** Keeps writers of the partition waiting until the transaction has ended. */
async function hasOtherShapes(
  tx: AnySql,
  name: string,
  shape_ids: readonly number[],
): Promise<boolean> {
  const [there] = await tx`select from pg_class where relname = ${name} and relispartition`;
  if (there === undefined) return false;
  await tx`lock table ${tx(name)} in share mode`;
  const [other] = await tx`
    select from ${tx(name)} where shape_id <> all(${[...shape_ids]}::integer[]) limit 1`;
  return other !== undefined;
}

/** Whether a statement ended because of others' locks. */
export function isInTheWay(error: unknown): boolean {
  const code = codeOf(error);
  return code === SQLSTATE.lock_not_available || code === SQLSTATE.deadlock_detected;
}
