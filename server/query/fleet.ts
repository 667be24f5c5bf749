/**
 * One metric over many hosts, step by step. Hosts count alike, whatever their interval: of each, a
 * step has one value, the average of a gauge or the rate of a counter. `sum` adds these, `avg` is
 * their average and `count` how many hosts there were. `min` and `max` are the smallest and largest
 * of all samples of a gauge, and of the rates of a counter.
 *
 * `!` after an index: all arrays have a place for each step.
 */
import type { Grid } from "./grid.ts";

export const AGGREGATES = ["avg", "sum", "min", "max", "count"] as const;
export type Aggregate = typeof AGGREGATES[number];

export class Fleet {
  readonly #hosts: Float64Array;
  readonly #sum: Float64Array;
  readonly #min: Float64Array;
  readonly #max: Float64Array;

  constructor(steps: number) {
    this.#hosts = new Float64Array(steps);
    this.#sum = new Float64Array(steps);
    this.#min = new Float64Array(steps).fill(Infinity);
    this.#max = new Float64Array(steps).fill(-Infinity);
  }

  /** Adds a host's gauge, or, when rates are given, its counter; NaN is no rate. */
  add(grid: Grid, rates?: Float64Array): void {
    const [hosts, sum, min, max] = [this.#hosts, this.#sum, this.#min, this.#max];
    for (let step = 0; step < grid.steps; step++) {
      if (grid.count[step] === 0) continue;
      const value = rates === undefined ? grid.sum[step]! / grid.count[step]! : rates[step]!;
      if (Number.isNaN(value)) continue;
      const low = rates === undefined ? grid.min[step]! : value;
      const high = rates === undefined ? grid.max[step]! : value;
      hosts[step]!++;
      sum[step]! += value;
      if (low < min[step]!) min[step] = low;
      if (high > max[step]!) max[step] = high;
    }
  }

  /** Adds the hosts of another fleet, over the same steps. */
  join(other: Fleet): void {
    for (let step = 0; step < this.#hosts.length; step++) {
      this.#hosts[step]! += other.#hosts[step]!;
      this.#sum[step]! += other.#sum[step]!;
      this.#min[step] = Math.min(this.#min[step]!, other.#min[step]!);
      this.#max[step] = Math.max(this.#max[step]!, other.#max[step]!);
    }
  }

  /** The value of a step, or undefined where no host had one. */
  valueAt(step: number, aggregate: Aggregate): number | undefined {
    const hosts = this.#hosts[step]!;
    if (hosts === 0) return undefined;
    switch (aggregate) {
      case "avg":
        return this.#sum[step]! / hosts;
      case "sum":
        return this.#sum[step]!;
      case "min":
        return this.#min[step]!;
      case "max":
        return this.#max[step]!;
      case "count":
        return hosts;
    }
  }
}
