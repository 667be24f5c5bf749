/**
 * The names this server has met: hosts, metrics, shapes, with their ids, and the templates of each
 * host. Everything here can be forgotten and read again; the database knows it.
 *
 * Names that are new are made in the database before the report that brings them is queued. Many
 * reports may bring the same new names at once (a fleet starting): while one round with the database
 * is under way, the next reports gather, and the next round serves all of them together. A round with a
 * database that says nothing is given up: its senders are told to come again, and the next one begins.
 */
import type { Clock } from "../../clock.ts";
import { ensureHosts, updateHostFacts } from "../../db/hosts.ts";
import { ensureMetrics, updateMetadata } from "../../db/metrics.ts";
import type { RenewedPool } from "../../db/renewed_pool.ts";
import { selectKnownPairs } from "../../db/series_limit.ts";
import { shapeDigest, shapeNames } from "../../db/shapes.ts";
import type { HostFacts, Report } from "../../report.ts";
import { HostIndex, type KnownHost } from "./known_host.ts";
import { LIMIT_METRIC } from "./limits.ts";
import { fitReport, type Fitted, makeSeries } from "./new_series.ts";
import { rowPrototype } from "./rows.ts";
import { type Shape, type Template, templateKey } from "./template.ts";

/** Shared templates kept; at 5 kB each this is 40 MB at the very most. */
const TEMPLATES_MAX = 8_192;
/** Hosts that have all the series they may have, and whose names are kept here. */
const FULL_HOSTS_MAX = 64;

/** A report whose names all have ids. */
export interface ResolvedReport {
  report: Report;
  host: KnownHost;
  /** Undefined when the report has texts only. */
  shape: Shape | undefined;
  /** For each value of the report its column in the shape. */
  columns: Int32Array;
  /** Names that were left out of the report: the host has as many series as it may have. */
  left_out: readonly string[];
}

/** A report of a host that would be one too many. */
export interface StrangerReport {
  report: Report;
  host: undefined;
}

export interface DirectoryOptions {
  pool: RenewedPool;
  clock: Clock;
  /** How many hosts there may be, and series of each. */
  limits: { hosts_max: number; host_series_max: number };
}

export class Directory {
  readonly #options: DirectoryOptions;
  readonly hosts = new HostIndex();
  readonly #metric_ids = new Map<string, number>();
  readonly #shapes = new Map<string, Shape>();
  readonly #metadata = new Map<string, string>();
  readonly #templates = new Map<string, Template>();
  readonly #full: KnownHost[] = [];
  /** What became of reports that brought more than may be. */
  readonly #fitted = new WeakMap<Report, Fitted>();
  #waiting: { reports: readonly Report[]; round: Promise<void> } | undefined;
  #round: Promise<void> = Promise.resolve();

  constructor(options: DirectoryOptions) {
    this.#options = options;
  }

  metricId(name: string): number {
    const id = this.#metric_ids.get(name);
    if (id === undefined) throw new Error(`BUG: metric ${name} was not resolved`);
    return id;
  }

