/**
 * The names this server has met: hosts, metrics, shapes, with their ids, and the templates of each
 * host. Everything here can be forgotten and read again; the database knows it.
 *
 * Names that are new are made in the database before the report that brings them is queued. Many
 * reports may bring the same new names at once (a fleet starting): while one round with the database
 * is under way, the next reports gather, and the next round serves all of them together.
 */
import type { Sql } from "../../db/connect.ts";
import type { Clock } from "../../clock.ts";
import { ensureHosts, updateHostFacts } from "../../db/hosts.ts";
import { ensureMetrics, updateMetadata } from "../../db/metrics.ts";
import { ensureHostShapes, ensureShapes, shapeDigest, shapeNames } from "../../db/shapes.ts";
import type { ShapeInput } from "../../db/shapes.ts";
import type { HostFacts, MetricMetadata, Report } from "../../report.ts";
import { rowPrototype } from "./rows.ts";
import { type Shape, type Template, templateKey } from "./template.ts";

/** Templates tried for one host, most recent first; a host sends few different reports. */
const HOST_TEMPLATES_MAX = 4;
/** Shared templates kept; at 5 kB each this is 40 MB at the very most. */
const TEMPLATES_MAX = 8_192;
/**
 * A sender that writes its keys in another order each time (Go maps) would make a template a report
 * and never use one. Making one costs a point, using one earns one, without points none is made.
 */
const LEARN_POINTS_MAX = 8;

/** A host whose row exists. */
export class KnownHost {
  readonly templates: Template[] = [];
  readonly shape_ids = new Set<number>();
  /** The alias, location and tags applied last, as JSON; empty when the host never said any. */
  facts = "";
  /** The last time this server gave to a report without one. */
  #last_given_ms = 0;
  #points = LEARN_POINTS_MAX;

  constructor(readonly id: number, readonly hostname: string, readonly name_bytes: Uint8Array) {}

  /**
   * The time for a report that has none. Never the same twice: two of them within a millisecond
   * would be taken for one report sent twice.
   */
  timeGiven(now_ms: number): number {
    this.#last_given_ms = Math.max(Math.round(now_ms), this.#last_given_ms + 1);
    return this.#last_given_ms;
  }

  get may_learn(): boolean {
    return this.#points > 0;
  }

  learned(template: Template): void {
    this.#points--;
    if (this.templates.includes(template)) return;
    this.templates.unshift(template);
    this.templates.length = Math.min(this.templates.length, HOST_TEMPLATES_MAX);
  }

  matched(position: number): void {
    this.#points = Math.min(this.#points + 1, LEARN_POINTS_MAX);
    if (position === 0) return;
    const [template] = this.templates.splice(position, 1);
    if (template !== undefined) this.templates.unshift(template);
  }
}

/** A report whose names all have ids. */
export interface ResolvedReport {
  report: Report;
  host: KnownHost;
  /** Undefined when the report has texts only. */
  shape: Shape | undefined;
  /** For each value of the report its column in the shape. */
  columns: Int32Array;
}

export interface DirectoryOptions {
  sql: Sql;
  clock: Clock;
}

const encoder = new TextEncoder();

/** FNV-1a over the bytes of a host's name, as `NameReader` computes it. */
function nameHash(bytes: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash;
}

function sameBytes(a: Uint8Array, b: Uint8Array, start: number, end: number): boolean {
  if (a.length !== end - start) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[start + i]) return false;
  return true;
}

export class Directory {
  readonly #options: DirectoryOptions;
  readonly #hosts = new Map<string, KnownHost>();
  readonly #hosts_by_hash = new Map<number, KnownHost[]>();
  readonly #metric_ids = new Map<string, number>();
  readonly #shapes = new Map<string, Shape>();
  readonly #metadata = new Map<string, string>();
  readonly #templates = new Map<string, Template>();
  #waiting: { reports: readonly Report[]; round: Promise<void> } | undefined;
  #round: Promise<void> = Promise.resolve();

  constructor(options: DirectoryOptions) {
    this.#options = options;
  }

