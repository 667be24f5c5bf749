/**
 * The spool: where reports wait until the server has answered for them, on disk, bounded in bytes
 * and age.
 *
 * A report is in the spool when it was written to the segment at the end (spool/record.ts has the
 * bytes, spool/journal.ts the files), before it is sent: one small write a report, to the system's
 * cache. So killing the program loses nothing. The disk itself is only waited for when reports have
 * been waiting for some seconds, or a segment is finished: a power cut loses at most SYNC_MS of them,
 * and with a server that answers there is no fsync at all.
 *
 * That a report is settled is noted in the state, which is written in front of the next report, or by
 * itself when a second request was settled without one. So what is sent again after a kill is at most
 * one request, and the server knows those reports by their host, time and shape. The counters are
 * part of the state and stay true: each report ends in exactly one (spool/state.ts).
 *
 * A segment is removed when all in it is settled and the state that says so is written. When the
 * spool is full, the oldest segment goes, waiting or not, and is counted; never what a request is
 * carrying, since it may be stored already.
 *
 * When the disk cannot be written (full, read-only, gone), reports go on in memory within a bound and
 * are sent from there; each new report tries the disk again, older ones first. The same class without
 * a directory is a spool in memory.
 *
 * All work on the disk is in one row (`#serial`), so the state only changes between two steps of it.
 */
import type { Clock } from "../clock.ts";
import type { Logger } from "../log.ts";
import type { Outbox, OutboxBatch, OutboxEntry, OutboxStatus, PeekOptions } from "./outbox.ts";
import { reasonOf, SpoolInUse } from "./spool/error.ts";
import { Journal } from "./spool/journal.ts";
import { isSegmentIdle, type Segment, segmentsToDrop, type SpoolLimits } from "./spool/plan.ts";
import { SpoolReader } from "./spool/reader.ts";
import { RecentReports } from "./spool/recent.ts";
import { type DropReason, type Outcome, SpoolState } from "./spool/state.ts";
import { SpoolTroubles } from "./spool/troubles.ts";

export interface SpoolOptions extends SpoolLimits {
  /** undefined: reports are kept in memory only. */
  dir: string | undefined;
  clock: Clock;
  log: Logger;
}

/** A power cut takes at most the reports of this time. */
const SYNC_MS = 5_000;
/** Reports that are kept when they cannot be written. */
const MEMORY_BYTES_MAX = 16 * 1024 * 1024;
/** Written at once after the disk could not be for a while. */
const WRITE_BYTES_MAX = 256 * 1024;
/** Holes between settled reports that are worth noting; beyond it the oldest are sent first. */
const RANGES_MAX = 100;

export class Spool implements Outbox {
  readonly #options: SpoolOptions;
  readonly #journal: Journal | undefined;
  readonly #state: SpoolState;
  readonly #recent = new RecentReports();
  readonly #reader: SpoolReader;
  readonly #troubles: SpoolTroubles;
  /** What a request is carrying. */
  readonly #held = new Set<number>();
  readonly #closing = new AbortController();
  #row: Promise<unknown> = Promise.resolve();
  /** The state has changed since it was written. */
  #dirty = false;
  /** Reports up to this one may be sent: they are written, or cannot be. */
  #offered_through = 0;
  #sync_due = false;

