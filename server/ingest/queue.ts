/**
 * The way from many requests to few commits.
 *
 * Requests append their rows to one open batch and wait for its commit. A writer that is free takes
 * the open batch and a new one opens; while it commits, the next batch fills. So at low load a
 * report is committed at once, and at high load hundreds share one fsync.
 *
 * At high load a writer also waits one turn of the timers before it takes what is there. A COPY costs
 * this process about half a millisecond however few rows it has; a free writer that took the first
 * five of the two hundred reports about to arrive would spend the machine on commits. Waiting longer
 * only pays while other work takes the processors (4 ms: 20 to 30 % less time a report there). On an
 * idle machine the senders wait with it: measured with 256 connections, 25,000 reports a second
 * with 4 ms, 36,000 with 1 ms and batches of 64 full, the same without any wait.
 *
 * The bound is in bytes, over everything that is accepted and not yet committed (and over large
 * bodies being read, see `reserve`). A full queue refuses; it never grows and never drops: what
 * is in it has a sender waiting for the answer.
 */
import { systemClock } from "../../clock.ts";
import { DrainRate } from "./admission.ts";
import { RowBuffer } from "./rows.ts";

/** The queue has no room: the sender should come again. */
export class QueueFullError extends Error {
  override name = "QueueFullError";
  /** Seconds after which it is worth trying again. */
  readonly retry_after_s: number = 1;
}

export interface AnnotationRow {
  host_id: number;
  metric_id: number;
  at_ms: number;
  message: string;
}

/** What an annotation weighs besides its text. */
const ANNOTATION_HEAD_BYTES = 64;

/** Positions in the batch of the rows that were stored before; undefined when there is none. */
export type Duplicates = ReadonlySet<number> | undefined;

/** Rows that will be committed together. */
export class Batch {
  readonly annotations: AnnotationRow[] = [];
  /** When its first report came, and when a writer took it; monotonic. */
  began_ms = 0;
  taken_ms = 0;
  #annotation_bytes = 0;
  /** Settles after COMMIT, or with the reason why there was none. */
  readonly committed: Promise<Duplicates>;
  #resolve: (duplicates: Duplicates) => void = () => {};
  #reject: (reason: unknown) => void = () => {};

  constructor(readonly rows: RowBuffer) {
    this.committed = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // a batch without waiters (all their connections gone) may fail unheard
    this.committed.catch(() => {});
  }

  get empty(): boolean {
    return this.rows.rows === 0 && this.annotations.length === 0;
  }

  /** Bytes held, texts at two a character. */
  get bytes(): number {
    return this.rows.bytes + this.#annotation_bytes;
  }

  annotate(annotation: AnnotationRow): void {
    this.annotations.push(annotation);
    this.#annotation_bytes += ANNOTATION_HEAD_BYTES + 2 * annotation.message.length;
  }

  resolve(duplicates: Duplicates): void {
    this.#resolve(duplicates);
  }

  reject(reason: unknown): void {
    this.#reject(reason);
  }
}

export interface QueueOptions {
  /** Bytes accepted and not yet committed. */
  bytes_max: number;
  /** A batch is closed at this size, so that one commit stays short. */
  batch_bytes_max: number;
  /** Throws a QueueFullError when nothing may come in for another reason (disk_guard.ts). */
  requireRoom?: () => void;
  /** Waits; replaced by tests. */
  pause?: (ms: number) => Promise<void>;
  /** Milliseconds that never go backwards; replaced by tests. */
  monotonic?: () => number;
}

/** From here on the rest is for what was let in, and is not counted yet. */
const NEARLY_FULL_SHARE = 0.75;

/** How long a writer waits for a batch to fill, while the load is high. */
const LINGER_MS = 1;
/** The load is high when the last batch had this many rows … */
const BUSY_ROWS = 16;
/** … and a batch with this many is full enough at once. */
const FULL_ROWS = 64;

/** Row buffers kept for the next batches; one for each writer and one that fills. */
const SPARE_BUFFERS_MAX = 4;

export class IngestQueue {
  readonly #options: QueueOptions;
  readonly #closed_batches: Batch[] = [];
  readonly #spare: RowBuffer[] = [];
  #open: Batch;
  /** Bytes in closed batches, being committed ones, and reservations. */
  #bytes = 0;
  /** Batches that a writer has, the oldest first. */
  readonly #under_way = new Set<Batch>();
  readonly #rate = new DrainRate();
  readonly #monotonic: () => number;
  #wake: (() => void)[] = [];
  #stopped = false;
  #last_rows = 0;
  /** How often there was no room. */
  refusals = 0;

  constructor(options: QueueOptions) {
    this.#options = options;
    this.#monotonic = options.monotonic ?? systemClock.monotonic;
    this.#open = this.#newBatch();
  }

