/**
 * Which hosts, metrics and series there are, kept in memory: a question about one series is answered
 * in a millisecond, and asking for its ids first would take a third of that.
 *
 * What is kept is read again
 *   - when this server has stored a report of a host or shape that is not in it (`noticed`): at once;
 *   - when it is old: other servers may store new ones, and tags and units change. A question about
 *     something unknown waits for that, one about something known does not;
 *   - but not more often than its reading is cheap (`SHARE_MAX` of the time).
 */
import type { Clock } from "../../clock.ts";
import type { CellKey } from "../../db/block_cells.ts";
import { askedAgain } from "../../db/cancel.ts";
import type { Sql } from "../../db/connect.ts";
import { type HostRow, selectHosts } from "../../db/hosts.ts";
import { rollupKinds } from "../../db/metric_kinds.ts";
import { type MetricRow, selectHostShapes, selectMetrics, selectShapes } from "../../db/series.ts";

/** Known things are looked up in what is younger than this; then it is read again meanwhile. */
const FRESH_MS = 10_000;
/** Older than this is used for nothing. */
const STALE_MS = 60_000;
/** Something unknown is looked for again in what is older than this. */
const MISS_MS = 1_000;
/** The time that is spent on reading, at most. */
const SHARE_MAX = 0.05;

export type Kind = "gauge" | "counter" | "state";

/** One metric of one host. */
export interface Series {
  host: HostRow;
  metric: string;
  unit: string | null;
  kind: Kind;
  /** Where it is in each of the host's shapes that have it. */
  keys: CellKey[];
}

/** Which series are wanted. */
export interface Selection {
  host(host: HostRow): boolean;
  metric(name: string): boolean;
}

/** Names without patterns. */
export interface Names {
  hosts: readonly string[];
  metrics: readonly string[];
}

interface Shape {
  names: string[];
  kinds: Kind[];
  /** From 1. */
  positions: Map<string, number>;
}

interface Contents {
  hosts: Map<string, HostRow & { shape_ids: Set<number> }>;
  by_id: Map<number, { shape_ids: Set<number> }>;
  metrics: Map<number, MetricRow>;
  metric_names: Set<string>;
  /** How much had been noticed when its reading began. */
  noticed: number;
  read_at_ms: number;
  read_for_ms: number;
}

export class Catalog {
  readonly #sql: Sql;
  readonly #clock: Clock;
  #contents: Contents | undefined;
  /** They never change, so they are read once; those of metrics whose kind changes are made anew. */
  readonly #metric_ids = new Map<number, number[]>();
  readonly #shapes = new Map<number, Shape>();
  /** How often something was noticed that was not known. */
  #noticed = 0;
  #reading: Promise<Contents> | undefined;

  constructor(options: { sql: Sql; clock: Clock }) {
    this.#sql = options.sql;
    this.#clock = options.clock;
  }

  /** A report of this host and shape has been stored. */
  noticed(host_id: number, shape_id: number): void {
    const known = this.#contents?.by_id.get(host_id)?.shape_ids.has(shape_id) ?? false;
    if (!known) this.#noticed++;
  }

  /** One series, or what there is none of. */
  async find(hostname: string, metric: string): Promise<Series | "no host" | "no metric"> {
    const found = this.#lookUp(await this.#current(), hostname, metric);
    if (typeof found === "object") return found;
    return this.#lookUp(await this.#current(MISS_MS), hostname, metric);
  }

  /** The series of a selection, by metric, then by host. */
  async select(selection: Selection): Promise<Series[]> {
    const contents = await this.#current();
    const by_metric = new Map<string, Series[]>();
    const matching = new Map<number, string[]>();
    for (const host of contents.hosts.values()) {
      if (!selection.host(host)) continue;
      const names = new Set<string>();
      for (const shape_id of host.shape_ids) {
        let found = matching.get(shape_id);
        if (found === undefined) {
          found = this.#shape(contents, shape_id).names.filter((name) => selection.metric(name));
          matching.set(shape_id, found);
        }
        for (const name of found) names.add(name);
      }
      for (const name of names) {
        const series = this.#series(contents, host, name);
        const others = by_metric.get(name);
        if (others === undefined) by_metric.set(name, [series]);
        else others.push(series);
      }
    }
    return [...by_metric.keys()].sort().flatMap((name) => by_metric.get(name) ?? []);
  }

