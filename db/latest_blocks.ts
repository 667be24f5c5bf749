/** Where the newest report of a host and a shape is, when it is no hot row any more. */
import type { Sql } from "./connect.ts";

export interface LatestBlock {
  host_id: number;
  shape_id: number;
  /** When the newest raw block begins; null when there is none (any more). */
  raw_start_ms: number | null;
  /** When the newest block of daily rollups begins, which are kept longest. */
  day_start_ms: number | null;
}

/** The newest blocks of the given hosts and shapes. */
export async function selectLatestBlocks(
  sql: Sql,
  pairs: readonly { host_id: number; shape_id: number }[],
): Promise<LatestBlock[]> {
  return await sql<LatestBlock[]>`
    select
      p.host_id, p.shape_id,
      (
        select (extract(epoch from start) * 1000)::float8 from block_raw
        where host_id = p.host_id and shape_id = p.shape_id
        order by start desc limit 1
      ) as raw_start_ms,
      (
        select (extract(epoch from start) * 1000)::float8 from block_1d
        where host_id = p.host_id and shape_id = p.shape_id
        order by start desc limit 1
      ) as day_start_ms
    from unnest(
      ${pairs.map((pair) => pair.host_id)}::integer[],
      ${pairs.map((pair) => pair.shape_id)}::integer[]
    ) as p (host_id, shape_id)`;
}
