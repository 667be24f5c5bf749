/**
 * Whether a report is taken now, or its sender told to come again: decided before its body is looked
 * at, by how long it would wait to be stored.
 *
 * A queue that is bounded only in bytes fills up when more comes than can be stored: then everybody
 * waits for as long as the whole queue takes, senders give up, come again, and bring the same once
 * more. So the bound is a time. What is taken is answered within about that time; what is not is
 * refused in a millisecond, and costs next to nothing.
 *
 * The time a report would wait is the larger of
 *   - how long the oldest one that is not stored yet has waited: true whatever the reason (a database
 *     that stands still), but late: when it shows, everything behind has been taken already;
 *   - the bytes before it by the rate they were stored at lately: known at once. The rate is that of
 *     large batches only. One with few rows says how long a commit takes, not how much goes through.
 */

/** A batch from this size on says something about the rate. */
const LARGE_BYTES = 256 * 1024;
/** The rate is that of about so much time, as far as batches were being stored in it. */
const WINDOW_MS = 1_000;
/** A rate older than this is of another time of the day: nothing is concluded from it. */
const OLD_MS = 10_000;

/** How fast batches are stored while there are some. Pure: times are arguments, monotonic. */
export class DrainRate {
  #bytes = 0;
  #busy_ms = 0;
  #last_done_ms = -Infinity;
  #known_at_ms = -Infinity;

  /** A batch has been stored; several may have been under way at once. */
  stored(batch: { bytes: number; taken_ms: number; done_ms: number }): void {
    const { bytes, taken_ms, done_ms } = batch;
    // the time that no other batch has been charged with
    const busy_ms = done_ms - Math.max(taken_ms, this.#last_done_ms);
    this.#last_done_ms = done_ms;
    if (bytes < LARGE_BYTES) return;
    const kept = done_ms - this.#known_at_ms > OLD_MS ? 0 : Math.exp(-busy_ms / WINDOW_MS);
    this.#bytes = this.#bytes * kept + bytes;
    this.#busy_ms = this.#busy_ms * kept + busy_ms;
    this.#known_at_ms = done_ms;
  }

  /** How long so many bytes would take; 0 when nothing is known. */
  timeFor(bytes: number, now_ms: number): number {
    if (now_ms - this.#known_at_ms > OLD_MS || this.#bytes === 0) return 0;
    return bytes * this.#busy_ms / this.#bytes;
  }
}

export interface AdmissionOptions {
  /** How long a report that came now would wait (`IngestQueue.waitMs`). */
  waitMs: () => number;
  /** Is there hardly any room left? Then what is taken would be refused once its body has been read. */
  isNearlyFull?: () => boolean;
  /** Of the longest wait, in milliseconds: from it on none is taken. Read each time: it may change. */
  limits: { ingest_wait_ms: number };
  /** Told of the first refusal after a while without. */
  onBusy?: (wait_ms: number) => void;
  monotonic: () => number;
}

/** Without a refusal for so long, the next one is news. */
const QUIET_MS = 60_000;

export class Admission {
  readonly #options: AdmissionOptions;
  #last_refused_ms = -Infinity;
  /** Requests refused since the start. */
  refusals = 0;

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  /** Is there time for one more request of reports? Counts those for which there is none. */
  readonly isBusy = (): boolean => {
    const { waitMs, isNearlyFull, limits, onBusy, monotonic } = this.#options;
    const wait_ms = waitMs();
    if (wait_ms < limits.ingest_wait_ms && !isNearlyFull?.()) return false;
    this.refusals++;
    const now_ms = monotonic();
    if (now_ms - this.#last_refused_ms > QUIET_MS) onBusy?.(wait_ms);
    this.#last_refused_ms = now_ms;
    return true;
  };
}
