/**
 * The newest report of every host, kept in memory: what everybody looks at all the time is not
 * searched for. It is read from the database at the start and then follows the commits; a host's
 * JSON is made when it is asked for and kept until the host's next report.
 *
 * Hosts that report have hot rows, which are read before the server starts. Those of the others are
 * in blocks, which take a millisecond each: they are read meanwhile, and whoever asks before they
 * are there waits for them.
 */
import { ByShape } from "../../db/by_shape.ts";
import type { Sql } from "../../db/connect.ts";
import { type HostRow, selectHosts } from "../../db/hosts.ts";
import { selectLatestReports } from "../../db/reports.ts";
import { NotFoundError } from "./context.ts";
import { readLatestInBlocks } from "./latest_blocks.ts";

const HOUR_MS = 3_600_000;
/** A metric that the host has not reported for this long beside its others is gone. */
const GONE_MS = 24 * HOUR_MS;

interface LatestReport {
  at_ms: number;
  values: Float64Array;
}

interface LatestHost {
  at_ms: number;
  by_shape: Map<number, LatestReport>;
  /** `{"cpu":1.5,…}`, or undefined after a newer report. */
  metrics_json: string | undefined;
}

/** A committed report, as the ingest side hands it over. */
export interface ObservedReport {
  host_id: number;
  shape_id: number;
  at_ms: number;
  length: number;
  value(index: number): number;
}

/** A host's newest report of one shape. */
export interface ShapeReport {
  shape_id: number;
  at_ms: number;
  /** In the order of the shape. */
  values: Float64Array;
}

export class LatestReports {
  readonly #sql: Sql;
  readonly #hosts = new Map<number, LatestHost>();
  /** For each shape the `"name":` of each value. */
  readonly #keys: ByShape<string[]>;
  /** Undefined until the blocks are being read, and after that failed. */
  #blocks: Promise<void> | undefined;

  constructor(sql: Sql) {
    this.#sql = sql;
    this.#keys = new ByShape(sql, (names) => names.map((name) => `${JSON.stringify(name)}:`));
  }

  /** Reads the newest hot reports from the database, and begins to read those in blocks. */
  async load(): Promise<void> {
    for (const { host_id, shape_id, at_ms, vals } of await selectLatestReports(this.#sql)) {
      const value = (index: number) => vals[index] ?? 0;
      this.observe({ host_id, shape_id, at_ms, length: vals.length, value });
    }
    // a failure is told to whoever asks first, and then it is tried again
    this.#fromBlocks().catch(() => {});
  }

  #fromBlocks(): Promise<void> {
    this.#blocks ??= this.#readBlocks().catch((error) => {
      this.#blocks = undefined;
      throw error;
    });
    return this.#blocks;
  }

  async #readBlocks(): Promise<void> {
    const newest_ms = Math.max(...[...this.#hosts.values()].map(({ at_ms }) => at_ms));
    // a hot row that is older may be one that came late, and the newest be in a block all the same
    const isKnown = (host_id: number, shape_id: number) =>
      (this.#hosts.get(host_id)?.by_shape.get(shape_id)?.at_ms ?? -Infinity) > newest_ms - HOUR_MS;
    for await (const report of readLatestInBlocks(this.#sql, { isKnown, gone_ms: GONE_MS })) {
      this.observe({
        ...report,
        length: report.values.length,
        value: (index) => report.values[index] ?? 0,
      });
    }
  }

  /** How many hosts are known. */
  get size(): number {
    return this.#hosts.size;
  }

  /** Takes note of a committed report; older ones than the newest of their shape are ignored. */
  observe(report: ObservedReport): void {
    const { host_id, shape_id, at_ms, length } = report;
    let host = this.#hosts.get(host_id);
    if (host === undefined) {
      host = { at_ms, by_shape: new Map(), metrics_json: undefined };
      this.#hosts.set(host_id, host);
    }
    let latest = host.by_shape.get(shape_id);
    if (latest === undefined) {
      latest = { at_ms, values: new Float64Array(length) };
      host.by_shape.set(shape_id, latest);
    } else if (latest.at_ms > at_ms) return;
    latest.at_ms = at_ms;
    const { values } = latest;
    for (let i = 0; i < length; i++) values[i] = report.value(i);
    host.at_ms = Math.max(host.at_ms, at_ms);
    host.metrics_json = undefined;
  }

  /** Resolves when the hosts that are silent are known, too. */
  ready(): Promise<void> {
    return this.#fromBlocks();
  }

  /** A host's newest report of each shape it still uses, the newest last. Values are not copied. */
  reportsOf(host_id: number): ShapeReport[] {
    const host = this.#hosts.get(host_id);
    if (host === undefined) return [];
    return [...host.by_shape]
      .filter(([, report]) => report.at_ms > host.at_ms - GONE_MS)
      .sort(([, a], [, b]) => a.at_ms - b.at_ms)
      .map(([shape_id, { at_ms, values }]) => ({ shape_id, at_ms, values }));
  }

  /**
   * The answer to `/fetch/latest` as JSON: all hosts, or one.
   *
   * @throws NotFoundError when the one asked for does not exist
   */
  async json(hostname?: string): Promise<string> {
    const all = await selectHosts(this.#sql);
    const rows = hostname === undefined ? all : all.filter((row) => row.hostname === hostname);
    if (hostname !== undefined && rows.length === 0) {
      throw new NotFoundError(`Cannot find host ${JSON.stringify(hostname)}`);
    }
    await this.#fromBlocks();
    await this.#keys.learn(() => this.#shapes());
    return `{${rows.map((row) => this.#hostJson(row)).join()}}`;
  }

  #hostJson(row: HostRow): string {
    const { hostname, alias, location, tags } = row;
    const host = this.#hosts.get(row.id);
    const about = JSON.stringify({
      additional_data: { alias, location },
      tags,
      timestamp: host === undefined ? null : host.at_ms / 1000,
    });
    const metrics = host === undefined ? "{}" : this.#metricsJson(row.id, host);
    return `${JSON.stringify(hostname)}:{"metrics":${metrics},${about.slice(1)}`;
  }

  #metricsJson(host_id: number, host: LatestHost): string {
    if (host.metrics_json !== undefined) return host.metrics_json;
    const shapes = this.reportsOf(host_id);
    const text = shapes.length === 1
      ? `{${shapes.map((one) => this.#pairs(one)).join()}}`
      : this.#mergedJson(shapes);
    // of a shape without names nothing was told: it is looked for again
    if (shapes.every(({ shape_id }) => this.#keys.get(shape_id) !== undefined)) {
      host.metrics_json = text;
    }
    return text;
  }

  /** The newer value of a metric that is in several shapes wins. */
  #mergedJson(shapes: readonly ShapeReport[]): string {
    const pairs = new Map<string, number>();
    for (const { shape_id, values } of shapes) {
      for (const [i, key] of (this.#keys.get(shape_id) ?? []).entries()) {
        pairs.set(key, values[i] ?? 0);
      }
    }
    const sorted = [...pairs].sort(([a], [b]) => a < b ? -1 : 1);
    return `{${sorted.map(([key, value]) => key + value).join()}}`;
  }

  #pairs({ shape_id, values }: ShapeReport): string {
    const keys = this.#keys.get(shape_id) ?? [];
    let text = "";
    // a finite number's text is its JSON
    for (let i = 0; i < keys.length; i++) text += `${i > 0 ? "," : ""}${keys[i]}${values[i]}`;
    return text;
  }

  *#shapes(): Iterable<number> {
    for (const { by_shape } of this.#hosts.values()) yield* by_shape.keys();
  }
}
