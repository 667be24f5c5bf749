/**
 * What a tier keeps of one series, a value per bucket: first, last, min, max; of gauges and states
 * also the sum; of counters also what was lost at resets. (count belongs to the buckets.)
 *
 * Counters. A value below the one before it means that the counter began anew at 0. `lost` is the sum
 * of the values just before such resets, inside the bucket, 0 for most. With it
 *
 *   increase inside a bucket   last - first + lost
 *   increase of a bucket       the same, and what was added since the last sample before it:
 *                              last - previous + lost, or last + lost when first < previous
 *
 * `increases()` computes the second, so that the increases of neighbouring buckets add up to the
 * whole and nothing falls between them; a bucket after a gap gets what was added in the gap, and the
 * first bucket of all counts from its own first sample. What is stored is a function of the bucket's
 * own samples: a late sample changes its own bucket and no other, in no other block.
 *
 * Rollups of rollups. first, last, min and max of hours made from five minutes are those made from
 * samples. So are sum and lost when the samples are decimals (sum.ts says when); otherwise they are
 * rounded once a level. A coarser tier is always made from the next finer one, never directly, so
 * there is one right value in either case and it can be recomputed.
 *
 * `!` after an index: loops run over the arrays' own lengths.
 */
import type { Grouping } from "./buckets.ts";
import { exactSum } from "./sum.ts";

/** All arrays have one value a bucket. */
export interface Rollup {
  first: Float64Array;
  last: Float64Array;
  min: Float64Array;
  max: Float64Array;
  /** Not kept for counters. */
  sum?: Float64Array;
  /** Sum of the values before resets; kept for counters only. */
  lost?: Float64Array;
}

/** A metric's kind as far as rollups care: states and unknown kinds are gauges. */
export type RollupKind = "gauge" | "counter";

/** Rolls samples up. `values` are finite, one per row that `grouping` was made of. */
export function rollupSamples(
  values: Float64Array,
  grouping: Grouping,
  kind: RollupKind,
): Rollup {
  const ends = endsOf(values, values, grouping);
  const min = overBuckets(values, grouping, smallest);
  const max = overBuckets(values, grouping, largest);
  return kind === "counter"
    ? { ...ends, min, max, lost: overBuckets(values, grouping, lostIn) }
    : { ...ends, min, max, sum: overBuckets(values, grouping, exactSum) };
}

/** Rolls the rollup of a finer tier up. `grouping` is of its buckets (`groupBuckets`). */
export function rollupRollup(finer: Rollup, grouping: Grouping): Rollup {
  const coarser: Rollup = {
    ...endsOf(finer.first, finer.last, grouping),
    min: overBuckets(finer.min, grouping, smallest),
    max: overBuckets(finer.max, grouping, largest),
  };
  if (finer.sum !== undefined) coarser.sum = overBuckets(finer.sum, grouping, exactSum);
  if (finer.lost !== undefined) coarser.lost = lostAgain(finer, finer.lost, grouping);
  return coarser;
}

/**
 * The reset-corrected increase of each bucket, borders included (see above), or undefined for a
 * rollup of a gauge.
 * @param previous The counter's last value before the first bucket, when there is one.
 */
export function increases(rollup: Rollup, previous?: number): Float64Array | undefined {
  const { first, last, lost } = rollup;
  if (lost === undefined) return undefined;
  return first.map((first_value, i) => {
    const before = i === 0 ? previous ?? first_value : last[i - 1]!;
    const base = first_value < before ? 0 : before;
    return exactSum(Float64Array.of(last[i]!, -base, lost[i]!));
  });
}

function overBuckets(
  rows: Float64Array,
  { edges }: Grouping,
  summary: (rows: Float64Array) => number,
): Float64Array {
  const result = new Float64Array(edges.length - 1);
  for (let i = 0; i < result.length; i++) {
    result[i] = summary(rows.subarray(edges[i]!, edges[i + 1]!));
  }
  return result;
}

function endsOf(
  firsts: Float64Array,
  lasts: Float64Array,
  { edges }: Grouping,
): Pick<Rollup, "first" | "last"> {
  const buckets = edges.length - 1;
  return {
    first: Float64Array.from({ length: buckets }, (_, i) => firsts[edges[i]!]!),
    last: Float64Array.from({ length: buckets }, (_, i) => lasts[edges[i + 1]! - 1]!),
  };
}

// Math.min and Math.max, unlike `<`, know that -0 is below 0
function smallest(rows: Float64Array): number {
  let result = Infinity;
  for (const row of rows) result = Math.min(result, row);
  return result;
}

function largest(rows: Float64Array): number {
  let result = -Infinity;
  for (const row of rows) result = Math.max(result, row);
  return result;
}

function lostIn(values: Float64Array): number {
  const lost: number[] = [];
  for (let i = 1; i < values.length; i++) {
    if (values[i]! < values[i - 1]!) lost.push(values[i - 1]!);
  }
  return exactSum(Float64Array.from(lost));
}

function lostAgain(finer: Rollup, lost: Float64Array, { edges }: Grouping): Float64Array {
  const result = new Float64Array(edges.length - 1);
  for (let i = 0; i < result.length; i++) {
    const terms = [...lost.subarray(edges[i]!, edges[i + 1]!)];
    for (let row = edges[i]! + 1; row < edges[i + 1]!; row++) {
      if (finer.first[row]! < finer.last[row - 1]!) terms.push(finer.last[row - 1]!);
    }
    result[i] = exactSum(Float64Array.from(terms));
  }
  return result;
}
