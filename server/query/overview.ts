/**
 * All hosts at a glance, and which of them have changed: what the page's overview shows and keeps up
 * to date. The newest values are those of `LatestReports`; here only the rates of counters are kept,
 * which need the report before, and the interval a host reports at, which tells when it is silent.
 */
import { ByShape } from "../../db/by_shape.ts";
import type { Sql } from "../../db/connect.ts";
import { type HostRow, selectHosts } from "../../db/hosts.ts";
import {
  type Gauges,
  gaugesOf,
  type KeyColumns,
  keyColumns,
  type Traffic,
  trafficOf,
  trafficRate,
} from "./key_numbers.ts";
import type { LatestReports, ObservedReport } from "./latest.ts";

/** One host at a glance. */
export interface HostGlance extends Gauges {
  hostname: string;
  alias: string | null;
  location: string | null;
  tags: Record<string, string>;
  /** When its newest report is of, in seconds since 1970; null when there is none. */
  last_s: number | null;
  /** How often it reports, in seconds; null until two reports have come. */
  every_s: number | null;
  /** Bytes a second over all real interfaces. */
  received_per_s?: number;
  sent_per_s?: number;
}

interface Rates {
  at_ms: number;
  every_ms: number | undefined;
  traffic: (Traffic & { at_ms: number }) | undefined;
  rate: Traffic | undefined;
}

/** Told the ids of hosts as they report. */
export type Listener = (host_id: number) => void;

export class Overview {
  readonly #sql: Sql;
  readonly #latest: LatestReports;
  readonly #columns: ByShape<KeyColumns>;
  readonly #rates = new Map<number, Rates>();
  readonly #listeners = new Set<Listener>();

  constructor(options: { sql: Sql; latest: LatestReports }) {
    this.#sql = options.sql;
    this.#latest = options.latest;
    this.#columns = new ByShape(options.sql, keyColumns);
  }

  /** Takes note of a committed report. */
  observe(report: ObservedReport): void {
    const { host_id, shape_id, at_ms } = report;
    const before = this.#rates.get(host_id);
    if (before === undefined) {
      const traffic = this.#traffic(report);
      this.#rates.set(host_id, { at_ms, every_ms: undefined, traffic, rate: undefined });
    } else {
      // a report in several parts, or several scripts' reports of one tick, are one
      if (at_ms > before.at_ms) {
        before.every_ms = at_ms - before.at_ms;
        before.at_ms = at_ms;
      }
      const columns = this.#columns.get(shape_id);
      if (columns !== undefined && columns.received.length > 0) this.#measure(before, report);
    }
    for (const listener of this.#listeners) listener(host_id);
  }

  /** Calls `listener` for every report until disposed. */
  listen(listener: Listener): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  /** All hosts by name, or those with the given ids. */
  async glances(ids?: ReadonlySet<number>): Promise<HostGlance[]> {
    const hosts = (await selectHosts(this.#sql)).filter(({ id }) =>
      ids === undefined || ids.has(id)
    );
    await this.#latest.ready();
    await this.#columns.learn(() => this.#shapesOf(hosts));
    return hosts.map((host) => this.#glance(host));
  }

  #measure(rates: Rates, report: ObservedReport): void {
    const traffic = this.#traffic(report);
    if (traffic === undefined) return;
    const { traffic: before } = rates;
    if (before !== undefined && traffic.at_ms > before.at_ms) {
      rates.rate = trafficRate(before, traffic);
    }
    if (before === undefined || traffic.at_ms > before.at_ms) rates.traffic = traffic;
  }

  #traffic(report: ObservedReport): (Traffic & { at_ms: number }) | undefined {
    const columns = this.#columns.get(report.shape_id);
    const traffic = columns && trafficOf(columns, (column) => report.value(column));
    return traffic && { ...traffic, at_ms: report.at_ms };
  }

  #glance({ id, hostname, alias, location, tags }: HostRow): HostGlance {
    const reports = this.#latest.reportsOf(id);
    const gauges: Gauges = {};
    for (const { shape_id, values } of reports) {
      const columns = this.#columns.get(shape_id);
      if (columns !== undefined) {
        Object.assign(gauges, gaugesOf(columns, (column) => values[column] ?? 0));
      }
    }
    const newest = reports.at(-1);
    const { every_ms, rate } = this.#rates.get(id) ?? {};
    return {
      ...{ hostname, alias, location, tags },
      last_s: newest === undefined ? null : newest.at_ms / 1000,
      every_s: every_ms === undefined ? null : every_ms / 1000,
      ...gauges,
      ...(rate === undefined ? {} : { received_per_s: rate.received, sent_per_s: rate.sent }),
    };
  }

  *#shapesOf(hosts: readonly HostRow[]): Iterable<number> {
    for (const { id } of hosts) {
      for (const { shape_id } of this.#latest.reportsOf(id)) yield shape_id;
    }
  }
}
