/**
 * What StatsD clients have sent, added up: no I/O, time and chance are arguments.
 *
 *   counter   a total that grows, so that a lost report loses no count
 *   gauge     its last value
 *   set       how many different members there were since the last flush
 *   timer     .count and .sum as totals; .min .max .mean .p50 .p95 .p99 since the last flush
 *
 * Names come from anybody on the machine, so their number is bounded, and so are the values that are
 * kept for percentiles (a fair sample of them) and the members of sets. What nobody has sent for a
 * while is forgotten.
 */
import type { MetricMetadata } from "../../report.ts";
import type { SeriesValue } from "../collected.ts";
import { type Label, seriesName, seriesNameFault } from "./series_name.ts";
import { isForeign, parseStatsdLine, type StatsdLine } from "./statsd_lines.ts";

export interface StatsdTotalsOptions {
  prefix: string;
  names_max: number;
  /** What was not sent for so long is forgotten. */
  expire_ms: number;
  /** In [0, 1): which values are kept for percentiles. */
  random: () => number;
}

export interface StatsdNumbers {
  lines: number;
  lines_bad: number;
  /** Events and service checks. */
  lines_foreign: number;
  /** Lines of new names, and members of sets, that there was no room for. */
  overflow: number;
  names: number;
}

/** Kept of one timer between two flushes: enough for a p99 that is right to one part in a hundred. */
const SAMPLE_MAX = 500;
/** Of all timers and sets together. */
const KEPT_MAX = 200_000;

interface Entry {
  kind: StatsdLine["kind"];
  metric: string;
  labels: Label[];
  unit: string;
  heard_ms: number;
  /** Counter: total; gauge: value; timer: total weight. */
  value: number;
  sum: number;
  /** Since the last flush. */
  seen: number;
  seen_sum: number;
  min: number;
  max: number;
  sample: number[];
  members: Set<string>;
}

export class StatsdTotals {
  readonly #options: StatsdTotalsOptions;
  readonly #entries = new Map<string, Entry>();
  #kept = 0;
  #numbers = { lines: 0, lines_bad: 0, lines_foreign: 0, overflow: 0 };

  constructor(options: StatsdTotalsOptions) {
    this.#options = options;
  }

