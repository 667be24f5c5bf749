/**
 * The server's own numbers as the series of a host: counters and gauges as they are, and of a histogram
 * how often, how long together, and the longest that 99 of 100 took since the last look. Buckets would
 * be a series each, and nobody wants a chart of them.
 *
 * The same series every time: a report whose set of metrics changes has another shape.
 */
import type { MetricMetadata } from "../../report.ts";
import { labelText } from "../wire/prometheus.ts";
import type { HistogramState, MetricState } from "./registry.ts";
import { unitOf } from "./unit.ts";

const QUANTILE = 0.99;

/** The name of a series: `monitor_server_reports_total{result="stored"}`. */
function seriesName(name: string, label: readonly [string, string] | undefined): string {
  return label === undefined ? name : `${name}{${labelText([...label])}}`;
}

/**
 * The value that `quantile` of the observations between two states were at most, by linear
 * interpolation within its bucket; 0 when there were none. What lies beyond the last bound counts as it.
 */
export function quantileBetween(
  before: HistogramState | undefined,
  after: HistogramState,
  quantile: number,
): number {
  const counts = after.counts.map((count, index) => count - (before?.counts[index] ?? 0));
  const wanted = counts.reduce((sum, count) => sum + count, 0) * quantile;
  if (wanted <= 0) return 0;
  let seen = 0;
  for (const [index, count] of counts.entries()) {
    const low = after.bounds[index - 1] ?? 0;
    const high = after.bounds[index] ?? low;
    if (count > 0 && seen + count >= wanted) return low + (high - low) * (wanted - seen) / count;
    seen += count;
  }
  return after.bounds.at(-1) ?? 0;
}

/** Reads the numbers one look after the other. */
export class SeriesReader {
  #before = new Map<string, HistogramState>();

  /** Name and value of each series. */
  read(metrics: readonly MetricState[]): Map<string, number> {
    const series = new Map<string, number>();
    const states = new Map<string, HistogramState>();
    for (const { name, label, points, histogram } of metrics) {
      for (const [value_of, value] of points) {
        if (!Number.isFinite(value)) continue;
        const pair = value_of === undefined ? undefined : [label ?? "label", value_of] as const;
        series.set(seriesName(name, pair), value);
      }
      if (histogram === undefined) continue;
      states.set(name, histogram);
      series.set(`${name}_count`, histogram.counts.reduce((sum, count) => sum + count, 0));
      series.set(`${name}_sum`, histogram.sum);
      series.set(
        seriesName(name, ["quantile", String(QUANTILE)]),
        quantileBetween(this.#before.get(name), histogram, QUANTILE),
      );
    }
    this.#before = states;
    return series;
  }
}

/** What these series mean, for a report's `metadata`. */
export function seriesMetadata(metrics: readonly MetricState[]): Record<string, MetricMetadata> {
  const about: Record<string, MetricMetadata> = {};
  for (const { name, kind, help, label, points, histogram } of metrics) {
    const unit = unitOf(name);
    const gauge = { kind: "gauge" as const, description: help, ...unit && { unit } };
    const counter = { ...gauge, kind: "counter" as const };
    for (const [value_of] of points) {
      const pair = value_of === undefined ? undefined : [label ?? "label", value_of] as const;
      about[seriesName(name, pair)] = kind === "counter" ? counter : gauge;
    }
    if (histogram === undefined) continue;
    about[`${name}_count`] = { kind: "counter", description: help };
    about[`${name}_sum`] = counter;
    about[seriesName(name, ["quantile", String(QUANTILE)])] = gauge;
  }
  return about;
}
