/**
 * Rollups of whole blocks: what db/codec does for one series, for all series of a shape.
 *
 * `!` after an index: loops run over the arrays' own lengths.
 */
import { groupBuckets, groupReports } from "../../db/codec/buckets.ts";
import { replaceBuckets } from "../../db/codec/replace_buckets.ts";
import type { Reports } from "../../db/codec/reports.ts";
import {
  type Rollup,
  type RollupKind,
  rollupRollup,
  rollupSamples,
} from "../../db/codec/rollup.ts";
import type { Rollups } from "../../db/codec/rollup_block.ts";

/** Rolls reports up; `kinds` has one entry a metric. */
export function rollUpReports(
  reports: Reports,
  options: { bucket_ms: number; kinds: readonly RollupKind[] },
): Rollups {
  const grouping = groupReports(reports.times_ms, options.bucket_ms);
  return {
    buckets: grouping.buckets,
    series: reports.columns.map((column, i) =>
      rollupSamples(column, grouping, options.kinds[i] ?? "gauge")
    ),
  };
}

/** Rolls the rollups of a finer tier up. */
export function rollUpAgain(finer: Rollups, bucket_ms: number): Rollups {
  const grouping = groupBuckets(finer.buckets, bucket_ms);
  return {
    buckets: grouping.buckets,
    series: finer.series.map((rollup) => rollupRollup(rollup, grouping)),
  };
}

/**
 * One after the other. They are of one shape, do not overlap and are in the order of time. A column
 * that one of them lacks (their metric's kind has changed) is left out.
 */
export function concatRollups(parts: readonly Rollups[]): Rollups {
  const [only] = parts;
  if (parts.length === 1 && only !== undefined) return only;
  const join = (columns: readonly Float64Array[]) => {
    const joined = new Float64Array(columns.reduce((sum, column) => sum + column.length, 0));
    let at = 0;
    for (const column of columns) {
      joined.set(column, at);
      at += column.length;
    }
    return joined;
  };
  const joinAll = (columns: readonly (Float64Array | undefined)[]) => {
    const present = columns.filter((column) => column !== undefined);
    return present.length === columns.length ? join(present) : undefined;
  };
  const buckets = parts.map((part) => part.buckets);
  const width = only?.series.length ?? 0;
  return {
    buckets: {
      start_ms: join(buckets.map((bucket) => bucket.start_ms)),
      count: join(buckets.map((bucket) => bucket.count)),
      first_ms: join(buckets.map((bucket) => bucket.first_ms)),
      last_ms: join(buckets.map((bucket) => bucket.last_ms)),
    },
    series: Array.from({ length: width }, (_, i): Rollup => {
      const series = parts.map((part) => part.series[i]!);
      return {
        first: join(series.map((rollup) => rollup.first)),
        last: join(series.map((rollup) => rollup.last)),
        min: join(series.map((rollup) => rollup.min)),
        max: join(series.map((rollup) => rollup.max)),
        sum: joinAll(series.map((rollup) => rollup.sum)),
        lost: joinAll(series.map((rollup) => rollup.lost)),
      };
    }),
  };
}

/** The buckets that begin in a span. */
export function sliceRollups(
  { buckets, series }: Rollups,
  span: { from_ms: number; before_ms: number },
): Rollups {
  const from = buckets.start_ms.findIndex((start_ms) => start_ms >= span.from_ms);
  const found = buckets.start_ms.findIndex((start_ms) => start_ms >= span.before_ms);
  const start = from < 0 ? buckets.start_ms.length : from;
  const end = found < 0 ? buckets.start_ms.length : found;
  const cut = (column: Float64Array) => column.subarray(start, end);
  return {
    buckets: {
      start_ms: cut(buckets.start_ms),
      count: cut(buckets.count),
      first_ms: cut(buckets.first_ms),
      last_ms: cut(buckets.last_ms),
    },
    series: series.map((rollup) => ({
      first: cut(rollup.first),
      last: cut(rollup.last),
      min: cut(rollup.min),
      max: cut(rollup.max),
      sum: rollup.sum && cut(rollup.sum),
      lost: rollup.lost && cut(rollup.lost),
    })),
  };
}

/** `fresh` put into what is there, or alone when there is nothing or all of it is made anew. */
export function updateRollups(kept: Rollups | undefined, fresh: Rollups): Rollups {
  if (kept === undefined) return fresh;
  const starts = new Set(fresh.buckets.start_ms);
  return kept.buckets.start_ms.every((start_ms) => starts.has(start_ms))
    ? fresh
    : replaceBuckets(kept, fresh);
}

/**
 * Whether joining the two costs a series its sum or what it lost at resets: its kind has changed
 * since `kept` was made.
 */
export function kindsDiffer(kept: Rollups, fresh: Rollups): boolean {
  return kept.series.some((of_kept, i) => {
    const of_fresh = fresh.series[i];
    return of_fresh !== undefined &&
      (of_kept.sum === undefined || of_fresh.sum === undefined) &&
      (of_kept.lost === undefined || of_fresh.lost === undefined);
  });
}
