/**
 * Estimates that a few wild values do not move.
 *
 * `trendOf` is the line of Theil and Sen: its slope is the median of the slopes between all pairs of
 * points, so that up to 29 % of the points may be anything. `baselineOf` is a median with the median
 * distance from it, scaled to what a standard deviation would be (1.4826 for a normal distribution).
 *
 * `!` after an index: loops run over the arrays' own lengths.
 */

/** Pairs grow with the square of the points: 72 make 2,556, about 0.2 ms. */
export const TREND_POINTS_MAX = 72;
const TREND_POINTS_MIN = 6;
const BASELINE_VALUES_MIN = 12;
const MAD_TO_SIGMA = 1.4826;
/** A series that never moves would make everything infinitely unusual. */
const SPREAD_SHARE_MIN = 0.01;

export interface Trend {
  slope_per_ms: number;
  /** The line's value at a time. */
  valueAt(at_ms: number): number;
}

function median(values: number[]): number {
  values.sort((a, b) => a - b);
  const middle = values.length >> 1;
  return values.length % 2 === 1 ? values[middle]! : (values[middle - 1]! + values[middle]!) / 2;
}

/**
 * The line through points in order of time; undefined when they are too few, or when they lie within
 * less than a quarter of `over_ms`: nobody can tell a day from ten minutes.
 */
export function trendOf(
  times_ms: readonly number[],
  values: readonly number[],
  over_ms: number,
): Trend | undefined {
  const points = times_ms.length;
  if (points < TREND_POINTS_MIN || times_ms[points - 1]! - times_ms[0]! < over_ms / 4) {
    return undefined;
  }
  // too many are thinned out evenly, the newest stays
  const stride = Math.max(1, Math.ceil(points / TREND_POINTS_MAX));
  const chosen: number[] = [];
  for (let at = points - 1; at >= 0; at -= stride) chosen.push(at);
  const slopes: number[] = [];
  for (let i = 0; i < chosen.length; i++) {
    for (let j = i + 1; j < chosen.length; j++) {
      const [late, early] = [chosen[i]!, chosen[j]!];
      slopes.push((values[late]! - values[early]!) / (times_ms[late]! - times_ms[early]!));
    }
  }
  const slope_per_ms = median(slopes);
  const origin_ms = times_ms[points - 1]!;
  const level = median(
    chosen.map((at) => values[at]! - slope_per_ms * (times_ms[at]! - origin_ms)),
  );
  return { slope_per_ms, valueAt: (at_ms) => level + slope_per_ms * (at_ms - origin_ms) };
}

export interface Baseline {
  center: number;
  /** Never 0. */
  spread: number;
}

/** What is usual; undefined when the values are too few to say. */
export function baselineOf(values: readonly number[]): Baseline | undefined {
  if (values.length < BASELINE_VALUES_MIN) return undefined;
  const center = median([...values]);
  const deviation = median(values.map((value) => Math.abs(value - center)));
  const least = Math.max(Math.abs(center) * SPREAD_SHARE_MIN, Number.MIN_VALUE * 2 ** 60);
  return { center, spread: Math.max(deviation * MAD_TO_SIGMA, least) };
}
