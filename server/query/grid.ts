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
import type { Scratch } from "../../db/codec/scratch.ts";
import { firstFrom, type Samples } from "./samples.ts";

/** Rollups of one series. A row whose count is 0 was replaced by another. */
export interface Rows {
  buckets: Buckets;
  rollup: Rollup;
}

/**
 * What of a step is wanted: its count and sum alone, also the extremes, or everything. Over thousands
 * of series it matters.
 */
export type Detail = "average" | "extremes" | "all";

export class Grid {
  readonly detail: Detail;
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

  /**
   * @param from_ms When the first step begins.
   * @param scratch Where its arrays may lie; otherwise they get memory of their own.
   */
  constructor(
    from_ms: number,
    step_ms: number,
    steps: number,
    detail: Detail = "all",
    scratch?: Scratch,
  ) {
    this.detail = detail;
    this.from_ms = from_ms;
    this.step_ms = step_ms;
    this.steps = steps;
    const zeros = () => scratch?.take(steps).fill(0) ?? new Float64Array(steps);
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
    const { from_ms, step_ms, steps } = this;
    for (let start = firstFrom(times_ms, from_ms); start < times_ms.length;) {
      const step = Math.floor((times_ms[start]! - from_ms) / step_ms);
      if (step >= steps) return;
      const before_ms = from_ms + (step + 1) * step_ms;
      let end = start + 1;
      while (end < times_ms.length && times_ms[end]! < before_ms) end++;
      if (this.count[step] === 0) this.#begin(step, times_ms[start]!, values[start]!);
      else this.#addSample(step, times_ms[start]!, values[start]!);
      if (this.detail === "average") this.#addSum(step, values, start + 1, end);
      else for (let i = start + 1; i < end; i++) this.#addSample(step, times_ms[i]!, values[i]!);
      start = end;
    }
  }

  #addSum(step: number, values: Float64Array, start: number, end: number): void {
    let sum = this.sum[step]!;
    for (let i = start; i < end; i++) sum += values[i]!;
    this.sum[step] = sum;
    this.count[step]! += end - start;
  }

  #addSample(step: number, at_ms: number, value: number): void {
    this.count[step]!++;
    this.sum[step]! += value;
    if (value < this.min[step]!) this.min[step] = value;
    if (value > this.max[step]!) this.max[step] = value;
    if (value < this.last[step]!) this.lost[step]! += this.last[step]!;
    this.last[step] = value;
    this.last_ms[step] = at_ms;
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
    const { rollup, buckets: { start_ms, count } } = rows;
    if (this.detail === "all" || rollup.sum === undefined) {
      for (let row = 0; row < start_ms.length; row++) this.addRow(rows, row);
      return;
    }
    const { sum } = rollup;
    const extremes = this.detail === "extremes" ? { min: rollup.min, max: rollup.max } : undefined;
    for (let row = 0; row < start_ms.length; row++) {
      const step = Math.floor((start_ms[row]! - this.from_ms) / this.step_ms);
      const added = count[row]!;
      if (step < 0 || step >= this.steps || added === 0) continue;
      const isFirst = this.count[step] === 0;
      this.sum[step] = isFirst ? sum[row]! : this.sum[step]! + sum[row]!;
      this.count[step]! += added;
      if (extremes === undefined) continue;
      const [min, max] = [extremes.min[row]!, extremes.max[row]!];
      if (isFirst || min < this.min[step]!) this.min[step] = min;
      if (isFirst || max > this.max[step]!) this.max[step] = max;
    }
  }

  /** Adds one row in all detail. Rows of counters come in the order of time. */
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

  /** All steps as rollups, in the grid's own arrays; those without samples have a count of 0. */
  toRows(): Rows {
    const { first, last, min, max, sum, lost, count, first_ms, last_ms } = this;
    const start_ms = new Float64Array(this.steps);
    for (let step = 0; step < start_ms.length; step++) start_ms[step] = this.startOf(step);
    return {
      buckets: { start_ms, count, first_ms, last_ms },
      rollup: { first, last, min, max, sum, lost },
    };
  }
}