  /** The host whose name stands in `bytes` from `start` to `end`, if this server has met it. */
  find(
    bytes: Uint8Array,
    name: { start: number; end: number; hash: number },
  ): KnownHost | undefined {
    const candidates = this.#hosts_by_hash.get(name.hash);
    if (candidates === undefined) return undefined;
    for (const host of candidates) {
      if (sameBytes(host.name_bytes, bytes, name.start, name.end)) return host;
    }
    return undefined;
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
  async resolve(reports: readonly Report[]): Promise<ResolvedReport[]> {
    if (reports.some((report) => !this.#isKnown(report))) await this.#join(reports);
    return reports.map((report) => this.#resolved(report));
  }

  #isKnown(report: Report): boolean {
    const host = this.#hosts.get(report.hostname);
    if (host === undefined) return false;
    const facts = this.#newFacts(host, report.facts);
    if (facts.text !== undefined || facts.metadata.length > 0) return false;
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
    const { sql } = this.#options;
    await this.#learnHosts(reports);
    const names = new Set<string>();
    for (const report of reports) {
      for (const name of report.names) if (!this.#metric_ids.has(name)) names.add(name);
      for (const { name } of report.annotations) if (!this.#metric_ids.has(name)) names.add(name);
    }
    if (names.size > 0) {
      for (const [name, id] of await ensureMetrics(sql, [...names])) this.#metric_ids.set(name, id);
    }
    await this.#learnShapes(reports);
    for (const report of reports) await this.#applyFacts(report);
  }

  async #learnHosts(reports: readonly Report[]): Promise<void> {
    const { sql, clock } = this.#options;
    const unknown = new Set(
      reports.map((report) => report.hostname).filter((name) => !this.#hosts.has(name)),
    );
    if (unknown.size === 0) return;
    for (const [hostname, id] of await ensureHosts(sql, [...unknown], clock.now())) {
      const bytes = encoder.encode(hostname);
      const host = new KnownHost(id, hostname, bytes);
      this.#hosts.set(hostname, host);
      const hash = nameHash(bytes);
      const same = this.#hosts_by_hash.get(hash);
      if (same === undefined) this.#hosts_by_hash.set(hash, [host]);
      else same.push(host);
    }
  }

  async #learnShapes(reports: readonly Report[]): Promise<void> {
    const { sql } = this.#options;
    const missing = new Map<string, ShapeInput>();
    for (const report of reports) {
      if (report.names.length === 0) continue;
      const names = shapeNames(report.names);
      const digest = shapeDigest(names);
      if (this.#shapes.has(digest)) continue;
      missing.set(digest, { names, metric_ids: names.map((name) => this.metricId(name)) });
    }
    if (missing.size > 0) {
      for (const [digest, id] of await ensureShapes(sql, missing)) {
        const names = missing.get(digest)?.names ?? [];
        this.#shapes.set(digest, { id, names, prototype: rowPrototype(id, names.length) });
      }
    }
    const pairs = new Map<string, { host: KnownHost; host_id: number; shape_id: number }>();
    for (const report of reports) {
      const host = this.#host(report);
      const shape = this.#shape(report);
      if (shape === undefined || host.shape_ids.has(shape.id)) continue;
      pairs.set(`${host.id} ${shape.id}`, { host, host_id: host.id, shape_id: shape.id });
    }
    if (pairs.size === 0) return;
    await ensureHostShapes(sql, [...pairs.values()]);
    for (const { host, shape_id } of pairs.values()) host.shape_ids.add(shape_id);
  }

  /** What in the facts is not applied yet: a host's text, and metrics with new metadata. */
  #newFacts(
    host: KnownHost,
    facts: HostFacts,
  ): { text?: string; metadata: [string, MetricMetadata][] } {
    const { alias, location, tags } = facts;
    const said = alias !== undefined || location !== undefined || tags !== undefined;
    const text = said ? JSON.stringify([alias, location, tags]) : host.facts;
    return {
      text: text === host.facts ? undefined : text,
      metadata: Object.entries(facts.metadata ?? {}).filter(([name, about]) =>
        this.#metric_ids.has(name) && this.#metadata.get(name) !== JSON.stringify(about)
      ),
    };
  }

  async #applyFacts(report: Report): Promise<void> {
    const { sql } = this.#options;
    const host = this.#host(report);
    const { text, metadata } = this.#newFacts(host, report.facts);
    if (text !== undefined) {
      await updateHostFacts(sql, host.id, report.facts);
      // templates with other facts in their text must not match any more: those would not be applied
      host.templates.length = 0;
      host.facts = text;
    }
    if (metadata.length === 0) return;
    await updateMetadata(sql, Object.fromEntries(metadata));
    for (const [name, about] of metadata) this.#metadata.set(name, JSON.stringify(about));
  }

  #host(report: Report): KnownHost {
    const host = this.#hosts.get(report.hostname);
    if (host === undefined) throw new Error(`BUG: host ${report.hostname} was not resolved`);
    return host;
  }

  #shape(report: Report): Shape | undefined {
    if (report.names.length === 0) return undefined;
    const shape = this.#shapes.get(shapeDigest(shapeNames(report.names)));
    if (shape === undefined) throw new Error("BUG: a shape was not resolved");
    return shape;
  }

  #resolved(report: Report): ResolvedReport {
    const shape = this.#shape(report);
    const columnOf = new Map(shape?.names.map((name, column) => [name, column]));
    return {
      report,
      host: this.#host(report),
      shape,
      columns: Int32Array.from(report.names, (name) => columnOf.get(name) ?? 0),
    };
  }
}
