/**
 * The server as a host of its own: its numbers as a report every few seconds, by the way that every
 * report goes, so that charts, alerts and history work on them. A report that finds no room is lost:
 * the next one says more, and the senders of others come first.
 */
import type { Clock } from "../../clock.ts";
import type { Logger } from "../../log.ts";
import type { MetricMetadata } from "../../report.ts";
import type { MetricState, Registry } from "../metrics/registry.ts";
import { seriesMetadata, SeriesReader } from "../metrics/series.ts";

/** What the metrics mean is told again after this time, in case somebody has lost it. */
const REPEAT_MS = 3_600_000;
/** By it the page and `monitor hosts` know a server among hosts. */
export const OWN_TAGS = { monitor: "server" } as const;

export interface ReporterOptions {
  metrics: Registry;
  hostname: string;
  /** Takes the bytes of a report, as POST /metrics does. */
  receive: (body: Uint8Array) => Promise<unknown>;
  clock: Clock;
  log: Logger;
}

export class Reporter {
  readonly #options: ReporterOptions;
  readonly #reader = new SeriesReader();
  readonly #told = new Map<string, string>();
  #told_ms = -Infinity;

  constructor(options: ReporterOptions) {
    this.#options = options;
  }

  /** Makes the report of `at_ms` and waits until it is stored, or is not; never rejects. */
  async report(at_ms: number): Promise<void> {
    const { metrics, receive, log } = this.#options;
    const states = metrics.all();
    const text = this.#text(at_ms, states);
    try {
      await receive(new TextEncoder().encode(text));
    } catch (error) {
      // nobody knows what of it arrived: the next report says again what the metrics mean
      this.#told.clear();
      log.debug("own numbers not stored", { error });
    }
  }

  #text(at_ms: number, states: readonly MetricState[]): string {
    const { hostname, clock } = this.#options;
    const report = {
      hostname,
      timestamp: at_ms / 1000,
      metrics: Object.fromEntries(this.#reader.read(states)),
    };
    const is_due = clock.monotonic() - this.#told_ms >= REPEAT_MS;
    if (is_due) {
      this.#told.clear();
      this.#told_ms = clock.monotonic();
    }
    const metadata = this.#news(seriesMetadata(states));
    if (Object.keys(metadata).length === 0) return JSON.stringify(report);
    return JSON.stringify({ ...report, tags: OWN_TAGS, metadata });
  }

  /** What has not been told yet. */
  #news(all: Record<string, MetricMetadata>): Record<string, MetricMetadata> {
    const fresh = Object.entries(all).filter(([name, about]) =>
      this.#told.get(name) !== JSON.stringify(about)
    );
    for (const [name, about] of fresh) this.#told.set(name, JSON.stringify(about));
    return Object.fromEntries(fresh);
  }
}
