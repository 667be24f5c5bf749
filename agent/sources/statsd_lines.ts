/**
 * One line of StatsD, also as DogStatsD and others have extended it:
 *
 *   page.views:1|c                    a counter; `|@0.1` says that nine more were not sent
 *   queue:12|g   queue:-3|g           a gauge, set or changed
 *   latency:320|ms   …|h   …|d        a time or another measured value
 *   visitors:alice|s                  a member of a set
 *   latency:1:2:3|ms|#env:prod,beta   several values; tags become labels, `beta` is `beta="true"`
 *   latency,env=prod:1|ms             tags as InfluxDB, and with `;` as Graphite writes them
 *
 * What else may follow (`|c:container`, `|T1700000000`) is passed over.
 */
import type { Label } from "./series_name.ts";

export type StatsdKind = "counter" | "gauge" | "timer" | "set";

export interface StatsdLine {
  name: string;
  labels: Label[];
  kind: StatsdKind;
  /** Numbers as they were sent; empty for a set. */
  values: number[];
  /** Of a set. */
  member: string;
  /** The gauge is changed by its value, not set to it. */
  relative: boolean;
  /** How many stand behind each value: 10 for `@0.1`. */
  weight: number;
  unit: string;
}

const KINDS: Record<string, { kind: StatsdKind; unit: string }> = {
  c: { kind: "counter", unit: "" },
  m: { kind: "counter", unit: "" },
  g: { kind: "gauge", unit: "" },
  ms: { kind: "timer", unit: "ms" },
  h: { kind: "timer", unit: "" },
  d: { kind: "timer", unit: "" },
  s: { kind: "set", unit: "" },
};
const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
/** One of a billion. Nobody samples that little, and a counter must not be made infinite by a line. */
const RATE_MIN = 1e-9;
/** One packet over loopback has at most 64 kB. */
const VALUES_MAX = 10_000;

/** Events and service checks of DogStatsD are no metrics. */
export function isForeign(line: string): boolean {
  return line.startsWith("_e{") || line.startsWith("_sc|");
}

/** Reads one line; undefined when it makes no sense. */
export function parseStatsdLine(line: string): StatsdLine | undefined {
  const colon = line.indexOf(":");
  if (colon <= 0) return undefined;
  const [value = "", type = "", ...more] = line.slice(colon + 1).split("|");
  const known = Object.hasOwn(KINDS, type) ? KINDS[type] : undefined;
  if (known === undefined) return undefined;
  const [name = "", ...name_tags] = line.slice(0, colon).split(/[,;]/);
  const labels = new Map<string, string>();
  for (const tag of name_tags) addTag(labels, tag, "=");
  let weight = 1;
  for (const part of more) {
    if (part.startsWith("#")) {
      for (const tag of part.slice(1).split(",")) addTag(labels, tag, ":");
    } else if (part.startsWith("@")) {
      const rate = NUMBER.test(part.slice(1)) ? Number(part.slice(1)) : NaN;
      if (!(rate >= RATE_MIN && rate <= 1)) return undefined;
      weight = 1 / rate;
    }
  }
  if (name === "") return undefined;
  const read = { name, labels: [...labels], weight, ...known };
  if (known.kind === "set") return { ...read, values: [], member: value, relative: false };
  const texts = value.split(":");
  if (texts.length > VALUES_MAX || !texts.every((text) => NUMBER.test(text))) return undefined;
  const values = texts.map(Number);
  if (!values.every(Number.isFinite)) return undefined;
  const relative = known.kind === "gauge" && /^[+-]/.test(value);
  return { ...read, values, member: "", relative };
}

/** The first of two tags with one name counts. */
function addTag(labels: Map<string, string>, tag: string, separator: ":" | "="): void {
  const at = tag.indexOf(separator);
  const name = (at === -1 ? tag : tag.slice(0, at)).trim();
  const value = at === -1 ? "true" : tag.slice(at + 1);
  if (name !== "" && !labels.has(name)) labels.set(name, value);
}
