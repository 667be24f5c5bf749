/**
 * Simulated hosts and the reports they would send. Everything is a function of the seed, the host and
 * the time: the same call gives the same bytes, whatever was called before.
 *
 * What happens to hosts, so that what watches them has something to see:
 *
 *   restart   every 3 to 40 days a host is silent for some minutes, and its counters begin at 0
 *   outage    one host-day in 50 has a hole of 10 minutes to 2 hours
 *   late      one host-day in 50 has one to three hours in which the host has no network: its
 *             reports come after that, all together (`lateUntil`)
 *   missing   in one host-hour in 20 the last metric is not there, so that the report has another shape
 */
import type { ReportInput } from "../../report.ts";
import { secondsText } from "../wire/number.ts";
import { type Moment, type SimulatedMetric, simulatedMetrics } from "./metrics.ts";
import { chance, hashOf } from "./random.ts";

export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;
const WEEK_MS = 7 * DAY_MS;
/** How much work there is more at noon than on average, and less at midnight. */
const DAY_SHARE = 0.5;

export interface FleetOptions {
  seed: number;
  hosts: number;
  /** Of each host. */
  metrics: number;
  interval_ms: number;
  /** Hosts are called by it and their number. */
  prefix: string;
}

export interface SimulatedReport {
  json: string;
  samples: number;
}

interface Host {
  name: string;
  seed: number;
  /** Its day begins this much later. */
  shift_ms: number;
  restart_every_ms: number;
  restart_shift_ms: number;
  /** JSON before the time. */
  start: string;
  /** A seed for each metric. */
  seeds: number[];
}

/** From and to, the end left out, in milliseconds since 1970. */
export interface Span {
  from_ms: number;
  to_ms: number;
}

const ROLES = ["web", "db", "cache", "worker"];
const PLACES = ["Berlin", "Lisbon", "Oslo"];

export class Fleet {
  readonly #options: FleetOptions;
  readonly #metrics: SimulatedMetric[];
  readonly #keys: string[];
  readonly #hosts: Host[];

  constructor(options: FleetOptions) {
    this.#options = options;
    this.#metrics = simulatedMetrics(options.metrics);
    this.#keys = this.#metrics.map(({ name }) => `${JSON.stringify(name)}:`);
    const digits = Math.max(4, String(options.hosts).length);
    this.#hosts = Array.from({ length: options.hosts }, (_, index) => {
      const seed = hashOf(options.seed, index);
      const name = `${options.prefix}${String(index + 1).padStart(digits, "0")}`;
      return {
        name,
        seed,
        shift_ms: Math.floor(chance(seed, 1) * 3) * HOUR_MS,
        restart_every_ms: (3 + 37 * chance(seed, 2)) * DAY_MS,
        restart_shift_ms: chance(seed, 3) * 40 * DAY_MS,
        start: `{"hostname":${JSON.stringify(name)},"timestamp":`,
        seeds: this.#metrics.map((_, metric) => hashOf(seed, metric)),
      };
    });
  }

  get size(): number {
    return this.#hosts.length;
  }

  /** The report of a host, or undefined while it is down. `introduce` adds what it says of itself. */
  report(index: number, at_ms: number, introduce = false): SimulatedReport | undefined {
    const host = this.#host(index);
    const up_ms = (at_ms - host.restart_shift_ms) % host.restart_every_ms;
    if (up_ms < (2 + 3 * chance(host.seed, 4)) * 60_000 || this.#isOut(host, at_ms)) {
      return undefined;
    }
    const moment = momentOf(host, { at_ms, up_ms, interval_ms: this.#options.interval_ms });
    const hour = Math.floor(at_ms / HOUR_MS);
    const missing = this.#metrics.length > 1 && chance(host.seed ^ 0x3c6ef372, hour) < 1 / 20;
    const samples = this.#metrics.length - (missing ? 1 : 0);
    let json = `${host.start}${secondsText(at_ms)},"metrics":{`;
    for (let i = 0; i < samples; i++) {
      const comma = i > 0 ? "," : "";
      json += comma + this.#keys[i] + this.#metrics[i]?.value(host.seeds[i] ?? 0, moment);
    }
    return { json: `${json}}${introduce ? this.#introduction(index) : ""}}`, samples };
  }

  /** When the hours end in which the host has no network; undefined when it has. */
  lateUntil(index: number, at_ms: number): number | undefined {
    const span = this.lateSpan(index, at_ms);
    return span !== undefined && at_ms >= span.from_ms && at_ms < span.to_ms
      ? span.to_ms
      : undefined;
  }

  /** When the host has no network on the day of `at_ms`; most days have no such time. */
  lateSpan(index: number, at_ms: number): Span | undefined {
    const day = Math.floor(at_ms / DAY_MS);
    const seed = this.#host(index).seed ^ 0x1b873593;
    if (chance(seed, day) >= 1 / 50) return undefined;
    const from_ms = day * DAY_MS + Math.floor(chance(seed ^ 1, day) * 20 * 60) * 60_000;
    return { from_ms, to_ms: from_ms + Math.floor(60 + chance(seed ^ 2, day) * 120) * 60_000 };
  }

  #isOut(host: Host, at_ms: number): boolean {
    const day = Math.floor(at_ms / DAY_MS);
    const seed = host.seed ^ 0x68e31da4;
    if (chance(seed, day) >= 1 / 50) return false;
    const from_ms = day * DAY_MS + chance(seed ^ 1, day) * 20 * HOUR_MS;
    const minutes = 10 + chance(seed ^ 2, day) * 110;
    return at_ms >= from_ms && at_ms < from_ms + minutes * 60_000;
  }

  /** What a host says of itself, and the first host of the metrics: all have the same. */
  #introduction(index: number): string {
    const { seed, name } = this.#host(index);
    const pick = (list: readonly string[], salt: number) =>
      list[Math.floor(chance(seed, salt) * list.length)] ?? "";
    const facts: Omit<ReportInput, "hostname" | "metrics"> = {
      additional_data: { alias: `Simulated ${name}`, location: pick(PLACES, 5) },
      tags: { role: pick(ROLES, 6), env: chance(seed, 7) < 0.8 ? "prod" : "test" },
    };
    if (index === 0) {
      facts.metadata = Object.fromEntries(this.#metrics.map(({ name, about }) => [name, about]));
    }
    return `,${JSON.stringify(facts).slice(1, -1)}`;
  }

  #host(index: number): Host {
    const host = this.#hosts[index];
    if (host === undefined) throw new RangeError(`BUG: there is no simulated host ${index}`);
    return host;
  }
}

function momentOf(
  host: Host,
  { at_ms, up_ms, interval_ms }: { at_ms: number; up_ms: number; interval_ms: number },
): Moment {
  const local_ms = at_ms - host.shift_ms;
  // highest at 15:00 and, counted from a Thursday in 1970, on a Wednesday
  const day_angle = 2 * Math.PI * (local_ms / DAY_MS - 15 / 24);
  const week_angle = 2 * Math.PI * (local_ms / WEEK_MS - 6.5 / 7);
  // the integral of 1 + DAY_SHARE * cos over the time since the start
  const start_angle = day_angle - 2 * Math.PI * up_ms / DAY_MS;
  const wave_ms = DAY_SHARE * DAY_MS / (2 * Math.PI) *
    (Math.sin(day_angle) - Math.sin(start_angle));
  return {
    step: Math.floor(at_ms / interval_ms),
    interval_s: interval_ms / 1000,
    day: Math.cos(day_angle),
    week: Math.cos(week_angle),
    up_s: up_ms / 1000,
    work_s: (up_ms + wave_ms) / 1000,
  };
}
