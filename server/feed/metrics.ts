/**
 * The metrics of a simulated host, and how each of them moves. A kind is a pure function of its place
 * in time; numbers have two decimals or none, as what is measured has.
 */
import type { MetricMetadata } from "../../report.ts";
import { chance } from "./random.ts";

/** Where a value is made: the time, and what all series of a host have in common then. */
export interface Moment {
  /** Which report of the host it is, counted from 1970. */
  step: number;
  /** Seconds between two reports. */
  interval_s: number;
  /** -1 to 1 over a day and over a week, at its highest in the afternoon and on a Wednesday. */
  day: number;
  week: number;
  /** Seconds since the host started. */
  up_s: number;
  /** The part of a day's work done since it started, in seconds of average work. */
  work_s: number;
}

/** One series: `seed` makes its level, its noise and its events differ from those of others. */
export type Movement = (seed: number, moment: Moment) => string;

export interface SimulatedMetric {
  name: string;
  about: MetricMetadata;
  value: Movement;
}

const CENTS = Array.from({ length: 100 }, (_, cents) => String(cents / 100).slice(1));

/** A number of hundredths as a decimal number, without zeros that say nothing. */
export function centsText(cents: number): string {
  const whole = Math.trunc(cents / 100);
  const rest = Math.abs(cents - whole * 100);
  const sign = cents < 0 && whole === 0 && rest > 0 ? "-" : "";
  return sign + whole + CENTS[rest];
}

/** Noise that has no jumps: new every `steps` reports, a straight line in between. -1 to 1. */
function drift(seed: number, step: number, steps: number): number {
  const index = Math.floor(step / steps);
  const part = step / steps - index;
  const from = chance(seed, index);
  return ((chance(seed, index + 1) - from) * part + from) * 2 - 1;
}

/** Is there an event, one of which is in every `every` spans of `steps` reports? */
function event(seed: number, step: number, options: { steps: number; every: number }): boolean {
  return chance(seed ^ 0x51ed270b, Math.floor(step / options.steps)) < 1 / options.every;
}

interface GaugeShape {
  /** The level and what moves it, in the metric's unit. */
  level: number;
  day: number;
  week?: number;
  drift: number;
  noise: number;
  /** Height of the spikes that come about once in two hours. */
  spike?: number;
  max?: number;
  whole?: boolean;
}

function gauge(shape: GaugeShape): Movement {
  const { level, day, week = 0, drift: slow, noise, spike = 0, max = Infinity, whole } = shape;
  return (seed, moment) => {
    const { step } = moment;
    // hosts differ: between half and one and a half times the level
    const own = level * (0.5 + chance(seed, -1));
    let value = own + day * moment.day + week * moment.week + slow * drift(seed, step, 60) +
      noise * (chance(seed ^ 0x2545f491, step) * 2 - 1);
    if (spike > 0 && event(seed, step, { steps: 6, every: 120 })) value += spike;
    value = Math.min(max, Math.max(0, value));
    return whole ? String(Math.round(value)) : centsText(Math.round(value * 100));
  };
}

/** Grows by about `rate` a second, more by day than by night; begins again at 0 with the host. */
function counter(rate: number): Movement {
  return (seed, { step, interval_s, work_s }) => {
    const own = rate * (0.5 + chance(seed, -1));
    // work never grows by less than half of an interval: with this much noise it still grows
    const noise = 0.4 * interval_s * chance(seed, step);
    return String(Math.floor(own * (work_s + noise)));
  };
}

const constant = (of: (chance: number) => number): Movement => (seed) =>
  String(of(chance(seed, -1)));

/** 1, and 0 for an hour once in a while. */
const state: Movement = (seed, { step, interval_s }) => {
  const steps = Math.max(1, Math.round(3_600 / interval_s));
  return event(seed, step, { steps, every: 300 }) ? "0" : "1";
};

/** Grows for a week or so, is emptied, and grows again. */
const filling: Movement = (seed, { step, interval_s }) => {
  const period = (5 + 10 * chance(seed, -2)) * 86_400 / interval_s;
  const part = (step / period + chance(seed, -3)) % 1;
  return centsText(Math.round((30 + 20 * chance(seed, -1) + 30 * part) * 100));
};

const KIB = 1024;
const gaugeIn = (unit: string): MetricMetadata => ({ unit, kind: "gauge" });
const counterOf = (unit?: string): MetricMetadata => ({ unit, kind: "counter" });

const CATALOGUE: readonly SimulatedMetric[] = [
  {
    name: "cpu_usage",
    about: gaugeIn("%"),
    value: gauge({ level: 30, day: 15, week: 5, drift: 8, noise: 4, spike: 40, max: 100 }),
  },
  {
    name: "memory_usage",
    about: gaugeIn("%"),
    value: gauge({ level: 50, day: 4, drift: 6, noise: 0.2, max: 100 }),
  },
  {
    name: "load_1m",
    about: gaugeIn("load"),
    value: gauge({ level: 2, day: 1, week: 0.4, drift: 0.6, noise: 0.3, spike: 6 }),
  },
  { name: "disk.root.used_percent", about: gaugeIn("%"), value: filling },
  { name: "net.eth0.rx_bytes", about: counterOf("bytes"), value: counter(40 * KIB) },
  { name: "net.eth0.tx_bytes", about: counterOf("bytes"), value: counter(90 * KIB) },
  { name: 'http_requests_total{code="200"}', about: counterOf(), value: counter(25) },
  { name: 'http_requests_total{code="500"}', about: counterOf(), value: counter(0.02) },
  {
    name: "latency_ms",
    about: gaugeIn("ms"),
    value: gauge({ level: 40, day: 10, drift: 5, noise: 8, spike: 400 }),
  },
  {
    name: "temperature_celsius",
    about: gaugeIn("celsius"),
    value: gauge({ level: 45, day: 3, drift: 4, noise: 0.5 }),
  },
  {
    name: "uptime_seconds",
    about: counterOf("seconds"),
    value: (_, { up_s }) => String(Math.floor(up_s)),
  },
  {
    name: "cpu_count",
    about: gaugeIn("cpus"),
    value: constant((part) => 2 ** (1 + Math.floor(part * 6))),
  },
  {
    name: "memory_total_bytes",
    about: gaugeIn("bytes"),
    value: constant((part) => 2 ** (32 + Math.floor(part * 6)) - 4096 * Math.floor(part * 1e5)),
  },
  { name: "raid_ok", about: { kind: "state" }, value: state },
  {
    name: "queue_length",
    about: gaugeIn("jobs"),
    value: gauge({ level: 3, day: 3, drift: 3, noise: 2, spike: 200, whole: true }),
  },
  {
    name: "processes",
    about: gaugeIn("processes"),
    value: gauge({ level: 240, day: 20, drift: 15, noise: 3, whole: true }),
  },
];

/** The first `count` metrics: the catalogue again and again, with names of their own. */
export function simulatedMetrics(count: number): SimulatedMetric[] {
  return Array.from({ length: count }, (_, index) => {
    const round = Math.floor(index / CATALOGUE.length);
    const metric = CATALOGUE[index % CATALOGUE.length];
    // the index is below the length: the check is for the type
    if (metric === undefined) throw new Error("BUG: the catalogue of metrics is empty");
    return round === 0 ? metric : { ...metric, name: `app${round}.${metric.name}` };
  });
}
