/**
 * Samples as lines of text: what `monitor export` writes and `monitor import` reads, in three formats
 * (csv.ts, ndjson.ts, prometheus.ts). Each format is a pair of functions that are each other's
 * inverse: reading a written line gives the same host, metric, time and value, bit for bit.
 *
 * A line stands for itself. No name can hold a newline (report.ts), so none of the formats has
 * records of several lines, and one bad line costs one line.
 */

export const FORMAT_NAMES = ["csv", "ndjson", "prometheus"] as const;
export type FormatName = typeof FORMAT_NAMES[number];

export interface SampleLine {
  host: string;
  metric: string;
  /** Whole milliseconds since 1970. */
  at_ms: number;
  /** Null where there is only a message: no value this time. */
  value: number | null;
  /** A text that came with the value, or instead of one. Only NDJSON carries it. */
  message?: string;
}

/** Why a line is no sample, and where: columns are UTF-16 units and count from 1. */
export interface LineFault {
  column: number;
  fault: string;
}

/** Reads one line without its newline; undefined for one that says nothing (blank, a comment). */
export type LineReader = (line: string) => SampleLine | LineFault | undefined;

/** Writes one sample of the series it was made for, newline included. */
export type LineWriter = (at_ms: number, value: number | null, message?: string) => string;

export interface SampleFormat {
  readonly name: FormatName;
  readonly content_type: string;
  /** What stands before all samples, newline included; may be empty. */
  readonly header: string;
  /** Whether messages are written, too. */
  readonly has_messages: boolean;
  writer(host: string, metric: string): LineWriter;
  /** The last line of an export that broke off: the reader makes a fault of it. */
  errorLine(message: string): string;
  /** A reader for one text, from its first line on. */
  reader(): LineReader;
}

export function isFault(line: SampleLine | LineFault): line is LineFault {
  return "fault" in line;
}

/** What a reader says of `errorLine`. */
export function brokenOff(message: string): string {
  return `the export broke off here: ${message}`;
}
