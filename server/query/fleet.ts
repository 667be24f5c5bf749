/**
 * One metric over many hosts, step by step. Hosts count alike, whatever their interval: of each, a
 * step has one value, the average of a gauge or the rate of a counter. `sum` adds these, `avg` is
 * their average and `count` how many hosts there were. `min` and `max` are the smallest and largest
 * of all samples of a gauge, and of the rates of a counter. `p50` to `p99` are percentiles over the
 * hosts' values, exact: between two hosts the line from one to the other is taken, as
 * PostgreSQL's `percentile_cont` does. They are not percentiles of samples.
 *
 * `!` after an index: all arrays have a place for each step.
 */
import type { Grid } from "./grid.ts";

/** The share of hosts whose value is not above it. */
const SHARES = { p50: 0.5, p90: 0.9, p95: 0.95, p99: 0.99 } as const;
export type Percentile = keyof typeof SHARES;

export const AGGREGATES = [
  ...["avg", "sum", "min", "max", "count"] as const,
  ...["p50", "p90", "p95", "p99"] as const,
] as const;
export type Aggregate = typeof AGGREGATES[number];

/** Does it need the value of every host, and not only what they add up to? */
export function isPercentile(aggregate: Aggregate): aggregate is Percentile {
  return aggregate in SHARES;
}

/** Of values in ascending order, at least one. */
function percentileOf(sorted: Float64Array, share: number): number {
  const place = share * (sorted.length - 1);
  const below = Math.floor(place);
  const low = sorted[below]!;
  const high = sorted[Math.min(below + 1, sorted.length - 1)]!;
  // not low + part * (high - low): the difference may be larger than any number
  return low === high ? low : low * (1 - (place - below)) + high * (place - below);
}

export class Fleet {
  readonly #hosts: Float64Array;
  readonly #sum: Float64Array;
  readonly #min: Float64Array;
  readonly #max: Float64Array;
  /** The values of each host, NaN where it has none; kept only for percentiles. */
  readonly #values: Float64Array[] | undefined;

  /** @param keeps_values Percentiles are wanted. */
  constructor(steps: number, keeps_values = false) {
    this.#values = keeps_values ? [] : undefined;
    this.#hosts = new Float64Array(steps);
    this.#sum = new Float64Array(steps);
    this.#min = new Float64Array(steps).fill(Infinity);
    this.#max = new Float64Array(steps).fill(-Infinity);
  }

  /** Adds a host's gauge, or, when rates are given, its counter; NaN is no rate. */
  add(grid: Grid, rates?: Float64Array): void {
    const [hosts, sum, min, max] = [this.#hosts, this.#sum, this.#min, this.#max];
    const own = this.#values === undefined ? undefined : new Float64Array(grid.steps).fill(NaN);
    if (own !== undefined) this.#values?.push(own);
    for (let step = 0; step < grid.steps; step++) {
      if (grid.count[step] === 0) continue;
      const value = rates === undefined ? grid.sum[step]! / grid.count[step]! : rates[step]!;
      if (Number.isNaN(value)) continue;
      const low = rates === undefined ? grid.min[step]! : value;
      const high = rates === undefined ? grid.max[step]! : value;
      hosts[step]!++;
      if (own !== undefined) own[step] = value;
      sum[step]! += value;
      if (low < min[step]!) min[step] = low;
      if (high > max[step]!) max[step] = high;
    }
  }

  /** Adds the hosts of another fleet, over the same steps. */
  join(other: Fleet): void {
    for (const own of other.#values ?? []) this.#values?.push(own);
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
      default:
        return percentileOf(this.#sortedAt(step), SHARES[aggregate]);
    }
  }

  #sortedAt(step: number): Float64Array {
    const values = this.#values;
    if (values === undefined) throw new Error("percentiles of a fleet that keeps no values");
    return Float64Array.from(values, (own) => own[step]!).filter((value) => !Number.isNaN(value))
      .sort();
  }
}
