/** Where two rollups of the same buckets differ, for people. Pure. */
import type { Rollup } from "../../db/codec/rollup.ts";
import type { Rollups } from "../../db/codec/rollup_block.ts";

const COLUMNS = ["first", "last", "min", "max", "sum", "lost"] as const;
const AXES = ["count", "first_ms", "last_ms"] as const;

/** One value that is not what it should be. */
export interface RollupDifference {
  bucket_ms: number;
  /** The metric's place in the shape; undefined for what all metrics share. */
  metric?: number;
  what: "bucket" | typeof COLUMNS[number] | typeof AXES[number];
  /** Undefined when there should be none. */
  expected?: number;
  /** Undefined when there is none. */
  found?: number;
}

/**
 * Compares bit for bit. A column that only one of them has is not compared: sum and lost depend on
 * what the metric was taken for when they were made.
 */
export function compareRollups(expected: Rollups, found: Rollups): RollupDifference[] {
  const places = new Map([...found.buckets.start_ms].map((bucket_ms, at) => [bucket_ms, at]));
  const wanted = new Set(expected.buckets.start_ms);
  const differences: RollupDifference[] = [...places.keys()]
    .filter((bucket_ms) => !wanted.has(bucket_ms))
    .map((bucket_ms) => ({ bucket_ms, what: "bucket", found: bucket_ms }));
  expected.buckets.start_ms.forEach((bucket_ms, row) => {
    const place = places.get(bucket_ms);
    if (place === undefined) {
      differences.push({ bucket_ms, what: "bucket", expected: bucket_ms });
      return;
    }
    for (const what of AXES) {
      const values = { expected: expected.buckets[what][row], found: found.buckets[what][place] };
      if (!Object.is(values.expected, values.found)) {
        differences.push({ bucket_ms, what, ...values });
      }
    }
    expected.series.forEach((rollup, metric) => {
      const other = found.series[metric];
      const pair = { expected: rollup, row, found: other, place };
      differences.push(...compareRow(pair).map((one) => ({ bucket_ms, metric, ...one })));
    });
  });
  return differences;
}

function compareRow(
  pair: { expected: Rollup; row: number; found: Rollup | undefined; place: number },
): Pick<RollupDifference, "what" | "expected" | "found">[] {
  return COLUMNS.flatMap((what) => {
    const [of_expected, of_found] = [pair.expected[what], pair.found?.[what]];
    if (of_expected === undefined || of_found === undefined) return [];
    const values = { expected: of_expected[pair.row], found: of_found[pair.place] };
    return Object.is(values.expected, values.found) ? [] : [{ what, ...values }];
  });
}
