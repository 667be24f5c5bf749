/**
 * What has become of the reports of a spool: which numbers are settled, and how. Every report gets
 * the next number, and each number ends in exactly one counter, so that at any time
 *
 *   collected = stored + duplicate + refused + dropped + waiting
 *
 * The state is written between the reports, whole every time: the last one that can be read counts,
 * and an older one only means that some reports are sent again. Pure.
 */
import { z } from "zod";
import { SeqRanges } from "./ranges.ts";

/** Why a report was given up: the spool was full, it was too old, its bytes could not be read. */
export const DROP_REASONS = ["full", "age", "damaged"] as const;
export type DropReason = typeof DROP_REASONS[number];

/** What the server did with the reports of a request, and samples in those it has. */
export interface Outcome {
  stored: number;
  duplicate: number;
  refused: number;
  samples: number;
}

export interface SpoolCounts extends Outcome {
  collected: number;
  waiting: number;
  dropped: Record<DropReason, number>;
  /** Samples in reports that were dropped and could still be read. */
  samples_dropped: number;
}

const whole = z.int().min(0);
const stateSchema = z.object({
  /** The number before the first report that this state knows of. */
  base: whole,
  /** The number of the report that follows this state in the file. */
  next: whole,
  settled: z.array(z.tuple([whole, whole])),
  stored: whole,
  duplicate: whole,
  refused: whole,
  samples: whole,
  dropped: z.object({ full: whole, age: whole, damaged: whole }),
  samples_dropped: whole,
});

export class SpoolState {
  #base = 0;
  #next = 1;
  #settled = new SeqRanges();
  #outcome: Outcome = { stored: 0, duplicate: 0, refused: 0, samples: 0 };
  #dropped: Record<DropReason, number> = { full: 0, age: 0, damaged: 0 };
  #samples_dropped = 0;

  /** A state that was written; undefined when it is none. */
  static parse(json: string): SpoolState | undefined {
    let value: unknown;
    try {
      value = JSON.parse(json);
    } catch {
      // its checksum was right, so a program wrote this: not ours
      return undefined;
    }
    const parsed = stateSchema.safeParse(value);
    if (!parsed.success) return undefined;
    const { base, next, settled, dropped, samples_dropped, ...outcome } = parsed.data;
    const state = new SpoolState();
    state.#base = base;
    state.#next = next;
    state.#settled = new SeqRanges(settled);
    // reports that were only in memory may be settled before older ones are written
    state.reach(state.#settled.ranges.at(-1)?.[1] ?? 0);
    state.#outcome = outcome;
    state.#dropped = dropped;
    state.#samples_dropped = samples_dropped;
    return state;
  }

  /** A state that knows nothing of what was before report `first`. */
  static from(first: number): SpoolState {
    const state = new SpoolState();
    state.#base = first - 1;
    state.#next = first;
    return state;
  }

  /** The number of the report that comes next. */
  get next_seq(): number {
    return this.#next;
  }

  /** Separate ranges of settled reports: 1 when they were settled in order. */
  get ranges(): number {
    return this.#settled.ranges.length;
  }

  /** The number for a new report. */
  take(): number {
    return this.#next++;
  }

  /** Reports up to `seq` are known to exist. */
  reach(seq: number): void {
    this.#next = Math.max(this.#next, seq + 1);
  }

  /** The oldest waiting report behind `after`. */
  firstWaiting(after = 0): number | undefined {
    const seq = this.#settled.firstMissing(Math.max(after, this.#base) + 1);
    return seq < this.#next ? seq : undefined;
  }

  /** All that wait from `first` to `last`. */
  waitingWithin(first: number, last: number): number[] {
    const begin = Math.max(first, this.#base + 1);
    return [...this.#settled.missing(begin, Math.min(last, this.#next - 1))];
  }

  /** All that wait of a segment. */
  waitingIn(span: { first_seq: number; last_seq: number } | undefined): number[] {
    return span === undefined ? [] : this.waitingWithin(span.first_seq, span.last_seq);
  }

  isWaitingIn(span: { first_seq: number; last_seq: number } | undefined): boolean {
    return span !== undefined &&
      (this.firstWaiting(span.first_seq - 1) ?? Infinity) <= span.last_seq;
  }

  /** The server has answered for these. */
  settle(seqs: readonly number[], outcome: Outcome): void {
    for (const seq of seqs) this.#settled.add(seq);
    this.#outcome = {
      stored: this.#outcome.stored + outcome.stored,
      duplicate: this.#outcome.duplicate + outcome.duplicate,
      refused: this.#outcome.refused + outcome.refused,
      samples: this.#outcome.samples + outcome.samples,
    };
  }

  /** These are given up. */
  drop(seqs: readonly number[], reason: DropReason, samples: number): void {
    for (const seq of seqs) this.#dropped[reason] += this.#settled.add(seq);
    this.#samples_dropped += samples;
  }

  counts(): SpoolCounts {
    const collected = this.#next - 1 - this.#base;
    return {
      ...this.#outcome,
      collected,
      waiting: collected - this.#settled.count,
      dropped: { ...this.#dropped },
      samples_dropped: this.#samples_dropped,
    };
  }

  /** As it is written before report `next`. */
  json(next: number): string {
    const state: z.input<typeof stateSchema> = {
      base: this.#base,
      next,
      settled: this.#settled.ranges.map(([first, last]) => [first, last]),
      ...this.#outcome,
      dropped: this.#dropped,
      samples_dropped: this.#samples_dropped,
    };
    return JSON.stringify(state);
  }
}
