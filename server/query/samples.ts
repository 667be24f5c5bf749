/**
 * Samples of one series out of several places: blocks, hot rows, and several shapes. The same report
 * may be in a hot row and in its block, and the same metric in two reports of one time. One sample a
 * time is kept, the larger value (0 is larger than -0): a rule that depends on nothing but the values,
 * and the one that merging into blocks has (db/codec/reports.ts).
 *
 * `!` after an index: loops run over the arrays' own lengths, which are equal.
 */

/** So few are sorted by insertion. */
const SHORT = 128;

/** Arrays of one length; times are milliseconds since 1970. */
export interface Samples {
  times_ms: Float64Array;
  values: Float64Array;
}

/** The union, each time once and ascending. Each part is ascending by itself. */
export function mergeSamples(parts: readonly Samples[]): Samples {
  const ordered = orderSamples(parts);
  const [first] = ordered;
  if (first === undefined) return { times_ms: new Float64Array(), values: new Float64Array() };
  return ordered.length === 1 ? first : concatenate(ordered);
}

/** The union as parts that follow each other. Each part is ascending by itself. */
export function orderSamples(parts: readonly Samples[]): Samples[] {
  const ordered = parts.filter(({ times_ms }) => times_ms.length > 0)
    .sort((a, b) => a.times_ms[0]! - b.times_ms[0]!);
  // blocks follow each other, and hot rows the last block: nearly always there is nothing to do
  const isOrdered = ordered.every((part, i) =>
    i === 0 || ordered[i - 1]!.times_ms.at(-1)! < part.times_ms[0]!
  );
  return isOrdered ? ordered : [sortSamples(concatenate(ordered))];
}

/** Brings samples of any order into that of time, each time once. */
export function sortSamples(samples: Samples): Samples {
  const { times_ms, values } = samples;
  if (isAscending(times_ms)) return samples;
  if (times_ms.length <= SHORT) return sortShort(samples);
  const order = Uint32Array.from(times_ms, (_, i) => i).sort((a, b) =>
    times_ms[a]! - times_ms[b]! || values[b]! - values[a]! ||
    Number(Object.is(values[a], -0)) - Number(Object.is(values[b], -0))
  );
  const kept = order.filter((row, i) => i === 0 || times_ms[order[i - 1]!] !== times_ms[row]);
  return {
    times_ms: Float64Array.from(kept, (row) => times_ms[row]!),
    values: Float64Array.from(kept, (row) => values[row]!),
  };
}

function isAscending(times_ms: Float64Array): boolean {
  for (let i = 1; i < times_ms.length; i++) if (times_ms[i - 1]! >= times_ms[i]!) return false;
  return true;
}

/** By insertion: hot samples of thousands of series are some sixty each, and nearly in order. */
function sortShort(samples: Samples): Samples {
  const times_ms = samples.times_ms.slice();
  const values = samples.values.slice();
  let kept = 0;
  for (let i = 0; i < times_ms.length; i++) {
    const [at_ms, value] = [times_ms[i]!, values[i]!];
    let place = kept;
    while (place > 0 && times_ms[place - 1]! > at_ms) place--;
    if (place > 0 && times_ms[place - 1] === at_ms) {
      if (isLarger(value, values[place - 1]!)) values[place - 1] = value;
      continue;
    }
    times_ms.copyWithin(place + 1, place, kept);
    values.copyWithin(place + 1, place, kept);
    times_ms[place] = at_ms;
    values[place] = value;
    kept++;
  }
  return { times_ms: times_ms.subarray(0, kept), values: values.subarray(0, kept) };
}

/** 0 is larger than -0. */
function isLarger(value: number, other: number): boolean {
  return value > other || (value === other && Object.is(other, -0));
}

/** Those of a span, as views: from_ms <= t < before_ms. */
export function samplesWithin(samples: Samples, from_ms: number, before_ms: number): Samples {
  const { times_ms, values } = samples;
  const length = times_ms.length;
  if (length === 0 || (times_ms[0]! >= from_ms && times_ms[length - 1]! < before_ms)) {
    return samples;
  }
  const start = firstFrom(times_ms, from_ms);
  const end = firstFrom(times_ms, before_ms);
  return { times_ms: times_ms.subarray(start, end), values: values.subarray(start, end) };
}

/** The index of the first time that is not before `at_ms`. */
export function firstFrom(times_ms: Float64Array, at_ms: number): number {
  let low = 0;
  let high = times_ms.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (times_ms[middle]! < at_ms) low = middle + 1;
    else high = middle;
  }
  return low;
}

function concatenate(parts: readonly Samples[]): Samples {
  const length = parts.reduce((sum, part) => sum + part.times_ms.length, 0);
  const all = { times_ms: new Float64Array(length), values: new Float64Array(length) };
  let at = 0;
  for (const { times_ms, values } of parts) {
    all.times_ms.set(times_ms, at);
    all.values.set(values, at);
    at += times_ms.length;
  }
  return all;
}