  /** Bytes accepted and not yet committed. */
  get bytes(): number {
    return this.#bytes + this.#open.bytes;
  }

  /**
   * The batch to append to. The caller appends without awaiting anything in between and calls
   * `appended` afterwards.
   *
   * @throws QueueFullError when there is no room, or no longer
   */
  open(): Batch {
    try {
      this.#options.requireRoom?.();
    } catch (error) {
      this.refusals++;
      throw error;
    }
    if (this.#stopped || this.bytes >= this.#options.bytes_max) {
      this.refusals++;
      throw new QueueFullError(
        this.#stopped
          ? "Cannot take reports: the server is stopping"
          : `Cannot take reports: ${this.bytes} bytes wait to be written`,
      );
    }
    return this.#open;
  }

  /** Is there only room left for what is on its way already? */
  isNearlyFull(): boolean {
    return this.bytes > NEARLY_FULL_SHARE * this.#options.bytes_max;
  }

  /** How long a report that came now would wait to be stored: see admission.ts. */
  waitMs(): number {
    if (this.#bytes === 0 && this.#open.empty) return 0;
    const now_ms = this.#monotonic();
    const [oldest = this.#closed_batches[0] ?? this.#open] = this.#under_way;
    const age_ms = oldest.empty ? 0 : now_ms - oldest.began_ms;
    return Math.max(age_ms, this.#rate.timeFor(this.bytes, now_ms));
  }

  /** Tells that the open batch has got something. */
  appended(): void {
    if (this.#open.began_ms === 0) this.#open.began_ms = this.#monotonic();
    if (this.#open.bytes >= this.#options.batch_bytes_max) this.#close();
    this.#wake.pop()?.();
  }

  /**
   * Takes room for something that is not a row yet (a large body being read).
   *
   * @throws QueueFullError when there is no room
   */
  reserve(bytes: number): void {
    if (this.#stopped || this.bytes + bytes > this.#options.bytes_max) {
      this.refusals++;
      throw new QueueFullError(`Cannot take reports: ${this.bytes} bytes wait to be written`);
    }
    this.#bytes += bytes;
  }

  /** Gives back room taken by `reserve`. */
  release(bytes: number): void {
    this.#bytes -= bytes;
  }

  /** The next batch to write; waits for one. Undefined when stopped and empty. */
  async take(): Promise<Batch | undefined> {
    for (;;) {
      const batch = this.#closed_batches.shift();
      if (batch !== undefined) return this.#taken(batch);
      if (!this.#open.empty) {
        const filling = this.#open;
        await this.#linger(filling.rows.rows);
        // another writer may have taken it, or it was closed because it is large
        if (filling !== this.#open) continue;
        this.#last_rows = filling.rows.rows;
        this.#bytes += filling.bytes;
        this.#open = this.#newBatch();
        return this.#taken(filling);
      }
      if (this.#stopped) return undefined;
      await new Promise<void>((resolve) => this.#wake.push(resolve));
    }
  }

  #taken(batch: Batch): Batch {
    batch.taken_ms = this.#monotonic();
    this.#under_way.add(batch);
    return batch;
  }

  async #linger(rows: number): Promise<void> {
    if (this.#stopped || this.#last_rows < BUSY_ROWS || rows >= FULL_ROWS) return;
    await (this.#options.pause ?? systemClock.sleep)(LINGER_MS);
  }

  /**
   * Tells that a batch got from `take` is settled; its buffer is used again, unless somebody may still
   * be reading it.
   */
  done(batch: Batch, { isRead = false }: { isRead?: boolean } = {}): void {
    this.#bytes -= batch.bytes;
    this.#under_way.delete(batch);
    const { bytes, taken_ms } = batch;
    this.#rate.stored({ bytes, taken_ms, done_ms: this.#monotonic() });
    if (!isRead && this.#spare.length < SPARE_BUFFERS_MAX) {
      batch.rows.truncate(0, 0);
      this.#spare.push(batch.rows);
    }
  }

  /** Refuses everything from now on; what is in the queue is still handed out by `take`. */
  stop(): void {
    this.#stopped = true;
    for (const wake of this.#wake.splice(0)) wake();
  }

  #close(): void {
    this.#bytes += this.#open.bytes;
    this.#closed_batches.push(this.#open);
    this.#open = this.#newBatch();
  }

  #newBatch(): Batch {
    return new Batch(this.#spare.pop() ?? new RowBuffer());
  }
}

/** How many of `count` rows from `first` on are duplicates. */
export function countWithin(duplicates: Duplicates, first: number, count: number): number {
  if (duplicates === undefined) return 0;
  let found = 0;
  for (let position = first; position < first + count; position++) {
    if (duplicates.has(position)) found++;
  }
  return found;
}
