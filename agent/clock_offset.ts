/**
 * How far this machine's clock is from the server's, from the `Date` of its answers. That has whole
 * seconds, and a busy server may write one that is a second old. So one answer only says: the server's
 * clock was at D or up to two seconds later, at some moment between our request and its answer.
 *
 * The lower end of that is never too high, and exact for an answer at the beginning of a second.
 * Requests are sent at changing moments of a second, so the highest lower end of several answers comes
 * close to the truth: it is what is told. Clocks drift, so what was seen loses its worth with time, and
 * when two answers contradict each other a clock was set: then the newest counts alone. Pure.
 */

/** 100 parts in a million: more than a bad quartz. */
const DRIFT = 1e-4;

/** How much later than its `Date` an answer may be. */
const DATE_MS = 2_000;

interface OffsetRange {
  low_ms: number;
  high_ms: number;
  at_ms: number;
}

export interface DatedAnswer {
  /** The `Date` header. */
  date: string | null;
  /** Wall-clock time before the request, and after its answer. */
  sent_ms: number;
  answered_ms: number;
  /** Monotonic time of the answer. */
  monotonic_ms: number;
}

export class ClockOffset {
  #range: OffsetRange | undefined;

  note({ date, sent_ms, answered_ms, monotonic_ms }: DatedAnswer): void {
    const date_ms = date === null ? NaN : Date.parse(date);
    // a clock that was set during the request says nothing
    if (Number.isNaN(date_ms) || answered_ms < sent_ms) return;
    const seen = {
      low_ms: date_ms - answered_ms,
      high_ms: date_ms + DATE_MS - sent_ms,
      at_ms: monotonic_ms,
    };
    const known = this.#range;
    if (known === undefined) {
      this.#range = seen;
      return;
    }
    const drift_ms = (monotonic_ms - known.at_ms) * DRIFT;
    const low_ms = Math.max(known.low_ms - drift_ms, seen.low_ms);
    const high_ms = Math.min(known.high_ms + drift_ms, seen.high_ms);
    this.#range = low_ms <= high_ms ? { low_ms, high_ms, at_ms: monotonic_ms } : seen;
  }

  /** Milliseconds the server's clock is ahead of ours, at least; undefined before the first answer. */
  get offset_ms(): number | undefined {
    return this.#range === undefined ? undefined : Math.round(this.#range.low_ms);
  }

  /** How much more it may be. */
  get error_ms(): number {
    return this.#range === undefined ? Infinity : this.#range.high_ms - this.#range.low_ms;
  }
}
