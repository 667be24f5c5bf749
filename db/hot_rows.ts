/**
 * The hot table as aggregation sees it: slots (partitions of ten minutes), and late rows, which are
 * those of the default partition. Rows are only ever added to a slot, until it is dropped whole.
 */
import type { PendingQuery, Row } from "postgres";
import { DROP_WAIT_MS, isInTheWay } from "./block_partitions.ts";
import type { AnySql, Sql } from "./connect.ts";
import { copyOut } from "./copy_out.ts";
import { CopyRowReader, type HotRow } from "./copy_rows.ts";
import { HOT_MS, partitionName } from "./partitions.ts";
import { transaction } from "./transaction.ts";

export interface HotSlot {
  /** When its ten minutes begin, in milliseconds since 1970. */
  start_ms: number;
  /** As the statistics have it: about right, and some seconds old. */
  rows_estimate: number;
}

/** All partitions of `report` but the default one, the oldest first. */
export async function selectSlots(sql: Sql): Promise<HotSlot[]> {
  const rows = await sql<{ name: string; rows_estimate: number }[]>`
    select c.relname as name, pg_stat_get_live_tuples(c.oid) as rows_estimate
    from pg_inherits i
    join pg_class c on c.oid = i.inhrelid
    where i.inhparent = 'report'::regclass
    order by c.relname`;
  return rows.flatMap(({ name, rows_estimate }) => {
    const [, year, month, day, hour, minute] =
      /^report_(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)$/.exec(name)?.map(Number) ?? [];
    if (year === undefined || month === undefined) return [];
    return [{ start_ms: Date.UTC(year, month - 1, day, hour, minute), rows_estimate }];
  });
}

export interface LateHour {
  start_ms: number;
  rows: number;
}

/** Late rows before a time, counted by hour. */
export async function countLateRows(
  sql: Sql,
  range: { before_ms: number; host_id?: number },
): Promise<LateHour[]> {
  return await sql<LateHour[]>`
    select
      (extract(epoch from date_bin(interval '1 hour', at, timestamptz 'epoch')) * 1000)::float8
        as start_ms,
      count(*) as rows
    from report_late
    where at < timestamptz 'epoch' + ${range.before_ms}::float8 * interval '1 millisecond'
      and (${range.host_id ?? null}::integer is null or host_id = ${range.host_id ?? null})
    group by 1
    order by 1`;
}

/** What identifies a row. */
export type HotKey = Pick<HotRow, "host_id" | "shape_id" | "at_ms">;

/**
 * All rows of some slots of one hour as they are when it begins, by host, then time. Pieces of what
 * has arrived; a piece may be empty.
 *
 * @param tx a transaction of its own, which must not be used for anything else meanwhile
 */
export async function* readSlotRows(
  tx: AnySql,
  starts_ms: readonly number[],
  host_id?: number,
): AsyncGenerator<HotRow[]> {
  yield* readInOrder(
    tx,
    tx`from (${allOf(tx, starts_ms)}) r where true ${ofHost(tx, host_id)}`,
  );
}

export interface LatePage {
  from_ms: number;
  before_ms: number;
  /** Only rows behind this one, in their order. */
  after?: HotKey;
  rows_max: number;
}

/**
 * Late rows of a span, by host, then time; so many at once that a transaction which reads them is
 * short: who makes a partition waits for it, and everybody who asks for reports behind him.
 *
 * @param tx as for `readSlotRows`
 */
export async function* readLateRows(
  tx: AnySql,
  { from_ms, before_ms, after, rows_max }: LatePage,
  host_id?: number,
): AsyncGenerator<HotRow[]> {
  // the host apart from the rest: this way the index leads to the span of each host from there on
  const behind = after === undefined ? tx`` : tx`
    and host_id >= ${integer(tx, after.host_id)}
    and not (host_id = ${integer(tx, after.host_id)} and
      (at, shape_id) <= (${timeLiteral(tx, after.at_ms)}, ${integer(tx, after.shape_id)}))`;
  yield* readInOrder(
    tx,
    tx`
      from report_late
      where at >= ${timeLiteral(tx, from_ms)} and at < ${timeLiteral(tx, before_ms)}
        ${ofHost(tx, host_id)} ${behind}`,
    tx`limit ${integer(tx, rows_max)}`,
  );
}

