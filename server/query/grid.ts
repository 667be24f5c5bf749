/**
 * One series in equal steps of time: what samples, or rollups of them, add up to in each step. A step
 * with no sample has a count of 0 and nothing else that means anything.
 *
 * Counters. As in rollups (db/codec/rollup.ts), `lost` is the sum of the values just before resets
 * inside a step, so that its increase is last - first + lost. Two rollups of one step add up by where
 * they lie in time: one after the other there may be a reset on the border; two that overlap are one
 * counter seen in reports of two shapes, and both have seen its resets.
 *
 * Sums are those of doubles in the order of time, not the exact ones that blocks keep: an average
 * may differ from theirs in its sixteenth digit.
 *
 * `!` after an index: indexes are checked to lie in the grid.
 */
import type { Buckets } from "../../db/codec/buckets.ts";
import type { Rollup } from "../../db/codec/rollup.ts";
import type { Samples } from "./samples.ts";

/** Rollups of one series. A row whose count is 0 was replaced by another. */
export interface Rows {
  buckets: Buckets;
  rollup: Rollup;
}

export class Grid {
  readonly from_ms: number;
  readonly step_ms: number;
  readonly steps: number;
  readonly count: Float64Array;
  readonly sum: Float64Array;
  readonly min: Float64Array;
  readonly max: Float64Array;
  readonly first: Float64Array;
  readonly last: Float64Array;
  readonly first_ms: Float64Array;
  readonly last_ms: Float64Array;
  readonly lost: Float64Array;

  /** @param from_ms When the first step begins. */
  constructor(from_ms: number, step_ms: number, steps: number) {
    this.from_ms = from_ms;
    this.step_ms = step_ms;
    this.steps = steps;
    const zeros = () => new Float64Array(steps);
    this.count = zeros();
    this.sum = zeros();
    this.min = zeros();
    this.max = zeros();
    this.first = zeros();
    this.last = zeros();
    this.first_ms = zeros();
    this.last_ms = zeros();
    this.lost = zeros();
  }

  /** Empties all steps. */
  clear(): void {
    this.count.fill(0);
  }

  startOf(step: number): number {
    return this.from_ms + step * this.step_ms;
  }

  /** Adds samples in the order of time; those outside of the grid are ignored. */
  addSamples({ times_ms, values }: Samples): void {
    const { from_ms, step_ms, steps, count, sum, min, max, last, last_ms, lost } = this;
    for (let i = 0; i < times_ms.length; i++) {
      const at_ms = times_ms[i]!;
      const value = values[i]!;
      const step = Math.floor((at_ms - from_ms) / step_ms);
      if (step < 0 || step >= steps) continue;
      if (count[step] === 0) {
        this.#begin(step, at_ms, value);
        continue;
      }
      count[step]!++;
      sum[step]! += value;
      if (value < min[step]!) min[step] = value;
      if (value > max[step]!) max[step] = value;
      if (value < last[step]!) lost[step]! += last[step]!;
      last[step] = value;
      last_ms[step] = at_ms;
    }
  }

  #begin(step: number, at_ms: number, value: number): void {
    this.count[step] = 1;
    this.sum[step] = value;
    this.min[step] = value;
    this.max[step] = value;
    this.first[step] = value;
    this.last[step] = value;
    this.first_ms[step] = at_ms;
    this.last_ms[step] = at_ms;
    this.lost[step] = 0;
  }

  /** Adds all rows whose bucket begins in the grid. */
  addRows(rows: Rows): void {
    for (let row = 0; row < rows.buckets.start_ms.length; row++) this.addRow(rows, row);
  }

  addRow({ buckets, rollup }: Rows, row: number): void {
    const step = Math.floor((buckets.start_ms[row]! - this.from_ms) / this.step_ms);
    const added = buckets.count[row]!;
    if (step < 0 || step >= this.steps || added === 0) return;
    // a rollup from when the metric was a counter has no sum: its middle is the best there is
    const sum = rollup.sum?.[row] ?? (rollup.first[row]! + rollup.last[row]!) / 2 * added;
    const lost = rollup.lost?.[row] ?? 0;
    const first_ms = buckets.first_ms[row]!;
    const last_ms = buckets.last_ms[row]!;
    if (this.count[step] === 0) {
      this.#begin(step, first_ms, rollup.first[row]!);
      this.sum[step] = sum;
      this.lost[step] = lost;
      this.min[step] = rollup.min[row]!;
      this.max[step] = rollup.max[row]!;
      this.last[step] = rollup.last[row]!;
      this.last_ms[step] = last_ms;
      this.count[step] = added;
      return;
    }
    this.#addLost(step, {
      first_ms,
      last_ms,
      first: rollup.first[row]!,
      last: rollup.last[row]!,
      lost,
    });
    this.count[step]! += added;
    this.sum[step]! += sum;
    this.min[step] = Math.min(this.min[step]!, rollup.min[row]!);
    this.max[step] = Math.max(this.max[step]!, rollup.max[row]!);
    if (first_ms < this.first_ms[step]!) {
      this.first[step] = rollup.first[row]!;
      this.first_ms[step] = first_ms;
    }
    if (last_ms > this.last_ms[step]!) {
      this.last[step] = rollup.last[row]!;
      this.last_ms[step] = last_ms;
    }
  }

  #addLost(
    step: number,
    row: { first_ms: number; last_ms: number; first: number; last: number; lost: number },
  ): void {
    const before = this.lost[step]!;
    if (row.first_ms > this.last_ms[step]!) {
      const border = row.first < this.last[step]! ? this.last[step]! : 0;
      this.lost[step] = before + row.lost + border;
    } else if (row.last_ms < this.first_ms[step]!) {
      const border = this.first[step]! < row.last ? row.last : 0;
      this.lost[step] = before + row.lost + border;
    } else this.lost[step] = Math.max(before, row.lost);
  }

  /** The steps with samples, as rollups. */
  toRows(): Rows {
    const kept = Array.from(this.count.keys()).filter((step) => this.count[step] !== 0);
    const pick = (values: Float64Array) => Float64Array.from(kept, (step) => values[step]!);
    return {
      buckets: {
        start_ms: Float64Array.from(kept, (step) => this.startOf(step)),
        count: pick(this.count),
        first_ms: pick(this.first_ms),
        last_ms: pick(this.last_ms),
      },
      rollup: {
        first: pick(this.first),
        last: pick(this.last),
        min: pick(this.min),
        max: pick(this.max),
        sum: pick(this.sum),
        lost: pick(this.lost),
      },
    };
  }
}
