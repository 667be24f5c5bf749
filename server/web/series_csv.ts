/** Series over hosts as lines of CSV. */
import type { SeriesData } from "./api.ts";
import { valuesOf } from "./chart_data.ts";

/** A field as RFC 4180 has it. */
function field(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** One line a step; a step without a value has none. */
export function csvOf(all: readonly SeriesData[]): string {
  const lines = ["metric,hosts,timestamp,value"];
  for (const series of all) {
    const start = `${field(series.metric)},${series.hosts ?? 1}`;
    const values = valuesOf(series);
    series.t.forEach((at_s, i) => {
      const value = values[i];
      if (value !== undefined && value !== null) lines.push(`${start},${at_s},${value}`);
    });
  }
  return `${lines.join("\n")}\n`;
}
