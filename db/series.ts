/** Series: where the samples of one metric of one host are. */
import type { Sql } from "./connect.ts";

export interface SeriesLocation {
  host_id: number;
  /** Undefined when the host never reported this metric. */
  metric_id: number | undefined;
  /** The host's shapes that contain the metric, and its position (from 1) in each. */
  shape_ids: number[];
  positions: number[];
}

/** Finds a series by its names; undefined when there is no such host. */
export async function selectSeries(
  sql: Sql,
  hostname: string,
  metric: string,
): Promise<SeriesLocation | undefined> {
  const [row] = await sql<
    { host_id: number; metric_id: number | null; shape_ids: number[]; positions: number[] }[]
  >`
    select
      h.id as host_id,
      m.id as metric_id,
      coalesce(array_agg(s.id order by s.id) filter (where s.id is not null), '{}') as shape_ids,
      coalesce(
        array_agg(array_position(s.metric_ids, m.id) order by s.id) filter (where s.id is not null),
        '{}'
      ) as positions
    from host h
    left join metric m on m.name = ${metric}
    left join host_shape hs on hs.host_id = h.id
    left join shape s on s.id = hs.shape_id and m.id = any(s.metric_ids)
    where h.hostname = ${hostname}
    group by h.id, m.id`;
  if (row === undefined) return undefined;
  return { ...row, metric_id: row.metric_id ?? undefined };
}
