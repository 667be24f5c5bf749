/**
 * Prometheus text: `http_requests_total{host="a",code="200"} 12 1700000000500`; times are milliseconds
 * since 1970.
 *
 * A metric's name here is what stands before the value without the label `host`:
 * `http_requests_total{code="200"}`. Most names are no Prometheus names (`disk.root`); they are
 * written in the quoted form of Prometheus 3, `{"disk.root",host="a"} 93 1700000000500`. So is every
 * name that only looks like labels (`x{a=1}`, `x{}`, one with a label `host` of its own): whatever
 * would not come back as the same text. The check is to read what would be written and compare.
 *
 * A series' own text is the same on thousands of lines, so what was read of it is kept.
 */
import { quoted, readMilliseconds, readValue, valueText } from "./number.ts";
import { brokenOff, type LineFault, type LineReader, type SampleFormat } from "./sample.ts";

const ERROR = "# error: ";
const NAME = /[a-zA-Z_:][a-zA-Z0-9_:]*/y;
const SPACE = /[ \t]*/y;
const STRING = /"(?:[^"\\]|\\.)*"/y;

interface Series {
  name: string;
  name_is_quoted: boolean;
  labels: [name: string, value: string][];
}

function escaped(text: string): string {
  return `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")}"`;
}

function unescaped(literal: string): string {
  const text = literal.slice(1, -1);
  return text.includes("\\")
    ? text.replaceAll(/\\(.)/g, (_, char: string) => char === "n" ? "\n" : char)
    : text;
}

/** A place in a line, and what can be taken from there. */
class Scanner {
  at = 0;
  constructor(readonly line: string) {}

  /** What `pattern` (sticky) matches here, or "". */
  take(pattern: RegExp): string {
    pattern.lastIndex = this.at;
    const text = pattern.exec(this.line)?.[0] ?? "";
    this.at += text.length;
    return text;
  }

  takeChar(char: string): boolean {
    this.take(SPACE);
    if (this.line[this.at] !== char) return false;
    this.at++;
    return true;
  }

  fault(fault: string): LineFault {
    return { column: this.at + 1, fault };
  }
}

/** Reads `name{label="value",…}` or `{"name",label="value",…}`. */
function readSeries(scanner: Scanner): Series | LineFault {
  scanner.take(SPACE);
  const name = scanner.take(NAME);
  const series: Series = { name, name_is_quoted: false, labels: [] };
  const name_end = scanner.at;
  if (!scanner.takeChar("{")) {
    scanner.at = name_end;
    return name === "" ? scanner.fault("here must be the name of a metric") : series;
  }
  while (!scanner.takeChar("}")) {
    const fault = readLabel(scanner, series);
    if (fault !== undefined) return fault;
    if (!scanner.takeChar(",") && scanner.line[scanner.at] !== "}") {
      return scanner.fault("here must be a comma or }");
    }
  }
  return series.name === "" ? scanner.fault("the name of the metric is missing") : series;
}

/** Takes one label, or the quoted name of the metric, into `series`. */
function readLabel(scanner: Scanner, series: Series): LineFault | undefined {
  scanner.take(SPACE);
  const start = scanner.at;
  const literal = scanner.take(STRING);
  const label = literal === "" ? scanner.take(NAME) : unescaped(literal);
  if (label === "" && literal === "") return scanner.fault("here must be the name of a label");
  if (!scanner.takeChar("=")) {
    if (literal === "") return scanner.fault("here must be =");
    if (series.name !== "") return { column: start + 1, fault: "the metric has two names" };
    series.name = label;
    series.name_is_quoted = true;
    return undefined;
  }
  scanner.take(SPACE);
  const value = scanner.take(STRING);
  if (value === "") return scanner.fault("here must be the label's value in double quotes");
  if (series.labels.some(([other]) => other === label)) {
    return { column: start + 1, fault: `label ${quoted(label)} is given twice` };
  }
  series.labels.push([label, unescaped(value)]);
  return undefined;
}

/** `name="value"`, the name in quotes where it must be. */
export function labelText([name, value]: [string, string]): string {
  NAME.lastIndex = 0;
  const plain = NAME.exec(name)?.[0] === name;
  return `${plain ? name : escaped(name)}=${escaped(value)}`;
}

