/** Reading everything a host has ever sent, hour by hour. Both ends of a range: from <= t < to. */
import type { AnySql } from "./connect.ts";

export interface HostShape {
  shape_id: number;
  /** Names of its metrics in the order of the values. */
  names: string[];
}

/** The shapes a host has reported with, in the order of their ids. */
export async function selectHostShapes(sql: AnySql, host_id: number): Promise<HostShape[]> {
  return await sql<HostShape[]>`
    select s.id as shape_id, (
      select array_agg(m.name order by i.position)
      from unnest(s.metric_ids) with ordinality as i (metric_id, position)
      join metric m on m.id = i.metric_id
    ) as names
    from host_shape hs
    join shape s on s.id = hs.shape_id
    where hs.host_id = ${host_id}
    order by s.id`;
}

export interface HostRange {
  host_id: number;
  from_ms: number;
  to_ms: number;
}

/** Beginnings, in milliseconds since 1970, of the hours in which a host has anything, ascending. */
export async function selectHostHours(sql: AnySql, range: HostRange): Promise<number[]> {
  const { host_id, from_ms, to_ms } = range;
  const from = sql`timestamptz 'epoch' + ${from_ms}::float8 * interval '1 millisecond'`;
  const to = sql`timestamptz 'epoch' + ${to_ms}::float8 * interval '1 millisecond'`;
  const rows = await sql<{ start_ms: number }[]>`
    select (extract(epoch from hours.start) * 1000)::float8 as start_ms
    from (
      select date_trunc('hour', at, 'UTC') as start
      from report
      where host_id = ${host_id} and at >= ${from} and at < ${to}
      union
      select start
      from block_raw
      where host_id = ${host_id} and start > ${from} - interval '1 hour' and start < ${to}
      union
      select date_trunc('hour', at, 'UTC')
      from annotation
      where host_id = ${host_id} and at >= ${from} and at < ${to}
    ) hours
    order by 1`;
  return rows.map((row) => row.start_ms);
}

export interface HostReportRow {
  shape_id: number;
  at_ms: number;
  vals: number[];
}

/** The reports of a host that are not in a block yet. */
export async function selectHostReports(sql: AnySql, range: HostRange): Promise<HostReportRow[]> {
  return await sql<HostReportRow[]>`
    select shape_id, (extract(epoch from at) * 1000)::float8 as at_ms, vals
    from report
    where host_id = ${range.host_id}
      and at >= timestamptz 'epoch' + ${range.from_ms}::float8 * interval '1 millisecond'
      and at < timestamptz 'epoch' + ${range.to_ms}::float8 * interval '1 millisecond'`;
}

export interface HostBlockRow {
  shape_id: number;
  head: Uint8Array;
  offsets: Uint8Array;
  data: Uint8Array;
}

/** The blocks of samples of a host that begin at `start_ms`. */
export async function selectHostBlocks(
  sql: AnySql,
  block: { host_id: number; start_ms: number },
): Promise<HostBlockRow[]> {
  return await sql<HostBlockRow[]>`
    select shape_id, head, offsets, data
    from block_raw
    where host_id = ${block.host_id}
      and start = timestamptz 'epoch' + ${block.start_ms}::float8 * interval '1 millisecond'`;
}

export interface HostMessageRow {
  metric: string;
  at_ms: number;
  message: string;
}

/** The texts a host has sent with values, or instead of them. */
export async function selectHostMessages(sql: AnySql, range: HostRange): Promise<HostMessageRow[]> {
  return await sql<HostMessageRow[]>`
    select m.name as metric, (extract(epoch from a.at) * 1000)::float8 as at_ms, a.message
    from annotation a
    join metric m on m.id = a.metric_id
    where a.host_id = ${range.host_id}
      and a.at >= timestamptz 'epoch' + ${range.from_ms}::float8 * interval '1 millisecond'
      and a.at < timestamptz 'epoch' + ${range.to_ms}::float8 * interval '1 millisecond'`;
}
