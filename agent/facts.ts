/**
 * When the host's facts are told again: alias, location, tags, and what its metrics mean. They are
 * some kilobytes that hardly ever change, so they do not travel with every report.
 */
import type { MetricMetadata } from "../report.ts";
import type { ReportFacts } from "./report_text.ts";

/** In case the server lost them, or another one answers now. */
const REPEAT_MS = 3_600_000;
/** A script that invents names without end must not fill the memory: then all are told anew. */
const SERIES_MAX = 200_000;

/** Of an exporter with thousands of series: about 1 MB a request, the rest goes with the next ones. */
const SERIES_PER_REQUEST_MAX = 2_000;

/** Facts that go with one request; hand it back to `told()` when the server has it. */
export interface DueFacts {
  facts: ReportFacts;
  /** It begins to tell all of them, not only what is new. */
  complete: boolean;
}

export interface HostFactsOptions {
  alias?: string;
  location?: string;
  tags: ReportFacts["tags"];
}

export class HostFacts {
  #host: HostFactsOptions;
  #known = new Map<string, MetricMetadata | undefined>();
  /** Series whose metadata no server was told yet. */
  #fresh = new Map<string, MetricMetadata>();
  #told_at_ms: number | undefined;

  constructor(host: HostFactsOptions) {
    this.#host = host;
  }

  /** Facts may be other ones now, also those about series: all are told again. */
  renew(host: HostFactsOptions): void {
    this.#host = host;
    this.#known.clear();
    this.#fresh.clear();
    this.#told_at_ms = undefined;
  }

  /** Notes a series that is about to be reported; `find` is asked the first time only. */
  note(series: string, find: () => MetricMetadata | undefined): void {
    if (this.#known.has(series)) return;
    if (this.#known.size >= SERIES_MAX) this.#known.clear();
    const metadata = find();
    this.#known.set(series, metadata);
    if (metadata !== undefined) this.#fresh.set(series, metadata);
  }

  /** What should go with the next request, if anything. `now_ms` is monotonic. */
  due(now_ms: number): DueFacts | undefined {
    const { alias, location, tags } = this.#host;
    const complete = this.#told_at_ms === undefined || now_ms - this.#told_at_ms >= REPEAT_MS;
    if (complete) {
      for (const [series, known] of this.#known) {
        if (known !== undefined) this.#fresh.set(series, known);
      }
    }
    const metadata = Object.fromEntries(this.#fresh.entries().take(SERIES_PER_REQUEST_MAX));
    if (complete) return { complete, facts: { alias, location, tags, metadata } };
    return this.#fresh.size === 0 ? undefined : { complete, facts: { tags: {}, metadata } };
  }

  /** The server has answered a request with these facts. */
  told(due: DueFacts, now_ms: number): void {
    if (due.complete) this.#told_at_ms = now_ms;
    for (const series of Object.keys(due.facts.metadata)) this.#fresh.delete(series);
  }
}