  numbers(): StatsdNumbers {
    return { ...this.#numbers, names: this.#entries.size };
  }

  /** Takes a packet of one or more lines. `now_ms` is monotonic. */
  take(packet: string, now_ms: number): void {
    for (const raw of packet.split("\n")) {
      const line = raw.trim();
      if (line === "") continue;
      this.#numbers.lines++;
      if (isForeign(line)) {
        this.#numbers.lines_foreign++;
        continue;
      }
      const read = parseStatsdLine(line);
      const entry = read && this.#entry(read, now_ms);
      if (read === undefined || entry === "bad") this.#numbers.lines_bad++;
      else if (entry === undefined) this.#numbers.overflow++;
      else if (!this.#add(entry, read)) this.#numbers.lines_bad++;
    }
  }

  /** Series since the last flush. */
  flush(now_ms: number): {
    series: Map<string, SeriesValue>;
    metadata: Map<string, MetricMetadata>;
  } {
    const series = new Map<string, SeriesValue>();
    const metadata = new Map<string, MetricMetadata>();
    for (const [key, entry] of this.#entries) {
      if (now_ms - entry.heard_ms > this.#options.expire_ms) {
        this.#entries.delete(key);
        continue;
      }
      for (const { suffix, value, about } of valuesOf(entry)) {
        const name = suffix === "" ? key : seriesName(`${entry.metric}.${suffix}`, entry.labels);
        if (!Number.isFinite(value) || series.has(name)) continue;
        series.set(name, value);
        metadata.set(name, about);
      }
      entry.seen = 0;
      entry.seen_sum = 0;
      entry.sample = [];
      entry.members = new Set();
    }
    this.#kept = 0;
    return { series, metadata };
  }

  /** The entry of a line; "bad" when it cannot be one, undefined when there is no room. */
  #entry(line: StatsdLine, now_ms: number): Entry | "bad" | undefined {
    const metric = `${this.#options.prefix}${line.name}`;
    const key = seriesName(metric, line.labels);
    const known = this.#entries.get(key);
    if (known !== undefined) {
      known.heard_ms = now_ms;
      return known.kind === line.kind ? known : "bad";
    }
    // With the longest suffix, so that all of a timer's series can be stored.
    if (seriesNameFault(`${key}.count`) !== undefined) return "bad";
    if (this.#entries.size >= this.#options.names_max) return undefined;
    const { kind, labels, unit } = line;
    const entry: Entry = {
      ...{ kind, metric, labels, unit, heard_ms: now_ms, value: 0, sum: 0, seen: 0, seen_sum: 0 },
      ...{ min: 0, max: 0, sample: [], members: new Set() },
    };
    this.#entries.set(key, entry);
    return entry;
  }

  /** False when a part of it was refused: a total that is infinite once is so for good. */
  #add(entry: Entry, { kind, values, member, relative, weight }: StatsdLine): boolean {
    if (kind === "set") this.#addMember(entry, member);
    let taken = true;
    for (const value of values) {
      const before = kind === "timer" ? entry.sum : kind === "gauge" && !relative ? 0 : entry.value;
      const after = before + value * (kind === "gauge" ? 1 : weight);
      if (!Number.isFinite(after)) taken = false;
      else if (kind === "timer") this.#addTime(entry, value, weight);
      else entry.value = after;
    }
    return taken;
  }

  #addMember(entry: Entry, member: string): void {
    if (entry.members.has(member)) return;
    if (this.#kept >= KEPT_MAX) {
      this.#numbers.overflow++;
      return;
    }
    this.#kept++;
    entry.members.add(member);
  }

  #addTime(entry: Entry, value: number, weight: number): void {
    entry.value += weight;
    entry.sum += value * weight;
    entry.min = entry.seen === 0 ? value : Math.min(entry.min, value);
    entry.max = entry.seen === 0 ? value : Math.max(entry.max, value);
    entry.seen++;
    entry.seen_sum += value;
    const { sample } = entry;
    if (sample.length < SAMPLE_MAX && this.#kept < KEPT_MAX) {
      this.#kept++;
      sample.push(value);
      return;
    }
    // Reservoir: each value of the interval is kept with the same chance.
    const place = Math.floor(this.#options.random() * entry.seen);
    if (place < sample.length) sample[place] = value;
  }
}

interface EntryValue {
  suffix: string;
  value: number;
  about: MetricMetadata;
}

function valuesOf(entry: Entry): EntryValue[] {
  const { kind, unit, value, sum } = entry;
  if (kind === "counter") return [{ suffix: "", value, about: { kind: "counter" } }];
  if (kind === "gauge") return [{ suffix: "", value, about: { kind: "gauge" } }];
  if (kind === "set") {
    return [{ suffix: "", value: entry.members.size, about: { kind: "gauge" } }];
  }
  const about: MetricMetadata = { kind: "gauge", ...(unit === "" ? {} : { unit }) };
  const totals: EntryValue[] = [
    { suffix: "count", value, about: { kind: "counter" } },
    { suffix: "sum", value: sum, about: { ...about, kind: "counter" } },
  ];
  if (entry.seen === 0) return totals;
  const sorted = entry.sample.toSorted((a, b) => a - b);
  const parts: [suffix: string, value: number][] = [
    ["min", entry.min],
    ["max", entry.max],
    ["mean", entry.seen_sum / entry.seen],
    ...[50, 95, 99].map((percent): [string, number] => [`p${percent}`, rank(sorted, percent)]),
  ];
  return [...totals, ...parts.map(([suffix, value]) => ({ suffix, value, about }))];
}

/** The value that so many percent are not above; NaN of nothing. */
function rank(sorted: readonly number[], percent: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * percent / 100) - 1)] ?? NaN;
}
