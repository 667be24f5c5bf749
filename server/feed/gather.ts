/**
 * From samples in any order to the reports they were: all samples of one host and one time together.
 *
 * What is gathered of one host in one hour is a bucket. Nobody says when a bucket is complete, so
 * it is kept until there is no more room, and then those go that have waited longest for a sample. For
 * every order that samples really come in (by host and hour as in an export, by time as in a log)
 * a bucket is complete long before; only a file with one series after the other, longer than the
 * room, is torn into reports of fewer metrics. That loses nothing, and costs the server room.
 *
 * The reports made depend on the samples alone: a file sent again makes the same reports, which the
 * server knows already. So reports that are not complete must not be made when the work is given up.
 */
import {
  HOSTNAME_CHARS_MAX,
  METRIC_NAME_CHARS_MAX,
  nameFault,
  REPORT_METRICS_MAX,
} from "../../report.ts";
import { secondsText, valueText } from "../wire/number.ts";
import type { SampleLine } from "../wire/sample.ts";

const HOUR_MS = 3_600_000;
/** Samples kept: about 100 bytes each. More than ten host-hours of 100 metrics every 10 s. */
export const ROOM_SAMPLES = 400_000;
/** Names whose JSON is kept; beyond that all are forgotten. */
const NAMES_MAX = 100_000;

export interface GatheredReport {
  json: string;
  /** Samples in it. Messages without a value are none. */
  samples: number;
  /** Number of the line its first sample came from. */
  line: number;
}

interface OpenReport {
  /** By metric; the JSON is made as late as possible. */
  points: Map<string, { value: number | null; message: string | undefined }>;
  samples: number;
  line: number;
}

interface Bucket {
  host: string;
  samples: number;
  by_time: Map<number, OpenReport>;
}

/** What became of a sample: taken, there already with the same value, or why it cannot be taken. */
export type Taken = "taken" | "repeated" | { fault: string };

export class Gathering {
  /** In the order of their last samples, the one that waits longest first. */
  readonly #buckets = new Map<string, Bucket>();
  #samples = 0;
  /** Bucket of the sample before. */
  #newest: { key: string; host: string; hour: number; bucket: Bucket } | undefined;
  readonly #names = new Map<string, string>();

  constructor(private readonly room_samples = ROOM_SAMPLES) {}

  /** Takes a sample that came from the line of this number. */
  add({ host, metric, at_ms, value, message }: SampleLine, line: number): Taken {
    const fault = this.#learnName(metric, "metric", METRIC_NAME_CHARS_MAX) ??
      this.#learnName(host, "host", HOSTNAME_CHARS_MAX);
    if (fault !== undefined) return { fault };
    const bucket = this.#bucket(host, Math.floor(at_ms / HOUR_MS));
    let report = bucket.by_time.get(at_ms);
    if (report === undefined) {
      report = { points: new Map(), samples: 0, line };
      bucket.by_time.set(at_ms, report);
    }
    const before = report.points.get(metric);
    if (before !== undefined) {
      const same = Object.is(before.value, value) && before.message === message;
      if (same) return "repeated";
      return { fault: "another value was given for this host, metric and time" };
    }
    if (report.points.size >= REPORT_METRICS_MAX) {
      return { fault: `a host has at most ${REPORT_METRICS_MAX} metrics at one time` };
    }
    report.points.set(metric, { value, message });
    this.#samples++;
    bucket.samples++;
    if (value !== null) report.samples++;
    return "taken";
  }

  /** Reports there is no room for any more. */
  *overflow(): Generator<GatheredReport> {
    while (this.#samples > this.room_samples) {
      const oldest = this.#buckets.entries().next().value;
      if (oldest === undefined) return;
      yield* this.#take(...oldest);
    }
  }

  /** All that is left: no sample comes any more. */
  *rest(): Generator<GatheredReport> {
    for (const entry of [...this.#buckets]) yield* this.#take(...entry);
  }

  #bucket(host: string, hour: number): Bucket {
    const newest = this.#newest;
    if (newest !== undefined && newest.hour === hour && newest.host === host) return newest.bucket;
    const key = `${hour} ${host}`;
    const bucket = this.#buckets.get(key) ?? { host, samples: 0, by_time: new Map() };
    // to the end of the order
    this.#buckets.delete(key);
    this.#buckets.set(key, bucket);
    this.#newest = { key, host, hour, bucket };
    return bucket;
  }

  *#take(key: string, bucket: Bucket): Generator<GatheredReport> {
    this.#buckets.delete(key);
    if (this.#newest?.bucket === bucket) this.#newest = undefined;
    this.#samples -= bucket.samples;
    const start = `{"hostname":${JSON.stringify(bucket.host)},"timestamp":`;
    for (const [at_ms, report] of bucket.by_time) {
      // name first, then time, then metrics: the server's fast path wants this order
      let json = `${start}${secondsText(at_ms)},"metrics":{`;
      let comma = "";
      for (const [metric, { value, message }] of report.points) {
        const leaf = message === undefined
          ? valueText(value ?? 0)
          : `{"value":${value === null ? null : valueText(value)},"message":${
            JSON.stringify(message)
          }}`;
        json += `${comma}${this.#names.get(metric) ?? `${JSON.stringify(metric)}:`}${leaf}`;
        comma = ",";
      }
      yield { json: `${json}}}`, samples: report.samples, line: report.line };
    }
  }

  /** Why a name cannot be one; its JSON is kept. */
  #learnName(name: string, what: string, chars_max: number): string | undefined {
    if (this.#names.has(name) && name.length <= chars_max) return undefined;
    const fault = nameFault(name, chars_max);
    if (fault !== undefined) return `${what} ${fault}`;
    if (this.#names.size >= NAMES_MAX) this.#names.clear();
    this.#names.set(name, `${JSON.stringify(name)}:`);
    return undefined;
  }
}