  /** The first of these names that no host, or no metric, has. */
  async missing(names: Names): Promise<{ kind: "host" | "metric"; name: string } | undefined> {
    const first = ({ hosts, metric_names }: Contents) => {
      const host = names.hosts.find((name) => !hosts.has(name));
      if (host !== undefined) return { kind: "host" as const, name: host };
      const metric = names.metrics.find((name) => !metric_names.has(name));
      return metric === undefined ? undefined : { kind: "metric" as const, name: metric };
    };
    return first(await this.#current()) && first(await this.#current(MISS_MS));
  }

  #lookUp(contents: Contents, hostname: string, metric: string): Series | "no host" | "no metric" {
    const host = contents.hosts.get(hostname);
    if (host === undefined) return "no host";
    const series = this.#series(contents, host, metric);
    return series.keys.length === 0 ? "no metric" : series;
  }

  #series(
    contents: Contents,
    host: HostRow & { shape_ids: Set<number> },
    metric: string,
  ): Series {
    const keys: CellKey[] = [];
    let kind: Kind = "gauge";
    let unit: string | null = null;
    for (const shape_id of host.shape_ids) {
      const shape = this.#shape(contents, shape_id);
      const position = shape.positions.get(metric);
      if (position === undefined) continue;
      keys.push({ host_id: host.id, shape_id, position });
      const own = shape.kinds[position - 1] ?? "gauge";
      // by its name a metric may be a counter in one shape and none in another
      if (own !== "gauge") kind = own;
      unit = contents.metrics.get(this.#metric_ids.get(shape_id)?.[position - 1] ?? 0)?.unit ??
        null;
    }
    return { host, metric, unit, kind, keys };
  }

  #shape({ metrics }: Contents, shape_id: number): Shape {
    const known = this.#shapes.get(shape_id);
    if (known !== undefined) return known;
    const found = (this.#metric_ids.get(shape_id) ?? []).flatMap((id) => metrics.get(id) ?? []);
    const kinds = rollupKinds(found);
    const shape: Shape = {
      names: found.map(({ name }) => name),
      kinds: found.map(({ kind }, i) => kind ?? kinds[i] ?? "gauge"),
      positions: new Map(found.map(({ name }, i) => [name, i + 1])),
    };
    this.#shapes.set(shape_id, shape);
    return shape;
  }

  /** @param age_ms_max What is older is read again first. */
  async #current(age_ms_max = STALE_MS): Promise<Contents> {
    const noticed = this.#noticed;
    let contents = this.#contents;
    // a reading that is under way may have begun too early to know what was noticed
    while (contents === undefined || contents.noticed < noticed) contents = await this.#read();
    const age_ms = this.#clock.monotonic() - contents.read_at_ms;
    const is_cheap = age_ms > contents.read_for_ms / SHARE_MAX;
    if (!is_cheap || age_ms <= Math.min(age_ms_max, FRESH_MS)) return contents;
    if (age_ms > age_ms_max) return await this.#read();
    // whoever asks next profits; a failure is told to the one who has to wait
    this.#read().catch(() => {});
    return contents;
  }

  #read(): Promise<Contents> {
    this.#reading ??= this.#readAll().finally(() => this.#reading = undefined);
    return this.#reading;
  }

  async #readAll(): Promise<Contents> {
    const started = { ms: this.#clock.monotonic(), noticed: this.#noticed };
    const contents = await askedAgain(this.#sql, () => this.#readContents(started));
    this.#contents = contents;
    return contents;
  }

  async #readContents(started: { ms: number; noticed: number }): Promise<Contents> {
    // in this order: what a row refers to was there before it
    const pairs = await selectHostShapes(this.#sql);
    const missing = new Set(
      pairs.flatMap(({ shape_ids }) => shape_ids.filter((id) => !this.#metric_ids.has(id))),
    );
    const shapes = missing.size === 0 ? [] : await selectShapes(this.#sql, [...missing]);
    const [metrics, hosts] = [await selectMetrics(this.#sql), await selectHosts(this.#sql)];
    for (const { id, metric_ids } of shapes) this.#metric_ids.set(id, metric_ids);
    this.#shapes.clear();
    const by_id = new Map(
      pairs.map(({ host_id, shape_ids }) => [host_id, { shape_ids: new Set(shape_ids) }]),
    );
    // not the database's order, which depends on its locale
    hosts.sort((a, b) => a.hostname < b.hostname ? -1 : 1);
    const ended_ms = this.#clock.monotonic();
    return {
      by_id,
      hosts: new Map(hosts.map((host) => [
        host.hostname,
        { ...host, shape_ids: by_id.get(host.id)?.shape_ids ?? new Set() },
      ])),
      metrics: new Map(metrics.map((metric) => [metric.id, metric])),
      metric_names: new Set(metrics.map(({ name }) => name)),
      noticed: started.noticed,
      read_at_ms: ended_ms,
      read_for_ms: ended_ms - started.ms,
    };
  }
}
