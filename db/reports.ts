/** The hot tables: `report`, one row a report, written by binary COPY, and `annotation`. */
import type { Sql } from "./connect.ts";
import { copyIn } from "./copy.ts";
import { codeOf, SQLSTATE } from "./sqlstate.ts";

/** What identifies a report: storing a second one with the same key changes nothing. */
export interface ReportKey {
  host_id: number;
  shape_id: number;
  at_ms: number;
}

export interface AnnotationInput {
  host_id: number;
  metric_id: number;
  at_ms: number;
  message: string;
}

/** Attaching a partition takes milliseconds; a statement that meets several is rare. */
const PARTITION_ATTEMPTS = 10;

/**
 * Does `write`, again when PostgreSQL refuses it because a partition was attached meanwhile: a row
 * that was on its way into the default partition belongs to the new one then ("new row violates
 * partition constraint"). Nothing of the statement was stored.
 */
async function acrossAttach<T>(write: () => Promise<T>): Promise<T> {
  for (let attempt = 1;; attempt++) {
    try {
      return await write();
    } catch (error) {
      if (codeOf(error) !== SQLSTATE.check_violation || attempt === PARTITION_ATTEMPTS) throw error;
    }
  }
}

/**
 * Writes rows, already in binary COPY form, and returns after COMMIT.
 *
 * @param sql nobody else may use its connection meanwhile: a pool of one, or a reserved connection
 * @throws a unique violation when any of them is there already: then none is stored
 */
export async function copyReports(sql: Sql, chunks: readonly Uint8Array[]): Promise<void> {
  await acrossAttach(() =>
    copyIn(sql`copy report (host_id, shape_id, at, vals) from stdin (format binary)`, chunks)
  );
}

/** The rows `r` of the given reports, for a statement. */
function fromKeys(sql: Sql, keys: readonly ReportKey[]) {
  return sql`
    from unnest(
      ${keys.map((key) => key.host_id)}::integer[],
      ${keys.map((key) => key.shape_id)}::integer[],
      ${keys.map((key) => key.at_ms)}::float8[]
    ) as k (host_id, shape_id, at_ms)
    join report r
      on r.host_id = k.host_id
      and r.at = timestamptz 'epoch' + k.at_ms * interval '1 millisecond'
      and r.shape_id = k.shape_id`;
}

/** Those of the given reports that are stored. */
export async function existingReports(
  sql: Sql,
  keys: readonly ReportKey[],
): Promise<ReportKey[]> {
  return await sql<ReportKey[]>`
    select r.host_id, r.shape_id, (extract(epoch from r.at) * 1000)::float8 as at_ms
    ${fromKeys(sql, keys)}`;
}

/** Stores texts; one that is there already for the same series and time stays. */
export async function insertAnnotations(
  sql: Sql,
  annotations: readonly AnnotationInput[],
): Promise<void> {
  await acrossAttach(() =>
    sql`
    insert into annotation (host_id, metric_id, at, message)
    select
      a.host_id, a.metric_id, timestamptz 'epoch' + a.at_ms * interval '1 millisecond', a.message
    from unnest(
      ${annotations.map((row) => row.host_id)}::integer[],
      ${annotations.map((row) => row.metric_id)}::integer[],
      ${annotations.map((row) => row.at_ms)}::float8[],
      ${annotations.map((row) => row.message)}::text[]
    ) as a (host_id, metric_id, at_ms, message)
    on conflict do nothing`
  );
}

export interface SampleRange {
  host_id: number;
  /** The shapes that contain the metric, and its position (from 1) in each of them. */
  shape_ids: readonly number[];
  positions: readonly number[];
  /** Both ends belong to the range. */
  from_ms: number;
  to_ms: number;
  limit: number;
}

/**
 * The newest samples of one series in a range, newest first, as pairs of time (milliseconds since
 * 1970) and value. Two values for one time (from different shapes) are both returned, next to each other.
 */
export async function selectSamples(sql: Sql, range: SampleRange): Promise<[number, number][]> {
  const shape_ids = [...range.shape_ids];
  const rows = await sql<{ at_ms: number; value: number }[]>`
    select
      (extract(epoch from at) * 1000)::float8 as at_ms,
      vals[(${[
    ...range.positions,
  ]}::integer[])[array_position(${shape_ids}::integer[], shape_id)]] as value
    from report
    where host_id = ${range.host_id}
      and at >= timestamptz 'epoch' + ${range.from_ms}::float8 * interval '1 millisecond'
      and at <= timestamptz 'epoch' + ${range.to_ms}::float8 * interval '1 millisecond'
      and shape_id = any(${shape_ids}::integer[])
    order by at desc
    limit ${range.limit}`;
  return rows.map(({ at_ms, value }) => [at_ms, value]);
}

export interface LatestReportRow {
  host_id: number;
  shape_id: number;
  at_ms: number;
  vals: number[];
}

/** For every host and every shape it uses, the newest report. */
export async function selectLatestReports(sql: Sql): Promise<LatestReportRow[]> {
  return await sql<LatestReportRow[]>`
    select hs.host_id, hs.shape_id, r.at_ms, r.vals
    from host_shape hs
    cross join lateral (
      select (extract(epoch from at) * 1000)::float8 as at_ms, vals
      from report
      where host_id = hs.host_id and shape_id = hs.shape_id
      order by at desc
      limit 1
    ) r`;
}

/** The given reports as they are stored; those that are not there (any more) are left out. */
export async function selectReports(
  sql: Sql,
  keys: readonly ReportKey[],
): Promise<LatestReportRow[]> {
  return await sql<LatestReportRow[]>`
    select r.host_id, r.shape_id, (extract(epoch from r.at) * 1000)::float8 as at_ms, r.vals
    ${fromKeys(sql, keys)}`;
}
