/**
 * From what an exporter shows to series: which metrics are wanted, what they are called, and what
 * cannot be stored. Values that are no finite numbers (a quantile of nothing is NaN) and names that
 * the server would not take are left out and counted; too many series are refused as a whole, since
 * which of them would be missing were left to chance.
 */
import type { MetricMetadata } from "../../report.ts";
import type { SeriesValue } from "../collected.ts";
import { type ExpositionFormat, parseExposition } from "./exposition.ts";
import { nameFilter } from "./name_filter.ts";
import { type Label, seriesName, seriesNameFault } from "./series_name.ts";

export interface ExpositionOptions {
  format: ExpositionFormat;
  /** Put in front of every name. */
  prefix: string;
  include: readonly string[];
  exclude: readonly string[];
  /** Added to every series that has no label of that name. */
  labels: Readonly<Record<string, string>>;
  /** Whether samples keep a time of their own. */
  timestamps: boolean;
  series_max: number;
}

export interface ExpositionSeries {
  series: Map<string, SeriesValue>;
  metadata: Map<string, MetricMetadata>;
  /** Values that are NaN or infinite. */
  not_finite: number;
  /** Series whose name the server would not take, or that were given twice. */
  unusable: number;
  /** One of the latter. */
  unusable_because?: string;
}

/** Series of a text, or a sentence about what is wrong with it. */
export function readExposition(
  text: string,
  options: ExpositionOptions,
): ExpositionSeries | { fault: string } {
  const { prefix, labels, series_max, timestamps } = options;
  const parsed = parseExposition(text, options);
  if ("fault" in parsed) return parsed;
  const wanted = nameFilter(options);
  const about = new Map<string, { wanted: boolean; metadata?: MetricMetadata }>();
  const added = Object.entries(labels);
  const read: ExpositionSeries = {
    series: new Map(),
    metadata: new Map(),
    not_finite: 0,
    unusable: 0,
  };
  let count = 0;
  for (const sample of parsed.samples) {
    const { metric, value, at_ms } = sample;
    let known = about.get(metric);
    if (known === undefined) {
      known = { wanted: wanted(metric), metadata: parsed.metadata(metric) };
      about.set(metric, known);
    }
    if (!known.wanted) continue;
    count++;
    if (!Number.isFinite(value)) {
      read.not_finite++;
      continue;
    }
    const name = seriesName(`${prefix}${metric}`, withAdded(sample.labels, added));
    const fault = read.series.has(name) ? "is given twice" : seriesNameFault(name);
    if (fault !== undefined) {
      read.unusable++;
      read.unusable_because ??= `${name.slice(0, 100)} ${fault}`;
      continue;
    }
    read.series.set(
      name,
      timestamps && at_ms !== undefined ? { value, timestamp: at_ms / 1000 } : value,
    );
    if (known.metadata !== undefined) read.metadata.set(name, known.metadata);
  }
  if (count <= series_max) return read;
  return {
    fault: `${count} series are more than series_max (${series_max}): ` +
      "raise it, or leave some out with exclude",
  };
}

function withAdded(own: readonly Label[], added: readonly Label[]): readonly Label[] {
  if (added.length === 0) return own;
  return [...own, ...added.filter(([name]) => !own.some(([other]) => other === name))];
}

/** A remark about series that were left out for their names; undefined when there are none. */
export function unusableText({ unusable, unusable_because = "" }: ExpositionSeries) {
  return unusable === 0 ? undefined : `${unusable} series left out: ${unusable_because}`;
}