  /** Gives a template to a host; equal templates become one. */
  addTemplate(host: KnownHost, template: Template): void {
    if (this.#templates.size >= TEMPLATES_MAX) this.#templates.clear();
    const key = templateKey(template);
    const shared = this.#templates.get(key) ?? template;
    this.#templates.set(key, shared);
    host.learned(shared);
  }

  /**
   * Gives every name in the reports an id and applies what hosts say about themselves.
   *
   * @throws what the database says; then nothing of the reports may be stored
   */
  async resolve(reports: readonly Report[]): Promise<(ResolvedReport | StrangerReport)[]> {
    const fitted = reports.map((report) => this.#fit(report));
    if (fitted.some(({ report }) => !this.#isKnown(report))) {
      await this.#join(fitted.map(({ report }) => report));
    }
    return fitted.map(({ report, left_out }) => {
      const after = this.#fitted.get(report) ?? { report, left_out: [] };
      return this.#resolved(after.report, [...left_out, ...after.left_out]);
    });
  }

  /** The id of the metric at which remarks about limits stand. */
  async limitMetricId(): Promise<number> {
    await this.#learnMetrics([LIMIT_METRIC]);
    return this.metricId(LIMIT_METRIC);
  }

  /** Without the series that a host with all it may have does not have. */
  #fit(report: Report): Fitted {
    const series = this.hosts.get(report.hostname)?.series;
    return series === undefined ? { report, left_out: [] } : fitReport(report, series);
  }

  #isKnown(report: Report): boolean {
    const host = this.hosts.get(report.hostname);
    if (host === undefined) return false;
    const facts = this.#newFacts(host, report.facts);
    if (facts.said !== undefined || facts.metadata.length > 0) return false;
    if (report.annotations.some(({ name }) => !this.#metric_ids.has(name))) return false;
    if (report.names.length === 0) return true;
    const shape = this.#shapes.get(shapeDigest(shapeNames(report.names)));
    return shape !== undefined && host.shape_ids.has(shape.id);
  }

  /** Waits for a round that includes these reports. */
  #join(reports: readonly Report[]): Promise<void> {
    if (this.#waiting !== undefined) {
      this.#waiting.reports = [...this.#waiting.reports, ...reports];
      return this.#waiting.round;
    }
    const waiting = { reports, round: Promise.resolve() };
    waiting.round = this.#round.then(async () => {
      this.#waiting = undefined;
      await this.#learnNames(waiting.reports);
    });
    this.#waiting = waiting;
    this.#round = waiting.round.catch(() => {});
    return waiting.round;
  }

