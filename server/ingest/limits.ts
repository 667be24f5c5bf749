/** What is refused because there is too much of it, and how its sender, the log and the page hear of it. */
import type { Clock } from "../../clock.ts";
import type { Logger } from "../../log.ts";
import { type Refusal, shown } from "../../report.ts";
import type { ResolvedReport, StrangerReport } from "./directory.ts";

/** The remark about refused series stands at this name, among what the host says itself. */
export const LIMIT_METRIC = "limits.host_series_max";

/** A remark for a host that goes on and on: once in so much time. */
const REMARK_MS = 600_000;
/** Hosts whose last remark is remembered; then all are forgotten. */
const REMARKED_MAX = 1_000;
/** A line in the log for all hosts together: once in so much time. */
const LINE_MS = 60_000;
/** Names told. */
const NAMES_TOLD = 3;

export interface IngestLimitsOptions {
  /** Read each time: they may change. */
  limits: { host_series_max: number; hosts_max: number };
  clock: Pick<Clock, "monotonic">;
  log: Logger;
}

export class IngestLimits {
  /** Since the start: series in reports that were not stored, and reports of hosts too many. */
  readonly refused = { series: 0, hosts: 0 };
  readonly #options: IngestLimitsOptions;
  readonly #remarked_ms = new Map<number, number>();
  readonly #told_ms = { series: -Infinity, hosts: -Infinity };

  constructor(options: IngestLimitsOptions) {
    this.#options = options;
  }

  get host_series_max(): number {
    return this.#options.limits.host_series_max;
  }

  get hosts_max(): number {
    return this.#options.limits.hosts_max;
  }

  /** Counts series that were refused of a host, and says it in a sentence. */
  series(hostname: string, names: readonly string[]): string {
    const { limits: { host_series_max }, log } = this.#options;
    this.refused.series += names.length;
    const told = names.slice(0, NAMES_TOLD).map(shown).join(", ");
    const more = names.length > NAMES_TOLD ? ` and ${names.length - NAMES_TOLD} more` : "";
    if (this.#isNews("series")) {
      log.warn("series refused: a host has as many as it may have", {
        hostname,
        refused: names.length,
        example: names[0],
        limit: host_series_max,
        setting: "limits.host_series_max",
      });
    }
    return `must be at most ${host_series_max} series of a host (limits.host_series_max), which ` +
      `${shown(hostname)} has: ${told}${more} were refused; put no ids or times into names, or ` +
      "raise the limit";
  }

  /** Is it time to leave a remark at the host? */
  isRemarkDue(host_id: number): boolean {
    const now_ms = this.#options.clock.monotonic();
    if (now_ms - (this.#remarked_ms.get(host_id) ?? -Infinity) < REMARK_MS) return false;
    if (this.#remarked_ms.size >= REMARKED_MAX) this.#remarked_ms.clear();
    this.#remarked_ms.set(host_id, now_ms);
    return true;
  }

  /** Counts a report of a host that would be one too many, and says it in a sentence. */
  host(hostname: string): string {
    const { limits: { hosts_max }, log } = this.#options;
    this.refused.hosts++;
    if (this.#isNews("hosts")) {
      log.warn("reports refused: there are as many hosts as there may be", {
        hostname,
        limit: hosts_max,
        setting: "limits.hosts_max",
      });
    }
    return `must be one of the ${hosts_max} hosts there may be (limits.hosts_max), and ` +
      `${shown(hostname)} is new; make no names up, or raise the limit`;
  }

  #isNews(kind: "series" | "hosts"): boolean {
    const now_ms = this.#options.clock.monotonic();
    if (now_ms - this.#told_ms[kind] < LINE_MS) return false;
    this.#told_ms[kind] = now_ms;
    return true;
  }
}

type Found = ResolvedReport | StrangerReport;

/** What there is too much of in a request. */
export interface TooMuch {
  refused: Refusal[];
  /** Reports of which nothing is left. */
  empty: Set<Found>;
  /** What is to be said at the report's host. */
  remarks: Map<Found, string>;
}

/** What of the reports was left out. `owners` are their positions in the request. */
export function findTooMuch(
  resolved: readonly Found[],
  options: { owners: readonly number[]; is_batch: boolean; limits: IngestLimits },
): TooMuch {
  const { owners, is_batch, limits } = options;
  const found: TooMuch = { refused: [], empty: new Set(), remarks: new Map() };
  for (const [i, one] of resolved.entries()) {
    const { report, host } = one;
    const index = owners[i] ?? 0;
    const path = is_batch ? `[${index}].` : "";
    if (host === undefined) {
      const message = limits.host(report.hostname);
      found.refused.push({ index, path: `${path}hostname`, message });
    } else if (one.left_out.length > 0) {
      const message = limits.series(report.hostname, one.left_out);
      found.refused.push({ index, path: `${path}metrics`, message });
      if (report.names.length + report.annotations.length === 0) found.empty.add(one);
      if (limits.isRemarkDue(host.id)) found.remarks.set(one, message);
    }
  }
  return found;
}
