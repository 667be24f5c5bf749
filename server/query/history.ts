/** The history of one series. */
import type { Sql } from "../../db/connect.ts";
import { selectSamples } from "../../db/reports.ts";
import { selectSeries } from "../../db/series.ts";

/** The host or the metric asked for does not exist. */
export class NotFoundError extends Error {
  override name = "NotFoundError";
}

export interface HistoryQuery {
  hostname: string;
  metric: string;
  /** Milliseconds since 1970; both ends belong to the range. */
  from_ms: number;
  to_ms: number;
  limit: number;
}

/** Time in milliseconds since 1970, and the value. */
export type Sample = [at_ms: number, value: number];

/**
 * The newest `limit` samples of a range, newest first.
 *
 * @throws NotFoundError when there is no such host, or it never reported such a metric
 */
export async function history(sql: Sql, query: HistoryQuery): Promise<Sample[]> {
  const { hostname, metric, from_ms, to_ms, limit } = query;
  const series = await selectSeries(sql, hostname, metric);
  if (series === undefined) throw new NotFoundError(`Cannot find host ${JSON.stringify(hostname)}`);
  const { host_id, shape_ids, positions } = series;
  if (shape_ids.length === 0) {
    throw new NotFoundError(
      `Cannot find metric ${JSON.stringify(metric)} of host ${JSON.stringify(hostname)}`,
    );
  }
  const rows = await selectSamples(sql, { host_id, shape_ids, positions, from_ms, to_ms, limit });
  // a metric may come twice for one time, in reports of different shapes: one of them counts
  return rows.filter(([at_ms], i) => rows[i - 1]?.[0] !== at_ms);
}