/** The name of a metric here: the labels are part of it. */
function metricOf({ name, labels }: Series): string {
  return labels.length === 0 ? name : `${name}{${labels.map(labelText).join()}}`;
}

function seriesText(host: string, metric: string): string {
  const own = labelText(["host", host]);
  const scanner = new Scanner(metric);
  const series = readSeries(scanner);
  const same = !("fault" in series) && scanner.at === metric.length && !series.name_is_quoted &&
    metricOf(series) === metric && series.labels.every(([name]) => name !== "host");
  if (!same) return `{${escaped(metric)},${own}}`;
  return `${series.name}{${[own, ...series.labels.map(labelText)].join()}}`;
}

interface KnownSeries {
  host: string;
  metric: string;
  /** Where it ends in the line. */
  end: number;
}

function readKnown(line: string): KnownSeries | LineFault {
  const scanner = new Scanner(line);
  const series = readSeries(scanner);
  if ("fault" in series) return series;
  const host = series.labels.find(([name]) => name === "host")?.[1];
  if (host === undefined) return { column: 1, fault: 'there must be a label "host"' };
  const labels = series.labels.filter(([name]) => name !== "host");
  return { host, metric: metricOf({ ...series, labels }), end: scanner.at };
}

/** Series whose text is kept; more than a host has metrics. */
const KNOWN_MAX = 20_000;

function reader(): LineReader {
  const known = new Map<string, KnownSeries>();
  let newest: { text: string; series: KnownSeries } | undefined;
  return (raw) => {
    // in an export most lines begin as the one before
    if (newest !== undefined && raw.startsWith(newest.text)) return readNumbers(raw, newest.series);
    const line = raw.trimEnd();
    if (line === "") return undefined;
    if (line.startsWith("#")) {
      if (!line.startsWith(ERROR)) return undefined;
      return { column: 1, fault: brokenOff(line.slice(ERROR.length)) };
    }
    // a guess: what stands there is either known from a line that was read in full, or read now
    const brace = line.lastIndexOf("}") + 1;
    let series = known.get(line.slice(0, brace));
    if (series === undefined) {
      const read = readKnown(line);
      if ("fault" in read) return read;
      if (known.size >= KNOWN_MAX) known.clear();
      known.set(line.slice(0, read.end), read);
      series = read;
    }
    // the space belongs to it: one name may be the beginning of another
    newest = { text: `${line.slice(0, series.end)} `, series };
    return readNumbers(line, series);
  };
}

const NUMBERS = /^[ \t]+(\S+)(?:[ \t]+(\S+))?\s*(.*)$/;

function readNumbers(line: string, { host, metric, end }: KnownSeries): ReturnType<LineReader> {
  const found = NUMBERS.exec(line.slice(end));
  const [, number = "", time, rest = ""] = found ?? [];
  if (number === "") return { column: end + 1, fault: "here must be a value after a space" };
  if (rest !== "") {
    return { column: line.length - rest.length + 1, fault: "here must be the end of the line" };
  }
  const value = readValue(number);
  const value_at = line.indexOf(number, end);
  if (typeof value === "string") return { column: value_at + 1, fault: value };
  if (time === undefined) {
    return { column: line.length + 1, fault: "the time is missing: milliseconds since 1970" };
  }
  const at_ms = readMilliseconds(time);
  if (typeof at_ms !== "string") return { host, metric, at_ms, value };
  return { column: line.lastIndexOf(time) + 1, fault: at_ms };
}

/** Is this a sample in Prometheus text, whatever its labels? */
export function isPrometheusLine(line: string): boolean {
  const scanner = new Scanner(line);
  return !("fault" in readSeries(scanner)) &&
    /^[ \t]+[+-]?(\.?\d|nan|inf)\S*([ \t]+\S+)?\s*$/i.test(line.slice(scanner.at));
}

export const prometheus: SampleFormat = {
  name: "prometheus",
  content_type: "text/plain; version=0.0.4; charset=utf-8",
  header: "",
  has_messages: false,
  writer(host, metric) {
    const series = seriesText(host, metric);
    return (at_ms, value) => value === null ? "" : `${series} ${valueText(value)} ${at_ms}\n`;
  },
  errorLine: (message) => `${ERROR}${message.replaceAll(/\s+/g, " ")}\n`,
  reader,
};
