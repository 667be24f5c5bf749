/** Series: which there are, and where the samples of one begin and end. */
import type { CellKey } from "./block_cells.ts";
import type { Sql } from "./connect.ts";
import type { KnownMetric } from "./metric_kinds.ts";

export interface MetricRow extends KnownMetric {
  id: number;
  unit: string | null;
}

/** All metrics. */
export async function selectMetrics(sql: Sql): Promise<MetricRow[]> {
  return await sql<MetricRow[]>`select id, name, unit, kind from metric`;
}

export interface HostShapesRow {
  host_id: number;
  shape_ids: number[];
}

/** For every host the shapes it has ever reported, in order. */
export async function selectHostShapes(sql: Sql): Promise<HostShapesRow[]> {
  return await sql<HostShapesRow[]>`
    select host_id, array_agg(shape_id order by shape_id) as shape_ids
    from host_shape
    group by host_id`;
}

export interface ShapeMetricsRow {
  id: number;
  metric_ids: number[];
}

/** The metrics of the given shapes, in the order of their values. */
export async function selectShapes(
  sql: Sql,
  shape_ids: readonly number[],
): Promise<ShapeMetricsRow[]> {
  return await sql<ShapeMetricsRow[]>`
    select id, metric_ids from shape where id = any(${[...shape_ids]}::integer[])`;
}

/** Between these moments lies everything that is stored; null where nothing is. */
export interface Extent {
  first_ms: number | null;
  last_ms: number | null;
}

/** Where the samples of one host's shapes begin and end, to a block's length. */
export async function selectExtent(sql: Sql, keys: readonly CellKey[]): Promise<Extent> {
  const shapes = sql`(
    host_id = ${keys[0]?.host_id ?? 0} and shape_id = any(${
    keys.map((key) => key.shape_id)
  }::integer[])
  )`;
  const [row] = await sql<Extent[]>`
    select
      (extract(epoch from least(
        (select at from report where ${shapes} order by at limit 1),
        (select start from block_raw where ${shapes} order by start limit 1),
        (select start from block_5m where ${shapes} order by start limit 1),
        (select start from block_1h where ${shapes} order by start limit 1),
        (select start from block_1d where ${shapes} order by start limit 1)
      )) * 1000)::float8 as first_ms,
      (extract(epoch from greatest(
        (select at from report where ${shapes} order by at desc limit 1),
        (select start + interval '1 hour' from block_raw where ${shapes} order by start desc limit 1),
        (select start + interval '1 day' from block_5m where ${shapes} order by start desc limit 1),
        (select start + interval '1 month' from block_1h where ${shapes} order by start desc limit 1),
        (select start + interval '1 year' from block_1d where ${shapes} order by start desc limit 1)
      )) * 1000)::float8 as last_ms`;
  return row ?? { first_ms: null, last_ms: null };
}