async function* readInOrder(
  tx: AnySql,
  from: PendingQuery<Row[]>,
  limit: PendingQuery<Row[]> = tx``,
): AsyncGenerator<HotRow[]> {
  // the order of the primary keys, which are merged; sorting would write all rows to disk once more
  await tx`select set_config('enable_sort', 'off', true)`;
  const reader = new CopyRowReader();
  const query = tx`
    copy (
      select host_id, shape_id, at, vals ${from} order by host_id, at, shape_id ${limit}
    ) to stdout (format binary)`;
  for await (const chunk of copyOut(query)) yield reader.push(chunk);
  reader.end();
}

// COPY takes no parameters: what is put into its text are numbers and toISOString()

function ofHost(tx: AnySql, host_id: number | undefined) {
  return host_id === undefined ? tx`` : tx`and host_id = ${integer(tx, host_id)}`;
}

function integer(tx: AnySql, value: number) {
  return tx.unsafe(`${value | 0}`);
}

function timeLiteral(tx: AnySql, at_ms: number) {
  return tx.unsafe(`'${new Date(at_ms).toISOString()}'::timestamptz`);
}

/** The rows of some slots, as a query. */
function allOf(tx: AnySql, starts_ms: readonly number[]) {
  return starts_ms.map((start_ms, i) => {
    const slot = tx(partitionName("report", start_ms, HOT_MS));
    return i === 0 ? tx`select * from ${slot}` : tx` union all select * from ${slot}`;
  });
}

/**
 * Drops a slot, provided that it still has exactly `rows` rows: since rows are only added, these are
 * the ones that were read. Writers into this slot wait meanwhile; readers and writers of everything
 * else wait for the moment of the drop alone.
 *
 * Who is adding rows to the slot just now holds the parent table and waits for us, while we wait for
 * the parent: the time limit ends that for us.
 *
 * @returns "grown" when rows were added meanwhile, "busy" when others were using the table for longer
 *   than `DROP_WAIT_MS`: nothing is changed then
 */
export async function dropSlot(
  sql: Sql,
  slot: { start_ms: number; rows: number },
): Promise<"dropped" | "grown" | "busy"> {
  const name = partitionName("report", slot.start_ms, HOT_MS);
  try {
    return await transaction(sql, async (tx) => {
      await tx`select set_config('lock_timeout', ${`${DROP_WAIT_MS}ms`}, true)`;
      await tx`lock table ${tx(name)} in share mode`;
      const [{ rows } = { rows: 0 }] = await tx<{ rows: number }[]>`
        select count(*) as rows from ${tx(name)}`;
      if (rows !== slot.rows) return "grown";
      await tx`drop table ${tx(name)}`;
      return "dropped";
    });
  } catch (error) {
    if (isInTheWay(error)) return "busy";
    throw error;
  }
}

/**
 * Deletes the given late rows. This is the only place where samples are deleted row by row: the
 * default partition can hold any time and is never dropped, and a row must leave it in the very
 * transaction that puts it into its block.
 */
export async function deleteLateRows(
  sql: AnySql,
  rows: readonly HotKey[],
): Promise<void> {
  await sql`
    delete from report_late l
    using unnest(
      ${rows.map((row) => row.host_id)}::integer[],
      ${rows.map((row) => row.shape_id)}::integer[],
      ${rows.map((row) => row.at_ms)}::float8[]
    ) as k (host_id, shape_id, at_ms)
    where l.host_id = k.host_id
      and l.at = timestamptz 'epoch' + k.at_ms * interval '1 millisecond'
      and l.shape_id = k.shape_id`;
}

/**
 * Deletes late rows and late annotations before a time: what came when its time was past its
 * retention already, and has nowhere to go any more.
 *
 * @returns how many reports these were
 */
export async function deleteExpiredLateRows(sql: Sql, before_ms: number): Promise<number> {
  const [row] = await sql<{ reports: number }[]>`
    with annotations as (
      delete from annotation_late
      where at < timestamptz 'epoch' + ${before_ms}::float8 * interval '1 millisecond'
    ), reports as (
      delete from report_late
      where at < timestamptz 'epoch' + ${before_ms}::float8 * interval '1 millisecond'
      returning 1
    )
    select count(*) as reports from reports`;
  return row?.reports ?? 0;
}
