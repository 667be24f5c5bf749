/**
 * CSV: a header `host,metric,timestamp,value`, then a sample a line. Fields are quoted as in RFC 4180
 * where they need it, with one difference: a quoted field ends on its line, as no name holds a
 * newline. Times are seconds since 1970.
 *
 * Read are any order of the columns, more columns than these, CRLF, times like
 * `2026-01-31T12:00:00Z`.
 */
import { quoted, readSeconds, readValue, secondsText, valueText } from "./number.ts";
import {
  brokenOff,
  isFault,
  type LineFault,
  type LineReader,
  type SampleFormat,
  type SampleLine,
} from "./sample.ts";

const COLUMNS = ["host", "metric", "timestamp", "value"] as const;
const HEADER = COLUMNS.join();
const ERROR = "# error: ";

/** A field that would read as something else, or as a comment, is quoted. */
function field(text: string): string {
  return /[",#]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

interface Field {
  text: string;
  column: number;
}

/** The fields of a line, or where it stops being CSV. */
function fieldsOf(line: string): Field[] | LineFault {
  if (!line.includes('"')) {
    let column = 1;
    return line.split(",").map((text) => {
      const one = { text, column };
      column += text.length + 1;
      return one;
    });
  }
  const fields: Field[] = [];
  for (let at = 0;;) {
    const column = at + 1;
    if (line[at] !== '"') {
      const comma = line.indexOf(",", at);
      const end = comma < 0 ? line.length : comma;
      const text = line.slice(at, end);
      const quote = text.indexOf('"');
      if (quote >= 0) return { column: column + quote, fault: "a quote inside an unquoted field" };
      fields.push({ text, column });
      at = end;
    } else {
      const end = quotedEnd(line, at);
      if (end < 0) return { column, fault: "a quoted field must end on its line" };
      fields.push({ text: line.slice(at + 1, end).replaceAll('""', '"'), column });
      at = end + 1;
    }
    if (at >= line.length) return fields;
    if (line[at] !== ",") {
      return { column: at + 1, fault: "after a quoted field there must be a comma" };
    }
    at++;
  }
}

/** Offset of the quote that ends the field whose opening quote is at `start`, or -1. */
function quotedEnd(line: string, start: number): number {
  let at = line.indexOf('"', start + 1);
  while (at >= 0 && line[at + 1] === '"') at = line.indexOf('"', at + 2);
  return at;
}

/** Where each of `COLUMNS` is, or what is wrong with the header. */
function readHeader(line: string): number[] | LineFault {
  const fields = fieldsOf(line);
  if (!Array.isArray(fields)) return fields;
  const names = fields.map(({ text }) => text.trim().toLowerCase());
  const missing = COLUMNS.find((name) => names.filter((other) => other === name).length !== 1);
  if (missing === undefined) return COLUMNS.map((name) => names.indexOf(name));
  return {
    column: 1,
    fault: `the header must have one column "${missing}", as in ${HEADER}: ` +
      `current value is ${quoted(line)}`,
  };
}

function reader(): LineReader {
  let places: number[] | undefined;
  let canonical = false;
  /** `host,metric,` of the line before, and what it says: in an export it is mostly the same. */
  let newest = { series: "", host: "", metric: "" };
  return (raw) => {
    if (canonical && newest.series !== "" && raw.startsWith(newest.series)) {
      const sample = readRest(raw, newest);
      if (sample !== undefined) return sample;
    }
    const line = raw.endsWith("\r") ? raw.slice(0, -1) : raw;
    if (line === "") return undefined;
    if (line.startsWith("#")) {
      if (!line.startsWith(ERROR)) return undefined;
      return { column: 1, fault: brokenOff(line.slice(ERROR.length)) };
    }
    if (places === undefined) {
      const header = readHeader(line);
      if (!Array.isArray(header)) return header;
      places = header;
      canonical = line === HEADER;
      return undefined;
    }
    const row = readRow(line, places);
    if (row !== undefined && !isFault(row)) {
      const { host, metric } = row;
      newest = { series: `${field(host)},${field(metric)},`, host, metric };
    }
    return row;
  };
}

/** The sample of a line whose beginning is known; undefined where anything is unusual. */
function readRest(
  line: string,
  { series, host, metric }: { series: string; host: string; metric: string },
): SampleLine | undefined {
  const comma = line.indexOf(",", series.length);
  if (comma < 0) return undefined;
  const at_ms = readSeconds(line.slice(series.length, comma));
  const value = readValue(line.slice(comma + 1));
  if (typeof at_ms === "string" || typeof value === "string") return undefined;
  return { host, metric, at_ms, value };
}

function readRow(line: string, places: readonly number[]): ReturnType<LineReader> {
  const fields = fieldsOf(line);
  if (!Array.isArray(fields)) return fields;
  const [host, metric, time, number] = places.map((place) => fields[place]);
  if (
    host === undefined || metric === undefined || time === undefined || number === undefined
  ) {
    const wanted = Math.max(...places) + 1;
    return {
      column: line.length + 1,
      fault: `a line must have ${wanted} fields: it has ${fields.length}`,
    };
  }
  const at_ms = readSeconds(time.text);
  if (typeof at_ms === "string") return { column: time.column, fault: at_ms };
  const value = readValue(number.text);
  if (typeof value === "string") return { column: number.column, fault: value };
  return { host: host.text, metric: metric.text, at_ms, value };
}

/** Is this line a header as above? */
export function isCsvHeader(line: string): boolean {
  return Array.isArray(readHeader(line.replace(/\r$/, "")));
}

export const csv: SampleFormat = {
  name: "csv",
  content_type: "text/csv; charset=utf-8",
  header: `${HEADER}\n`,
  has_messages: false,
  writer(host, metric) {
    const series = `${field(host)},${field(metric)},`;
    return (at_ms, value) =>
      value === null ? "" : `${series}${secondsText(at_ms)},${valueText(value)}\n`;
  },
  errorLine: (message) => `${ERROR}${message.replaceAll(/\s+/g, " ")}\n`,
  reader,
};
