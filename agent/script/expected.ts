/** What a collector is expected to make of a fixture, and where it made something else. Pure. */
import { z } from "zod";
import type { CollectedSeries } from "../once.ts";

const range = z.strictObject({ min: z.number(), max: z.number() });
const remark = z.strictObject({ value: z.number().nullable(), message: z.string() });

export const expectedSchema = z.strictObject({
  /** By series: a number, null, a value with its remark, a range, or "any" for any number. */
  metrics: z.record(
    z.string(),
    z.union([z.number(), z.null(), z.literal("any"), range, remark], {
      error: 'must be a number, null, "any", {"min": …, "max": …} or {"value": …, "message": …}',
    }),
  ),
});
export type Expected = z.output<typeof expectedSchema>;
type ExpectedValue = Expected["metrics"][string];

/** Sums of binary fractions differ in their last digits from one machine to the next. */
const RELATIVE_ERROR_MAX = 1e-9;

export interface Difference {
  metric: string;
  /** For people; "nothing" for a series that should not be, or is not, there. */
  expected: string;
  got: string;
}

/** The series that are not as expected, sorted by name. */
export function differences(
  { metrics }: Expected,
  got: readonly CollectedSeries[],
): Difference[] {
  const by_name = new Map(got.map((series) => [series.metric, series]));
  const names = new Set([...Object.keys(metrics), ...by_name.keys()]);
  return [...names].sort().flatMap((metric) => {
    const wanted = Object.hasOwn(metrics, metric) ? metrics[metric] : undefined;
    const series = by_name.get(metric);
    if (wanted !== undefined && series !== undefined && isAsExpected(wanted, series)) return [];
    return [{
      metric,
      expected: wanted === undefined ? "nothing" : JSON.stringify(wanted),
      got: series === undefined ? "nothing" : JSON.stringify(expectedOf(series)),
    }];
  });
}

/** What stands for these values in a file. */
export function expectedOf({ value, message }: CollectedSeries): ExpectedValue {
  return message === undefined ? value : { value, message };
}

function isAsExpected(wanted: ExpectedValue, { value, message }: CollectedSeries): boolean {
  if (wanted === "any") return value !== null;
  if (wanted === null || typeof wanted === "number") return isClose(wanted, value);
  if ("message" in wanted) return wanted.message === message && isClose(wanted.value, value);
  return value !== null && value >= wanted.min && value <= wanted.max;
}

function isClose(a: number | null, b: number | null): boolean {
  if (a === null || b === null) return a === b;
  return Math.abs(a - b) <= RELATIVE_ERROR_MAX * Math.max(Math.abs(a), Math.abs(b));
}