  private constructor(options: SpoolOptions, journal: Journal | undefined, state: SpoolState) {
    this.#options = options;
    this.#journal = journal;
    this.#state = state;
    this.#troubles = new SpoolTroubles(options.log, options.dir);
    this.#offered_through = state.next_seq - 1;
    this.#reader = new SpoolReader({
      state,
      recent: this.#recent,
      journal,
      onGone: (seq) => this.#drop([seq], "damaged", 0),
      onUnreadable: (error) => this.#troubles.cannotRead(error),
    });
  }

  /** Takes up what an earlier run has left. Throws SpoolInUse when another agent has the directory. */
  static async open(options: SpoolOptions): Promise<Spool> {
    const { dir, log, bytes_max, age_ms_max } = options;
    if (dir === undefined) return new Spool(options, undefined, SpoolState.from(1));
    try {
      const { journal, recovered } = await Journal.open(dir, { bytes_max, age_ms_max });
      const { state, lost } = recovered;
      if (lost > 0) log.warn("Spool was damaged; some reports are lost", { dir, reports: lost });
      const { waiting } = state.counts();
      if (waiting > 0) log.info("Reports of an earlier run are waiting", { dir, waiting });
      const spool = new Spool(options, journal, state);
      spool.#dirty = lost > 0;
      return spool;
    } catch (error) {
      if (error instanceof SpoolInUse) throw error;
      const reason = reasonOf(error);
      log.warn("Cannot use the spool; reports wait in memory only", { dir, reason });
      return new Spool(options, undefined, SpoolState.from(1));
    }
  }

  append(entry: OutboxEntry): Promise<void> {
    const { at_ms, samples, text } = entry;
    this.#recent.add({ seq: this.#state.take(), at_ms, samples, text });
    return this.#serial(() => this.#write());
  }

  peek(options: PeekOptions): Promise<OutboxBatch | undefined> {
    return this.#serial(() => this.#peek(options));
  }

  settle(batch: OutboxBatch, outcome: Outcome): Promise<void> {
    return this.#serial(() => this.#settle(batch, outcome));
  }

  release(_batch: OutboxBatch): void {
    this.#held.clear();
  }

  status(): OutboxStatus {
    const counts = this.#state.counts();
    // what is being written right now is not there yet: after a kill no counter may go back
    const coming = this.#state.next_seq - 1 - this.#offered_through;
    return {
      ...counts,
      collected: counts.collected - coming,
      waiting: counts.waiting - coming,
      bytes: (this.#journal?.bytes ?? 0) + this.#recent.unwritten_bytes,
      oldest_at_ms: this.#oldestAt(),
      newest_seq: this.#state.next_seq - 1,
      on_disk: this.#journal !== undefined && !this.#troubles.unwritable,
    };
  }

  /** Writes what is not written yet and gives the directory free. */
  close(): Promise<void> {
    if (this.#closing.signal.aborted) return this.#serial(() => Promise.resolve());
    this.#closing.abort();
    return this.#serial(async () => {
      await this.#write();
      if (this.#dirty) await this.#writeState();
      await this.#journal?.sync().catch((error) => this.#troubles.cannotWrite(error));
      this.#journal?.close();
    });
  }

  #serial<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#row.then(work);
    this.#row = done.catch(() => {});
    return done;
  }

  async #write(): Promise<void> {
    const journal = this.#journal;
    const through = this.#state.next_seq - 1;
    await this.#makeRoom();
    while (journal !== undefined && this.#recent.unwritten_bytes > 0) {
      const reports = this.#recent.nextToWrite(WRITE_BYTES_MAX);
      const [first] = reports;
      const last = reports.at(-1);
      if (first === undefined || last === undefined) break;
      try {
        const state = this.#state.json(first.seq);
        await journal.append(reports, { state, with_state: this.#dirty });
      } catch (error) {
        this.#troubles.cannotWrite(error);
        break;
      }
      this.#dirty = false;
      this.#recent.wrote(last.seq);
      this.#syncSoon();
    }
    if (this.#recent.unwritten_bytes === 0) this.#troubles.canWrite();
    this.#boundMemory();
    this.#offered_through = through;
  }

  async #writeState(): Promise<void> {
    const [unwritten] = this.#recent.nextToWrite(0);
    const state = this.#state.json(unwritten?.seq ?? this.#state.next_seq);
    try {
      await this.#journal?.append([], { state, with_state: true });
      this.#dirty = false;
    } catch (error) {
      this.#troubles.cannotWrite(error);
    }
  }

  async #peek(options: PeekOptions): Promise<OutboxBatch | undefined> {
    const after = this.#state.ranges < RANGES_MAX ? options.after : 0;
    const through = this.#offered_through;
    const entries = await this.#reader.read({ ...options, after, through });
    this.#held.clear();
    if (entries.length === 0) return undefined;
    for (const { seq } of entries) this.#held.add(seq);
    return { entries, rest: this.#state.counts().waiting - entries.length };
  }

  async #settle(batch: OutboxBatch, outcome: Outcome): Promise<void> {
    const seqs = batch.entries.map(({ seq }) => seq);
    this.#state.settle(seqs, outcome);
    for (const seq of seqs) this.#recent.delete(seq);
    this.#held.clear();
    const journal = this.#journal;
    if (journal === undefined) return;
    if (this.#dirty) await this.#writeState();
    else this.#dirty = true;
    const { waiting } = this.#state.counts();
    if (waiting === 0) {
      this.#troubles.nothingWaits();
      journal.forgetLoaded();
      if (journal.active !== undefined && isSegmentIdle(journal.active)) {
        await this.#restart(journal);
      }
    }
    await this.#removeSettled(journal);
  }

  async #removeSettled(journal: Journal): Promise<void> {
    const settled = journal.finished.filter(({ span }) => !this.#state.isWaitingIn(span));
    for (const segment of settled) {
      if (this.#dirty) await this.#writeState();
      await this.#remove(journal, segment);
    }
    // on a full disk there may only now be room for it
    if (settled.length > 0 && this.#dirty) await this.#writeState();
  }

  async #restart(journal: Journal): Promise<void> {
    try {
      await journal.restart(this.#state.json(this.#state.next_seq));
      this.#dirty = false;
    } catch (error) {
      this.#troubles.cannotWrite(error);
    }
  }

  async #makeRoom(): Promise<void> {
    const journal = this.#journal;
    if (journal === undefined) return;
    const drops = segmentsToDrop(journal.finished, {
      limits: this.#options,
      bytes: journal.bytes,
      incoming_bytes: this.#recent.unwritten_bytes,
      now_ms: this.#options.clock.now(),
      held: this.#held,
    });
    for (const { segment, reason } of drops) {
      const seqs = this.#state.waitingIn(segment.span);
      const reports = await journal.content(segment).catch(() => undefined);
      const samples = seqs.reduce((sum, seq) => sum + (reports?.get(seq)?.samples ?? 0), 0);
      this.#drop(seqs, reason, samples);
    }
    if (drops.length > 0) await this.#removeSettled(journal);
  }

  async #remove(journal: Journal, segment: Segment): Promise<void> {
    await journal.remove(segment).catch((error) => this.#troubles.cannotWrite(error));
  }

  #drop(seqs: readonly number[], reason: DropReason, samples: number): void {
    if (seqs.length === 0) return;
    this.#state.drop(seqs, reason, samples);
    for (const seq of seqs) this.#recent.delete(seq);
    this.#dirty = true;
    this.#troubles.dropped(seqs.length, reason);
  }

  /** Drops the oldest of what is only in memory, but never the newest report. */
  #boundMemory(): void {
    const bytes_max = Math.min(MEMORY_BYTES_MAX, this.#options.bytes_max);
    if (this.#recent.unwritten_bytes <= bytes_max) return;
    const newest = this.#state.next_seq - 1;
    for (const { seq, samples } of [...this.#recent.unwritten()]) {
      if (this.#recent.unwritten_bytes <= bytes_max || seq === newest) return;
      if (!this.#held.has(seq)) this.#drop([seq], "full", samples);
    }
  }

  #syncSoon(): void {
    if (this.#sync_due || this.#closing.signal.aborted) return;
    this.#sync_due = true;
    void this.#options.clock.sleep(SYNC_MS, this.#closing.signal).then(() => {
      this.#sync_due = false;
      if (this.#closing.signal.aborted || this.#state.counts().waiting === 0) return;
      // beside the row: a slow disk delays nobody
      this.#journal?.sync().catch((error) => this.#troubles.cannotWrite(error));
    });
  }

  #oldestAt(): number | undefined {
    const seq = this.#state.firstWaiting();
    if (seq === undefined) return undefined;
    return this.#recent.get(seq)?.at_ms ?? this.#journal?.oldestAt(seq);
  }
}
