/**
 * What a soak has to show, as a pure function of what was measured: nothing failed, nothing was lost,
 * and nothing grew. A run is cut into slices of equal length; a measure has one figure a slice.
 *
 * Growth is the slope of Theil and Sen (the median of the slopes of all pairs), so that a few slices
 * in which the machine was busy with something else do not count. The first slices are left out:
 * caches fill, code is compiled.
 */

/** What is measured, and how much more of it at the end is not called growth. */
export interface Measure {
  name: string;
  unit: string;
  /** One a slice; undefined where there was nothing to measure. */
  slices: readonly (number | undefined)[];
  /** Growth over the run that is allowed: the larger of a share of the middle figure and this. */
  allowed?: { share: number; least: number };
}

export interface Judged {
  name: string;
  unit: string;
  start: number | undefined;
  middle: number | undefined;
  end: number | undefined;
  /** Over the judged part of the run; undefined when it is not judged. */
  growth: number | undefined;
  limit: number | undefined;
  grew: boolean;
}

/** Of the run, at its beginning, that is not judged. */
const WARM_UP_SHARE = 0.15;
/** Of the run, that start, middle and end are each the median of. */
const PART_SHARE = 0.1;

export function median(values: readonly number[]): number | undefined {
  const sorted = [...values].sort((a, b) => a - b);
  const [low, high] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]];
  return low === undefined || high === undefined ? undefined : (low + high) / 2;
}

/** Share of the values that is at most the result; undefined of none. */
export function quantile(values: readonly number[], share: number): number | undefined {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}

/** The median slope of all pairs, for one step; 0 of fewer than two values. */
export function slopeOf(values: readonly (number | undefined)[]): number {
  const points = values.flatMap((value, at) => value === undefined ? [] : [{ at, value }]);
  const slopes = points.flatMap((one, i) =>
    points.slice(i + 1).map((other) => (other.value - one.value) / (other.at - one.at))
  );
  return median(slopes) ?? 0;
}

function partMedian(slices: Measure["slices"], from: number, count: number): number | undefined {
  return median(slices.slice(from, from + count).filter((value) => value !== undefined));
}

/** Judges one measure. `judge_growth` is false for runs that are too short to tell. */
export function judge(measure: Measure, judge_growth: boolean): Judged {
  const { name, unit, slices, allowed } = measure;
  const part = Math.max(1, Math.round(slices.length * PART_SHARE));
  const first = Math.min(Math.ceil(slices.length * WARM_UP_SHARE), slices.length - 1);
  const figures = {
    start: partMedian(slices, first, part),
    middle: partMedian(slices, Math.floor((slices.length - part) / 2), part),
    end: partMedian(slices, slices.length - part, part),
  };
  if (allowed === undefined || !judge_growth) {
    return { name, unit, ...figures, growth: undefined, limit: undefined, grew: false };
  }
  const judged = slices.slice(first);
  const growth = slopeOf(judged) * (judged.length - 1);
  const usual = median(judged.filter((value) => value !== undefined)) ?? 0;
  const limit = Math.max(allowed.least, allowed.share * usual);
  return { name, unit, ...figures, growth, limit, grew: growth > limit };
}

const short = (value: number | undefined) =>
  value === undefined ? "-" : Number(value.toPrecision(3)).toString();

/** The measures as a table for people. */
export function tableOf(judged: readonly Judged[]): string {
  const rows = [
    ["", "start", "middle", "end", "growth", "allowed", ""],
    ...judged.map((one) => [
      one.unit === "" ? one.name : `${one.name}, ${one.unit}`,
      ...[one.start, one.middle, one.end, one.growth, one.limit].map(short),
      one.growth === undefined ? "" : one.grew ? "GREW" : "ok",
    ]),
  ];
  const widths = rows[0]?.map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0))
  );
  return rows.map((row) =>
    row.map((cell, column) =>
      column === 0 ? cell.padEnd(widths?.[column] ?? 0) : cell.padStart(widths?.[column] ?? 0)
    ).join("  ").trimEnd()
  ).join("\n");
}