  async #learnNames(reports: readonly Report[]): Promise<void> {
    await this.#learnHosts(reports);
    const allowed = reports.filter(({ hostname }) => this.hosts.has(hostname));
    await this.#learnMetrics(allowed.flatMap((one) => one.annotations.map(({ name }) => name)));
    await this.#learnSeries(allowed);
    for (const report of allowed) await this.#applyFacts(report);
  }

  async #learnMetrics(names: readonly string[]): Promise<void> {
    const unknown = new Set(names.filter((name) => !this.#metric_ids.has(name)));
    if (unknown.size === 0) return;
    const found = await this.#options.pool.ask((sql) => ensureMetrics(sql, [...unknown]));
    for (const [name, id] of found) this.#metric_ids.set(name, id);
  }

  async #learnHosts(reports: readonly Report[]): Promise<void> {
    const { pool, clock, limits: { hosts_max } } = this.#options;
    const unknown = new Set(
      reports.map((report) => report.hostname).filter((name) => !this.hosts.has(name)),
    );
    if (unknown.size === 0) return;
    const found = await pool.ask((sql) => ensureHosts(sql, [...unknown], clock.now(), hosts_max));
    for (const [hostname, id] of found) this.hosts.add(id, hostname);
  }

  /** Makes shapes, as far as they fit, and remembers which host has which. */
  async #learnSeries(reports: readonly Report[]): Promise<void> {
    const { pool, limits } = this.#options;
    const wanted = this.#newPairs(reports);
    if (wanted.size === 0) return;
    const known = await pool.ask((sql) => selectKnownPairs(sql, [...wanted.values()]));
    for (const { host_id, digest, shape_id } of known) {
      const pair = wanted.get(`${host_id} ${digest}`);
      if (pair === undefined) continue;
      await this.#learnMetrics(pair.names);
      this.#remember(pair.host, { id: shape_id, digest, names: pair.names });
      wanted.delete(`${host_id} ${digest}`);
    }
    if (wanted.size === 0) return;
    const pairs = [...wanted.values()];
    const made = await pool.askLong((sql) =>
      makeSeries(sql, pairs, { series_max: limits.host_series_max })
    );
    for (const [name, id] of made.metric_ids) this.#metric_ids.set(name, id);
    for (const [i, { host, names, reports: brought }] of pairs.entries()) {
      const allowed = made.allowed[i] ?? [];
      const digest = shapeDigest(allowed);
      const id = made.shape_ids.get(digest);
      if (id !== undefined) this.#remember(host, { id, digest, names: allowed });
      this.#keepFull(host, made.full.get(host.id));
      if (allowed.length === names.length) continue;
      const series = new Set(allowed);
      for (const report of brought) this.#fitted.set(report, fitReport(report, series));
    }
  }

  /** What of the reports is new to this server, by host and shape. */
  #newPairs(reports: readonly Report[]) {
    const pairs = new Map<string, NewPair>();
    for (const report of reports) {
      const host = this.hosts.get(report.hostname);
      if (host === undefined || report.names.length === 0) continue;
      const names = shapeNames(report.names);
      const digest = shapeDigest(names);
      const shape = this.#shapes.get(digest);
      if (shape !== undefined && host.shape_ids.has(shape.id)) continue;
      const key = `${host.id} ${digest}`;
      const pair = pairs.get(key) ?? { host, host_id: host.id, digest, names, reports: [] };
      pair.reports.push(report);
      pairs.set(key, pair);
    }
    return pairs;
  }

  #remember(
    host: KnownHost,
    { id, digest, names }: { id: number; digest: string; names: readonly string[] },
  ): void {
    if (!this.#shapes.has(digest)) {
      this.#shapes.set(digest, { id, names, prototype: rowPrototype(id, names.length) });
    }
    host.shape_ids.add(id);
  }

  /** Remembers the names of some hosts that may not have more; they would be asked for each time. */
  #keepFull(host: KnownHost, series: ReadonlySet<string> | undefined): void {
    if (series === undefined) return;
    if (host.series === undefined) this.#full.push(host);
    host.series = series;
    if (this.#full.length > FULL_HOSTS_MAX) {
      const forgotten = this.#full.shift();
      if (forgotten !== undefined) forgotten.series = undefined;
    }
  }

  /** What in the facts is not applied yet: what a host says of itself, metrics with new metadata. */
  #newFacts(host: KnownHost, facts: HostFacts) {
    return {
      said: host.news(facts),
      metadata: Object.entries(facts.metadata ?? {}).filter(([name, about]) =>
        this.#metric_ids.has(name) && this.#metadata.get(name) !== JSON.stringify(about)
      ),
    };
  }

  async #applyFacts(report: Report): Promise<void> {
    const { pool } = this.#options;
    const host = this.hosts.get(report.hostname);
    if (host === undefined) return;
    const { said, metadata } = this.#newFacts(host, report.facts);
    if (said !== undefined) {
      await pool.ask((sql) => updateHostFacts(sql, host.id, report.facts));
      host.applied(said);
    }
    if (metadata.length === 0) return;
    await pool.ask((sql) => updateMetadata(sql, Object.fromEntries(metadata)));
    for (const [name, about] of metadata) this.#metadata.set(name, JSON.stringify(about));
  }

  #resolved(
    report: Report,
    left_out: readonly string[],
  ): ResolvedReport | StrangerReport {
    const host = this.hosts.get(report.hostname);
    if (host === undefined) return { report, host };
    const shape = this.#shape(report);
    const columnOf = new Map(shape?.names.map((name, column) => [name, column]));
    return {
      report,
      host,
      shape,
      columns: Int32Array.from(report.names, (name) => columnOf.get(name) ?? 0),
      left_out,
    };
  }

  #shape(report: Report): Shape | undefined {
    if (report.names.length === 0) return undefined;
    const shape = this.#shapes.get(shapeDigest(shapeNames(report.names)));
    if (shape === undefined) throw new Error("BUG: a shape was not resolved");
    return shape;
  }
}

interface NewPair {
  host: KnownHost;
  host_id: number;
  digest: string;
  names: readonly string[];
  reports: Report[];
}
