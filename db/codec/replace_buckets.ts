/**
 * Puts rollups made anew into rollups that are there: how a block that spans many hours grows by one,
 * and how an hour that late data has changed gets into it. Buckets are replaced whole, never added
 * up, so doing it again changes nothing.
 *
 * `!` after an index: loops run over the arrays' own lengths.
 */
import type { Rollup } from "./rollup.ts";
import type { Rollups } from "./rollup_block.ts";

/**
 * The buckets of either; of those in both, the one of `fresh`. When a metric's kind has changed in
 * between, what only one side keeps (sum or lost) is dropped, as there is no value for the other.
 * @throws {RangeError} when they have different numbers of series.
 */
export function replaceBuckets(kept: Rollups, fresh: Rollups): Rollups {
  if (kept.series.length !== fresh.series.length) {
    throw new RangeError(
      `Rollups to join must be of one shape: ${kept.series.length} and ${fresh.series.length} series`,
    );
  }
  if (kept.buckets.start_ms.length === 0) return fresh;
  if (fresh.buckets.start_ms.length === 0) return kept;
  const picks = unionOf(kept.buckets.start_ms, fresh.buckets.start_ms);
  const pick = (of_kept: Float64Array, of_fresh: Float64Array) =>
    Float64Array.from(picks, (row) => row >= 0 ? of_kept[row]! : of_fresh[~row]!);
  const pickBoth = (of_kept?: Float64Array, of_fresh?: Float64Array) =>
    of_kept && of_fresh && pick(of_kept, of_fresh);
  return {
    buckets: {
      start_ms: pick(kept.buckets.start_ms, fresh.buckets.start_ms),
      count: pick(kept.buckets.count, fresh.buckets.count),
      first_ms: pick(kept.buckets.first_ms, fresh.buckets.first_ms),
      last_ms: pick(kept.buckets.last_ms, fresh.buckets.last_ms),
    },
    series: kept.series.map((of_kept, i): Rollup => {
      const of_fresh = fresh.series[i]!;
      return {
        first: pick(of_kept.first, of_fresh.first),
        last: pick(of_kept.last, of_fresh.last),
        min: pick(of_kept.min, of_fresh.min),
        max: pick(of_kept.max, of_fresh.max),
        sum: pickBoth(of_kept.sum, of_fresh.sum),
        lost: pickBoth(of_kept.lost, of_fresh.lost),
      };
    }),
  };
}

/** The rows of the union in order: row i of `kept` as i, row i of `fresh` as ~i. */
function unionOf(kept_ms: Float64Array, fresh_ms: Float64Array): number[] {
  const picks: number[] = [];
  let at_kept = 0;
  for (let row = 0; row < fresh_ms.length; row++) {
    while (at_kept < kept_ms.length && kept_ms[at_kept]! < fresh_ms[row]!) picks.push(at_kept++);
    if (kept_ms[at_kept] === fresh_ms[row]) at_kept++;
    picks.push(~row);
  }
  while (at_kept < kept_ms.length) picks.push(at_kept++);
  return picks;
}
