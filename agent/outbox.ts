/**
 * Reports that are not yet acknowledged. The interface is what the sender needs of any store; the
 * implementation here is memory, bounded in bytes: when it is full the oldest reports go, counted.
 * Reports a request is carrying right now are held and not dropped, since they may already be
 * stored: dropping them would count them twice.
 */

/** One report as it will be sent, `hostname` first, without the facts that the sender adds. */
export interface OutboxEntry {
  at_ms: number;
  text: string;
  samples: number;
}

/** The oldest entries, and how to name them later. */
export interface OutboxBatch {
  /** Identifies the last entry of the batch. */
  through: number;
  entries: readonly OutboxEntry[];
}

export interface OutboxSize {
  reports: number;
  bytes: number;
}

export interface Outbox {
  append(entry: OutboxEntry): Promise<void>;
  /** The oldest entries within both limits, at least one if there is any; held until settled. */
  peek(limits: { reports_max: number; bytes_max: number }): Promise<OutboxBatch | undefined>;
  /** They are the server's now (or refused): forget them. */
  acknowledge(batch: OutboxBatch): Promise<void>;
  /** They were not sent: hold them no longer. */
  release(batch: OutboxBatch): void;
  size(): OutboxSize;
  /** What was thrown away because the store was full, since the start. */
  dropped(): { reports: number; samples: number };
}

interface Kept extends OutboxEntry {
  id: number;
  bytes: number;
}

/** An entry also costs its object; a thousand tiny reports must not be counted as nothing. */
const ENTRY_OVERHEAD_BYTES = 64;

/** An outbox in memory that keeps at most `bytes_max`. */
export class MemoryOutbox implements Outbox {
  readonly #bytes_max: number;
  #kept: Kept[] = [];
  #bytes = 0;
  #next_id = 1;
  #held_through = 0;
  #dropped = { reports: 0, samples: 0 };

  constructor(options: { bytes_max: number }) {
    this.#bytes_max = options.bytes_max;
  }

  append(entry: OutboxEntry): Promise<void> {
    const kept = {
      ...entry,
      id: this.#next_id++,
      bytes: entry.text.length + ENTRY_OVERHEAD_BYTES,
    };
    this.#kept.push(kept);
    this.#bytes += kept.bytes;
    this.#dropOldest();
    return Promise.resolve();
  }

  peek(limits: { reports_max: number; bytes_max: number }): Promise<OutboxBatch | undefined> {
    const entries: Kept[] = [];
    let bytes = 0;
    for (const kept of this.#kept) {
      if (entries.length > 0 && bytes + kept.bytes > limits.bytes_max) break;
      if (entries.length >= limits.reports_max) break;
      entries.push(kept);
      bytes += kept.bytes;
    }
    const last = entries.at(-1);
    if (last === undefined) return Promise.resolve(undefined);
    this.#held_through = last.id;
    return Promise.resolve({ through: last.id, entries });
  }

  acknowledge(batch: OutboxBatch): Promise<void> {
    this.#held_through = 0;
    const keep_from = this.#kept.findIndex((kept) => kept.id > batch.through);
    const gone = this.#kept.splice(0, keep_from === -1 ? this.#kept.length : keep_from);
    for (const kept of gone) this.#bytes -= kept.bytes;
    return Promise.resolve();
  }

  release(_batch: OutboxBatch): void {
    this.#held_through = 0;
    this.#dropOldest();
  }

  size(): OutboxSize {
    return { reports: this.#kept.length, bytes: this.#bytes };
  }

  dropped(): { reports: number; samples: number } {
    return { ...this.#dropped };
  }

  #dropOldest(): void {
    if (this.#bytes <= this.#bytes_max) return;
    const first = this.#kept.findIndex((kept) => kept.id > this.#held_through);
    if (first === -1) return;
    let count = 0;
    // The newest entry stays even when it alone is too big: a single report is always worth trying.
    while (this.#bytes > this.#bytes_max && first + count < this.#kept.length - 1) {
      const kept = this.#kept[first + count];
      if (kept === undefined) break;
      this.#bytes -= kept.bytes;
      this.#dropped.reports += 1;
      this.#dropped.samples += kept.samples;
      count += 1;
    }
    this.#kept.splice(first, count);
  }
}
