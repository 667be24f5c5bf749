/** Which stored history to look at when it is verified. */
import type { BlockKey } from "./blocks.ts";
import type { AnySql, Sql } from "./connect.ts";
import type { PendingTable } from "./pending.ts";

/** Some days of some hosts and shapes that have samples or five-minute values, chosen at random. */
export async function selectRandomDays(
  sql: Sql,
  options: { limit: number; host_id?: number },
): Promise<BlockKey[]> {
  return await sql<BlockKey[]>`
    select host_id, shape_id, (extract(epoch from start) * 1000)::float8 as start_ms
    from (
      select host_id, shape_id, date_bin(interval '1 day', start, timestamptz 'epoch') as start
      from block_raw
      union
      select host_id, shape_id, start
      from block_5m
    ) days
    where (${options.host_id ?? null}::integer is null or host_id = ${options.host_id ?? null})
    order by random()
    limit ${options.limit}`;
}

/** When the pending work of one host and shape in a span begins. */
export async function selectPendingStarts(
  sql: AnySql,
  table: PendingTable,
  range: { host_id: number; shape_id: number; from_ms: number; before_ms: number },
): Promise<number[]> {
  const rows = await sql<{ start_ms: number }[]>`
    select (extract(epoch from start) * 1000)::float8 as start_ms
    from ${sql(table)}
    where start >= timestamptz 'epoch' + ${range.from_ms}::float8 * interval '1 millisecond'
      and start < timestamptz 'epoch' + ${range.before_ms}::float8 * interval '1 millisecond'
      and host_id = ${range.host_id}
      and shape_id = ${range.shape_id}
    order by start`;
  return rows.map(({ start_ms }) => start_ms);
}
