/**
 * A report is one row of the server and has a largest size; what an exporter shows may be more. Then it
 * becomes several reports with the same time, cut by the names' order, so that the same series come
 * into the same part at every tick and each part keeps its form.
 */
import { REPORT_METRICS_MAX } from "../report.ts";
import type { Series, SeriesValue } from "./collected.ts";

/** Well under what a server reads at once (16 MiB), with room for what the metrics mean. */
export const PART_BYTES_MAX = 4 * 1024 * 1024;
/** Quotes, colon, comma and a long number; a message is counted as it is. */
const VALUE_BYTES = 32;

/** The series in as few parts as the limits allow; one part when it is small, as nearly always. */
export function reportParts(series: Series): Series[] {
  let bytes = 0;
  for (const [name, value] of series) bytes += entryBytes(name, value);
  if (series.size <= REPORT_METRICS_MAX && bytes <= PART_BYTES_MAX) return [series];
  const parts: Map<string, SeriesValue>[] = [];
  let part = new Map<string, SeriesValue>();
  let part_bytes = 0;
  for (const [name, value] of [...series].sort(([a], [b]) => a < b ? -1 : 1)) {
    const more = entryBytes(name, value);
    if (part.size === REPORT_METRICS_MAX || part_bytes + more > PART_BYTES_MAX) {
      parts.push(part);
      part = new Map();
      part_bytes = 0;
    }
    part.set(name, value);
    part_bytes += more;
  }
  parts.push(part);
  return parts;
}

/** Characters of names are mostly one byte; three is the most. Quotes in labels become two. */
function entryBytes(name: string, value: SeriesValue): number {
  const message = typeof value === "object" ? value?.message ?? "" : "";
  return 2 * name.length + 3 * message.length + VALUE_BYTES;
}
