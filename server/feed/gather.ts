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
/** Different metrics, and different hosts. A server with more has other troubles. */
const NAMES_MAX = 1_000_000;

export interface GatheredReport {
  json: string;
  /** Samples in it. Messages without a value are none. */
  samples: number;
  /** Number of the line its first sample came from. */
  line: number;
}

/** The JSON is made as late as possible: until then a metric is a number, its place in the list. */
interface OpenReport {
  metric_ids: number[];
  /** One for each metric; NaN where there is only a message. */
  values: number[];
  messages: Map<number, string> | undefined;
  /** Samples come in the same order time after time: what is beyond all before is new. */
  highest_id: number;
  /** The metrics, once they came in another order. */
  known_ids: Set<number> | undefined;
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
  #newest: { host: string; hour: number; bucket: Bucket } | undefined;
  readonly #metrics = new Names("metric", METRIC_NAME_CHARS_MAX);
  readonly #hosts = new Names("host", HOSTNAME_CHARS_MAX);

  constructor(private readonly room_samples = ROOM_SAMPLES) {}

  /** Takes a sample that came from the line of this number. */
  add({ host, metric, at_ms, value, message }: SampleLine, line: number): Taken {
    const id = this.#metrics.idOf(metric);
    if (typeof id === "string") return { fault: id };
    const host_id = this.#hosts.idOf(host);
    if (typeof host_id === "string") return { fault: host_id };
    const bucket = this.#bucket(host, Math.floor(at_ms / HOUR_MS));
    let report = bucket.by_time.get(at_ms);
    if (report === undefined) {
      report = {
        metric_ids: [],
        values: [],
        messages: undefined,
        highest_id: -1,
        known_ids: undefined,
        line,
      };
      bucket.by_time.set(at_ms, report);
    }
    const number = value ?? NaN;
    if (id <= report.highest_id && isKnown(report, id)) {
      const before = report.values[report.metric_ids.indexOf(id)];
      const same = Object.is(before, number) && report.messages?.get(id) === message;
      return same
        ? "repeated"
        : { fault: "another value was given for this host, metric and time" };
    }
    if (report.metric_ids.length >= REPORT_METRICS_MAX) {
      return { fault: `a host has at most ${REPORT_METRICS_MAX} metrics at one time` };
    }
    report.highest_id = Math.max(report.highest_id, id);
    report.known_ids?.add(id);
    report.metric_ids.push(id);
    report.values.push(number);
    if (message !== undefined) (report.messages ??= new Map()).set(id, message);
    this.#samples++;
    bucket.samples++;
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
    this.#newest = { host, hour, bucket };
    return bucket;
  }

  *#take(key: string, bucket: Bucket): Generator<GatheredReport> {
    this.#buckets.delete(key);
    if (this.#newest?.bucket === bucket) this.#newest = undefined;
    this.#samples -= bucket.samples;
    const start = `{"hostname":${JSON.stringify(bucket.host)},"timestamp":`;
    for (const [at_ms, { metric_ids, values, messages, line }] of bucket.by_time) {
      // name first, then time, then metrics: the server's fast path wants this order
      let json = `${start}${secondsText(at_ms)},"metrics":{`;
      let samples = 0;
      for (let i = 0; i < values.length; i++) {
        const [id = 0, value = NaN] = [metric_ids[i], values[i]];
        const number = Number.isNaN(value) ? "null" : valueText(value);
        if (!Number.isNaN(value)) samples++;
        const message = messages?.get(id);
        const leaf = message === undefined
          ? number
          : `{"value":${number},"message":${JSON.stringify(message)}}`;
        json += `${i > 0 ? "," : ""}${this.#metrics.keyOf(id)}${leaf}`;
      }
      yield { json: `${json}}}`, samples, line };
    }
  }
}

/** Is the metric in the report already? Asked only when it may be. */
function isKnown(report: OpenReport, id: number): boolean {
  report.known_ids ??= new Set(report.metric_ids);
  return report.known_ids.has(id);
}

/**
 * Names by number. Samples of one series come one after the other with the very same text, so
 * that most look-ups are one comparison.
 */
class Names {
  readonly #ids = new Map<string, number>();
  readonly #keys: string[] = [];
  #newest = "";
  #newest_id = -1;

  constructor(private readonly what: string, private readonly chars_max: number) {}

  /** The number of a name, or why it is no name. */
  idOf(name: string): number | string {
    if (name === this.#newest && this.#newest_id >= 0) return this.#newest_id;
    let id = this.#ids.get(name);
    if (id === undefined) {
      const fault = nameFault(name, this.chars_max);
      if (fault !== undefined) return `${this.what} ${fault}`;
      if (this.#keys.length >= NAMES_MAX) {
        return `there are over ${NAMES_MAX} names before this one`;
      }
      id = this.#keys.length;
      this.#ids.set(name, id);
      this.#keys.push(`${JSON.stringify(name)}:`);
    }
    this.#newest = name;
    this.#newest_id = id;
    return id;
  }

  /** `"name":` */
  keyOf(id: number): string {
    return this.#keys[id] ?? "";
  }
}
