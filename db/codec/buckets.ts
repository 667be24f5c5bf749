/**
 * Buckets of time: what a rollup has one row for. A bucket of n milliseconds begins at a multiple of
 * n since 1970 in UTC (a day is a UTC day) and holds the times from its begin to before its end. Only
 * buckets with something in them exist.
 *
 * All series of a shape are reported together, so the buckets, how many reports are in each, and when
 * the first and last of them were, are known once for all.
 *
 * `!` after an index: loops run over the arrays' own lengths.
 */

export interface Buckets {
  /** When each begins, strictly ascending; milliseconds since 1970. */
  start_ms: Float64Array;
  /** Reports in it, at least 1. */
  count: Float64Array;
  /** The time of its first and its last report. */
  first_ms: Float64Array;
  last_ms: Float64Array;
}

/** Buckets, and which rows they were made of: `edges[i]` to before `edges[i + 1]` for bucket i. */
export interface Grouping {
  buckets: Buckets;
  edges: Uint32Array;
}

/**
 * Puts reports into buckets of `bucket_ms`.
 * @param times_ms Strictly ascending; milliseconds since 1970.
 */
export function groupReports(times_ms: Float64Array, bucket_ms: number): Grouping {
  const ones = new Float64Array(times_ms.length).fill(1);
  return group(times_ms, bucket_ms, { count: ones, first_ms: times_ms, last_ms: times_ms });
}

/** Puts buckets into larger ones. `bucket_ms` is a multiple of what they were made with. */
export function groupBuckets(buckets: Buckets, bucket_ms: number): Grouping {
  return group(buckets.start_ms, bucket_ms, buckets);
}

function group(
  times_ms: Float64Array,
  bucket_ms: number,
  rows: Pick<Buckets, "count" | "first_ms" | "last_ms">,
): Grouping {
  if (!Number.isSafeInteger(bucket_ms) || bucket_ms <= 0) {
    throw new RangeError(`bucket_ms must be whole and above 0: current value is ${bucket_ms}`);
  }
  const starts: number[] = [];
  const edges: number[] = [];
  for (let row = 0; row < times_ms.length; row++) {
    const start_ms = Math.floor(times_ms[row]! / bucket_ms) * bucket_ms;
    if (start_ms === starts.at(-1)) continue;
    starts.push(start_ms);
    edges.push(row);
  }
  edges.push(times_ms.length);
  const count = starts.map((_, i) =>
    rows.count.subarray(edges[i]!, edges[i + 1]!).reduce((sum, reports) => sum + reports, 0)
  );
  return {
    buckets: {
      start_ms: Float64Array.from(starts),
      count: Float64Array.from(count),
      first_ms: Float64Array.from(starts, (_, i) => rows.first_ms[edges[i]!]!),
      last_ms: Float64Array.from(starts, (_, i) => rows.last_ms[edges[i + 1]! - 1]!),
    },
    edges: Uint32Array.from(edges),
  };
}
