/**
 * The newest samples of one series, as far back as a rule looks, and what is derived from them.
 *
 * Samples closer together than `spacing_ms` replace each other's place: a window of a day need not
 * hold every ten seconds. The newest is always there. Increases are found between the samples that
 * were pushed, not between those kept, so a reset in between is not lost.
 *
 * `!` after an index: loops run over the arrays' own lengths.
 */

/** Samples kept of one series, at most; 16 bytes each, and a number for its increase. */
export const WINDOW_SAMPLES_MAX = 512;

export class Window {
  readonly #over_ms: number;
  readonly #spacing_ms: number;
  #times_ms: number[] = [];
  #values: number[] = [];
  /** Of a counter: its increase since the very first sample. */
  #totals: number[] = [];
  #total = 0;
  #last: number | undefined;
  /** What was there before the first pushed sample has been read. */
  is_filled = false;

  constructor(over_ms: number, samples_max = WINDOW_SAMPLES_MAX) {
    this.#over_ms = over_ms;
    this.#spacing_ms = over_ms / (samples_max / 2);
  }

  get size(): number {
    return this.#times_ms.length;
  }

  get newest_ms(): number {
    return this.#times_ms.at(-1) ?? -Infinity;
  }

  /** Adds a sample; one that is not newer than the newest is ignored. */
  push(at_ms: number, value: number): void {
    const times_ms = this.#times_ms;
    if (at_ms <= this.newest_ms) return;
    if (this.#last !== undefined) {
      // below the value before: it began anew at 0
      this.#total += value < this.#last ? value : value - this.#last;
    }
    this.#last = value;
    const before_ms = times_ms.at(-2);
    if (before_ms !== undefined && at_ms - before_ms < this.#spacing_ms) {
      times_ms.pop();
      this.#values.pop();
      this.#totals.pop();
    }
    times_ms.push(at_ms);
    this.#values.push(value);
    this.#totals.push(this.#total);
    // the newest of those that are too old is the base of what is derived
    let old = 0;
    while (old + 1 < times_ms.length && times_ms[old + 1]! <= at_ms - this.#over_ms) old++;
    if (old > 0) {
      times_ms.splice(0, old);
      this.#values.splice(0, old);
      this.#totals.splice(0, old);
    }
  }

  /** Puts older samples before those that are there. */
  fill(times_ms: ArrayLike<number>, values: ArrayLike<number>): void {
    this.is_filled = true;
    const own = this.#times_ms.map((at_ms, i) => [at_ms, this.#values[i]!] as const);
    const first_ms = own[0]?.[0] ?? Infinity;
    [this.#times_ms, this.#values, this.#totals] = [[], [], []];
    [this.#total, this.#last] = [0, undefined];
    for (let i = 0; i < times_ms.length; i++) {
      if (times_ms[i]! < first_ms) this.push(times_ms[i]!, values[i]!);
    }
    for (const [at_ms, value] of own) this.push(at_ms, value);
  }

  /** A clock was set, by so much: the samples go along. */
  shift(by_ms: number): void {
    this.#times_ms = this.#times_ms.map((at_ms) => at_ms + by_ms);
  }

  /** The newest value less the one `over_ms` ago, or the oldest there is; undefined with one sample. */
  change(): number | undefined {
    if (this.size < 2) return undefined;
    return this.#values.at(-1)! - this.#values[0]!;
  }

  /** Increase of a counter, resets corrected; undefined with one sample. */
  increase(): number | undefined {
    if (this.size < 2) return undefined;
    return this.#totals.at(-1)! - this.#totals[0]!;
  }

  /** Increase a second; undefined with one sample. */
  rate(): number | undefined {
    const increase = this.increase();
    return increase === undefined
      ? undefined
      : increase / (this.newest_ms - this.#times_ms[0]!) * 1000;
  }

  /** Of the samples within the window. */
  mean(): number | undefined {
    if (this.size === 0) return undefined;
    const inside = this.#values.filter((_, i) =>
      this.#times_ms[i]! > this.newest_ms - this.#over_ms
    );
    return inside.reduce((sum, value) => sum + value, 0) / inside.length;
  }

  samples(): { times_ms: readonly number[]; values: readonly number[] } {
    return { times_ms: this.#times_ms, values: this.#values };
  }
}
