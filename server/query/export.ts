/**
 * Everything that is stored as samples, in one order that depends on nothing but the samples: host by
 * host, hour by hour (UTC), in each hour metric by metric, in each metric by time. So two servers
 * with the same samples give the same export, and whoever reads it has all of a host's reports of an
 * hour close together.
 *
 * One hour of one host is in memory at a time. In each hour the hot rows are read first and the
 * block after them: reports move from the first to the second, so a report that moves meanwhile
 * is seen twice (and counts once), never not at all.
 */
import type { AnySql, Sql } from "../../db/connect.ts";
import { decodeRawBlock } from "../../db/codec/raw_block.ts";
import { mergeReports, type Reports, reportsFromRows } from "../../db/codec/reports.ts";
import {
  type HostRange,
  type HostShape,
  selectHostBlocks,
  selectHostHours,
  selectHostMessages,
  selectHostReports,
  selectHostShapes,
} from "../../db/export.ts";

const HOUR_MS = 3_600_000;

/** Where it is read. */
export interface ExportPlace {
  sql: AnySql;
  /** Reads one hour. May run twice. */
  read<T>(hour: { before_ms: number }, run: (sql: Sql) => Promise<T>): Promise<T>;
}

export interface ExportQuery {
  hosts: readonly { id: number; hostname: string }[];
  /** Which metrics are wanted. */
  metric(name: string): boolean;
  /** Milliseconds since 1970: from_ms <= t < to_ms. */
  from_ms: number;
  to_ms: number;
  /** Whether texts are wanted, too. */
  messages: boolean;
}

/** What one metric of one host has in one hour: times ascending, each once. */
export interface ExportRun {
  host: string;
  metric: string;
  points: readonly ExportPoint[];
}

export interface ExportPoint {
  at_ms: number;
  /** Null where there is only a message. */
  value: number | null;
  message?: string;
}

/** Throws what the database says; CodecError when a block is damaged. */
export async function* exportRuns(
  { sql, read }: ExportPlace,
  query: ExportQuery,
): AsyncGenerator<ExportRun> {
  const hosts = query.hosts.toSorted((a, b) => a.hostname < b.hostname ? -1 : 1);
  for (const { id, hostname } of hosts) {
    const shapes = await selectHostShapes(sql, id);
    const { from_ms, to_ms } = query;
    for (const start_ms of await selectHostHours(sql, { host_id: id, from_ms, to_ms })) {
      const range = {
        host_id: id,
        from_ms: Math.max(from_ms, start_ms),
        to_ms: Math.min(to_ms, start_ms + HOUR_MS),
      };
      const series = await read(
        { before_ms: range.to_ms },
        (own) => readHour(own, { query, range, shapes, start_ms }),
      );
      for (const metric of [...series.keys()].sort()) {
        const points = series.get(metric) ?? [];
        if (points.length > 0) yield { host: hostname, metric, points };
      }
    }
  }
}

type HourSeries = Map<string, ExportPoint[]>;

interface Hour {
  query: ExportQuery;
  range: HostRange;
  shapes: readonly HostShape[];
  start_ms: number;
}

async function readHour(sql: AnySql, hour: Hour): Promise<HourSeries> {
  const { query, range, shapes, start_ms } = hour;
  const rows = Map.groupBy(await selectHostReports(sql, range), (row) => row.shape_id);
  const blocks = await selectHostBlocks(sql, { host_id: range.host_id, start_ms });
  const parts: HourSeries[] = [];
  for (const { shape_id, names } of shapes) {
    const of_shape = [
      ...blocks.filter((block) => block.shape_id === shape_id).map(decodeRawBlock),
      reportsFromRows(
        (rows.get(shape_id) ?? []).map(({ at_ms, vals }) => ({ at_ms, values: vals })),
        names.length,
      ),
    ];
    parts.push(pointsOf(of_shape.reduce(mergeReports), { ...hour, names }));
  }
  const series = parts.length === 1 && parts[0] !== undefined ? parts[0] : unionOf(parts);
  if (query.messages) addMessages(series, await selectHostMessages(sql, range), query);
  return series;
}

function pointsOf(reports: Reports, hour: Hour & { names: readonly string[] }): HourSeries {
  const { query, range, names } = hour;
  const series: HourSeries = new Map();
  for (const [column, name] of names.entries()) {
    if (!query.metric(name)) continue;
    const values = reports.columns[column] ?? new Float64Array();
    const points: ExportPoint[] = [];
    for (const [row, at_ms] of reports.times_ms.entries()) {
      if (at_ms < range.from_ms || at_ms >= range.to_ms) continue;
      points.push({ at_ms, value: values[row] ?? 0 });
    }
    series.set(name, points);
  }
  return series;
}

/**
 * A metric may come twice for one time, in reports of different shapes. The larger value is kept, as
 * in blocks: a rule that depends on nothing but the values.
 */
function unionOf(parts: readonly HourSeries[]): HourSeries {
  const union: HourSeries = new Map();
  for (const part of parts) {
    for (const [name, points] of part) {
      const before = union.get(name);
      union.set(name, before === undefined ? points : mergePoints(before, points));
    }
  }
  return union;
}

function mergePoints(
  left: readonly ExportPoint[],
  right: readonly ExportPoint[],
): ExportPoint[] {
  if (left.length === 0 || right.length === 0) return [...left, ...right];
  const order = (point: ExportPoint) => point.value ?? -Infinity;
  const sorted = [...left, ...right].sort((a, b) =>
    a.at_ms - b.at_ms || order(b) - order(a) ||
    Number(Object.is(a.value, -0)) - Number(Object.is(b.value, -0))
  );
  return sorted.filter((point, i) => sorted[i - 1]?.at_ms !== point.at_ms);
}

function addMessages(
  series: HourSeries,
  messages: readonly { metric: string; at_ms: number; message: string }[],
  query: ExportQuery,
): void {
  for (const [metric, found] of Map.groupBy(messages, (row) => row.metric)) {
    if (!query.metric(metric)) continue;
    const points = new Map(series.get(metric)?.map((point) => [point.at_ms, point]));
    for (const { at_ms, message } of found) {
      const value = points.get(at_ms)?.value ?? null;
      // an empty message says that there is no value; where there is one, it says nothing
      if (value === null || message !== "") points.set(at_ms, { at_ms, value, message });
    }
    series.set(metric, [...points.values()].sort((a, b) => a.at_ms - b.at_ms));
  }
}
