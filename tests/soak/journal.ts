/** What happened during a soak: latencies of the slice under way, and everything that went wrong. */
import { median, quantile } from "./verdict.ts";

/** Different texts that are listed; the rest is counted. */
const TEXTS_MAX = 20;

/** p50 and p99 of one kind of request in one slice. */
export interface Latency {
  count: number;
  p50_ms: number | undefined;
  p99_ms: number | undefined;
}

export class Journal {
  #times = new Map<string, number[]>();
  readonly #faults = new Map<string, number>();
  /** All that went wrong, also what is not listed. */
  fault_count = 0;
  /** Answers `503`: come again. */
  told_to_wait = 0;
  requests = 0;

  took(kind: string, ms: number): void {
    this.requests++;
    const times = this.#times.get(kind);
    if (times === undefined) this.#times.set(kind, [ms]);
    else times.push(ms);
  }

  fault(text: string): void {
    this.fault_count++;
    if (this.#faults.size < TEXTS_MAX || this.#faults.has(text)) {
      this.#faults.set(text, (this.#faults.get(text) ?? 0) + 1);
    }
  }

  /** Each text with how often it came. */
  faults(): Record<string, number> {
    return Object.fromEntries(this.#faults);
  }

  /** Ends a slice. */
  takeLatencies(): Map<string, Latency> {
    const taken = this.#times;
    this.#times = new Map();
    return new Map(
      [...taken].map(([kind, times]) => [kind, {
        count: times.length,
        p50_ms: median(times),
        p99_ms: quantile(times, 0.99),
      }]),
    );
  }
}
