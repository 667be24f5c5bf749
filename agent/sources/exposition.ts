/**
 * Prometheus text (0.0.4) and OpenMetrics (1.0) as samples, with what HELP, TYPE and UNIT say of them.
 *
 * The two differ little, and where they do the reader takes what either allows: OpenMetrics ends with
 * `# EOF`, without which it was cut off; its times are seconds, not milliseconds; it may have
 * exemplars, which are passed over. A text is read as a whole or not at all: half of an exporter's
 * numbers would look as if the others had stopped.
 *
 * A family is what TYPE names; its samples have that name or, for histograms and their like, the name
 * with a suffix.
 */
import type { MetricKind, MetricMetadata } from "../../report.ts";
import { LineFault, LineScanner, readSampleLine, type SeriesHead } from "./exposition_scanner.ts";

export type ExpositionFormat = "text" | "openmetrics";

export interface Sample {
  /** The same object whenever the text before the value is the same. */
  head: SeriesHead;
  /** May be NaN or infinite. */
  value: number;
  /** The time it brings with it, milliseconds since 1970. */
  at_ms?: number;
}

interface Family {
  type?: string;
  help?: string;
  unit?: string;
}

export interface Exposition {
  samples: Sample[];
  /** What the sample of this name means; undefined when nothing is known. */
  metadata(metric: string): MetricMetadata | undefined;
}

/** Suffixes of samples, longest first where one ends another. */
const SUFFIX = /_(bucket|gcount|gsum|count|sum|total|created|info)$/;
const COMMENT = /^[ \t]*#(?:[ \t]+(HELP|TYPE|UNIT)[ \t]+(.*))?/s;
const FAMILY_NAME = /"(?:[^"\\]|\\.)*"|[^ \t]+/y;
const DESCRIPTION_CHARS_MAX = 500;

/**
 * Reads a text of either format; the fault names line and column. `known` keeps what was read of
 * earlier texts of the same exporter, by the text before the value.
 */
export function parseExposition(
  text: string,
  options: { format: ExpositionFormat; known?: Map<string, SeriesHead> },
): Exposition | { fault: string } {
  const { known = new Map() } = options;
  const openmetrics = options.format === "openmetrics";
  const samples: Sample[] = [];
  const families = new Map<string, Family>();
  let number = 0;
  let ended = false;
  try {
    for (const raw of lines(text)) {
      number++;
      const line = raw.trimEnd();
      if (line === "") continue;
      if (ended) throw new LineFault("nothing may follow # EOF", 0);
      if (line.trimStart().startsWith("#")) {
        if (line === "# EOF") ended = openmetrics;
        else readComment(line, families);
      } else samples.push(readSample(line.trimStart(), { openmetrics, known }));
    }
  } catch (error) {
    if (!(error instanceof LineFault)) throw error;
    return { fault: `line ${number}, column ${error.column}: ${error.message}` };
  }
  if (openmetrics && !ended) return { fault: "it is cut off: the last line must be # EOF" };
  return { samples, metadata: (metric) => metadataOf(metric, families) };
}

function* lines(text: string): Generator<string> {
  let start = 0;
  while (start < text.length) {
    const end = text.indexOf("\n", start);
    yield text.slice(start, end === -1 ? text.length : end);
    if (end === -1) return;
    start = end + 1;
  }
}

function readSample(
  line: string,
  { openmetrics, known }: { openmetrics: boolean; known: Map<string, SeriesHead> },
): Sample {
  const { head, value, timestamp } = readSampleLine(line, { exemplars: openmetrics, known });
  if (timestamp === undefined) return { head, value };
  return { head, value, at_ms: Math.round(openmetrics ? timestamp * 1000 : timestamp) };
}

function readComment(line: string, families: Map<string, Family>): void {
  const [, word, rest = ""] = COMMENT.exec(line) ?? [];
  if (word === undefined) return;
  const scanner = new LineScanner(rest);
  const literal = scanner.take(FAMILY_NAME);
  const name = literal.startsWith('"') ? literal.slice(1, -1) : literal;
  const said = rest.slice(scanner.at).trim();
  let family = families.get(name);
  if (family === undefined) families.set(name, family = {});
  if (word === "TYPE") family.type = said;
  else if (word === "UNIT") family.unit = said;
  else family.help = said.replaceAll(/\\(.)/g, (_, char: string) => char === "n" ? " " : char);
}

function metadataOf(
  metric: string,
  families: ReadonlyMap<string, Family>,
): MetricMetadata | undefined {
  const suffix = SUFFIX.exec(metric)?.[1] ?? "";
  const base = suffix === "" ? metric : metric.slice(0, -suffix.length - 1);
  // An own TYPE wins: `x_count` may be a counter, not the count of a histogram `x`.
  const family = families.get(metric) ?? families.get(base);
  if (family === undefined) return undefined;
  const own_suffix = families.has(metric) ? "" : suffix;
  const metadata: MetricMetadata = {};
  const kind = kindOf(family.type, own_suffix);
  if (kind !== undefined) metadata.kind = kind;
  const counts = ["bucket", "count", "gcount"].includes(own_suffix) || family.type === "info";
  const unit = counts ? "" : own_suffix === "created" ? "s" : unitOf(family.unit, metric);
  if (unit !== "") metadata.unit = unit;
  const help = family.help?.slice(0, DESCRIPTION_CHARS_MAX).toWellFormed();
  if (help) metadata.description = help;
  return Object.keys(metadata).length === 0 ? undefined : metadata;
}

/** What a sample of a family of this type is, by its suffix. */
function kindOf(type: string | undefined, suffix: string): MetricKind | undefined {
  if (suffix === "created") return "gauge";
  switch (type) {
    case "counter":
      return "counter";
    case "gauge":
    case "info":
    case "gaugehistogram":
      return "gauge";
    case "stateset":
      return "state";
    case "histogram":
      return "counter";
    case "summary":
      return suffix === "" ? "gauge" : "counter";
    default:
      return undefined;
  }
}

/** Base units of Prometheus names, as monitor writes them. */
const UNITS: Record<string, string> = {
  seconds: "s",
  bytes: "B",
  celsius: "°C",
  percent: "%",
  volts: "V",
  amperes: "A",
  watts: "W",
  joules: "J",
  hertz: "Hz",
  meters: "m",
  grams: "g",
};
const UNIT_CHARS_MAX = 32;

/** From UNIT, else from the name, which ends with its unit by convention. */
function unitOf(said: string | undefined, metric: string): string {
  const [, named = ""] = /_([a-z]+?)(?:_total|_sum|_gsum)?$/.exec(metric) ?? [];
  const unit = said || named;
  const known = Object.hasOwn(UNITS, unit) ? UNITS[unit] : undefined;
  return known ?? said?.slice(0, UNIT_CHARS_MAX) ?? "";
}
