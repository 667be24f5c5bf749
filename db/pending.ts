/**
 * What is still to be rolled up: hours whose raw block is newer than their five-minute rollups, and
 * days whose five-minute rollups are newer than their hourly and daily ones. A row is written in the
 * transaction that makes it necessary and deleted in the one that does the work.
 */
import { type BlockKey, keyColumns } from "./blocks.ts";
import type { AnySql, Sql } from "./connect.ts";

export type PendingTable = "pending_hour" | "pending_day";

/** Remembers work; what is remembered already stays. */
export async function insertPending(
  sql: AnySql,
  table: PendingTable,
  keys: readonly BlockKey[],
): Promise<void> {
  const { host_ids, shape_ids, starts_ms } = keyColumns(keys);
  await sql`
    insert into ${sql(table)} (host_id, shape_id, start)
    select host_id, shape_id, timestamptz 'epoch' + start_ms * interval '1 millisecond'
    from unnest(${host_ids}::integer[], ${shape_ids}::integer[], ${starts_ms}::float8[])
      as k (host_id, shape_id, start_ms)
    order by start_ms, host_id, shape_id
    on conflict do nothing`;
}

/** Forgets work that is done. */
export async function deletePending(
  sql: AnySql,
  table: PendingTable,
  keys: readonly BlockKey[],
): Promise<void> {
  const { host_ids, shape_ids, starts_ms } = keyColumns(keys);
  await sql`
    delete from ${sql(table)} p
    using unnest(${host_ids}::integer[], ${shape_ids}::integer[], ${starts_ms}::float8[])
      as k (host_id, shape_id, start_ms)
    where p.start = timestamptz 'epoch' + k.start_ms * interval '1 millisecond'
      and p.host_id = k.host_id
      and p.shape_id = k.shape_id`;
}

/** All that is to be done for one host and one shape in a span. */
export interface PendingGroup {
  host_id: number;
  shape_id: number;
  /** Ascending. */
  starts_ms: number[];
}

export interface PendingPage {
  from_ms: number;
  before_ms: number;
  /** Only this host. */
  host_id?: number;
  /** Groups after this one, in the order of host and shape. */
  after: { host_id: number; shape_id: number };
  limit: number;
}

/** One page of the work in a span, by host and shape. */
export async function selectPending(
  sql: Sql,
  table: PendingTable,
  page: PendingPage,
): Promise<PendingGroup[]> {
  return await sql<PendingGroup[]>`
    select
      host_id, shape_id,
      array_agg((extract(epoch from start) * 1000)::float8 order by start) as starts_ms
    from ${sql(table)}
    where start >= timestamptz 'epoch' + ${page.from_ms}::float8 * interval '1 millisecond'
      and start < timestamptz 'epoch' + ${page.before_ms}::float8 * interval '1 millisecond'
      and (host_id, shape_id) > (${page.after.host_id}, ${page.after.shape_id})
      and (${page.host_id ?? null}::integer is null or host_id = ${page.host_id ?? null})
    group by host_id, shape_id
    order by host_id, shape_id
    limit ${page.limit}`;
}

export interface PendingCount {
  start_ms: number;
  /** Hosts and shapes. */
  groups: number;
}

/** How much is to be done, by hour or by day. */
export async function countPending(
  sql: Sql,
  table: PendingTable,
  host_id?: number,
): Promise<PendingCount[]> {
  return await sql<PendingCount[]>`
    select (extract(epoch from start) * 1000)::float8 as start_ms, count(*) as groups
    from ${sql(table)}
    where (${host_id ?? null}::integer is null or host_id = ${host_id ?? null})
    group by start
    order by start`;
}

/** Those of the given days of which an hour is still to be rolled up. */
export async function selectDaysWithPendingHours(
  sql: AnySql,
  days: readonly BlockKey[],
): Promise<BlockKey[]> {
  const { host_ids, shape_ids, starts_ms } = keyColumns(days);
  return await sql<BlockKey[]>`
    select k.host_id, k.shape_id, k.start_ms
    from unnest(${host_ids}::integer[], ${shape_ids}::integer[], ${starts_ms}::float8[])
      as k (host_id, shape_id, start_ms)
    where (k.host_id, k.shape_id, timestamptz 'epoch' + k.start_ms * interval '1 millisecond') in (
      select host_id, shape_id, date_bin(interval '1 day', start, timestamptz 'epoch')
      from pending_hour
    )`;
}
