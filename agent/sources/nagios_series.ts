/**
 * A plugin's run as series: its status under the collector's name, 0 to 3, and each value of its
 * performance data below it. Values and units are kept as the plugin prints them.
 */
import type { MetricMetadata } from "../../report.ts";
import type { SeriesValue } from "../collected.ts";
import { parsePluginOutput, type PerformanceDatum, rangeText } from "./nagios.ts";
import { seriesNameFault } from "./series_name.ts";

/** What the exit codes of plugins mean. */
export const PLUGIN_STATES = ["OK", "WARNING", "CRITICAL", "UNKNOWN"] as const;

export interface PluginSeries {
  /** Text for people: what the plugin printed before the performance data. */
  text: string;
  series: Map<string, SeriesValue>;
  metadata: Map<string, MetricMetadata>;
  /** Performance data that could not be taken; undefined when all was. */
  note?: string;
}

/** Series of a plugin that ended with `code`, 0 to 3, under the name of its collector. */
export function pluginSeries(
  output: string,
  options: { name: string; code: number; description?: string },
): PluginSeries {
  const { name, code } = options;
  const { text, data, unread } = parsePluginOutput(output);
  const series = new Map<string, SeriesValue>([[name, code]]);
  const metadata = new Map<string, MetricMetadata>([[name, {
    kind: "state",
    description: options.description ?? "0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN",
  }]]);
  for (const datum of data) {
    const key = `${name}.${datum.label}`;
    if (series.has(key) || seriesNameFault(key) !== undefined) unread.push(datum.label);
    else if (datum.value === undefined || Number.isFinite(datum.value)) {
      series.set(key, datum.value ?? null);
      metadata.set(key, datumMetadata(datum));
    } else unread.push(datum.label);
  }
  const [first] = unread;
  const note = first === undefined
    ? undefined
    : `${unread.length} of its performance data left out, such as ${
      JSON.stringify(first.slice(0, 80))
    }`;
  return { text: text || (PLUGIN_STATES[code] ?? ""), series, metadata, note };
}

/** `c` marks a counter; thresholds are the plugin's own and only told. */
function datumMetadata({ unit, warn, critical, min, max }: PerformanceDatum): MetricMetadata {
  const texts = [
    warn && `warns ${rangeText(warn)}`,
    critical && `critical ${rangeText(critical)}`,
    min !== undefined && `smallest ${min}`,
    max !== undefined && `largest ${max}`,
  ].filter((text) => typeof text === "string");
  return {
    kind: unit === "c" ? "counter" : "gauge",
    ...(unit === "c" || unit === "" ? {} : { unit }),
    ...(texts.length === 0 ? {} : { description: texts.join(", ") }),
  };
}
