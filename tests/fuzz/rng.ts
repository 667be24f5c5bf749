/** Chance that can be repeated: everything a campaign does follows from its seed and a number. */

/** A finaliser with good avalanche (MurmurHash3): neighbouring seeds give unrelated streams. */
function scramble(value: number): number {
  let hash = value | 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

export class Rng {
  #state: number;

  /** `stream` distinguishes the inputs of one campaign. */
  constructor(seed: number, stream = 0) {
    this.#state = scramble(seed ^ Math.imul(scramble(stream + 1), 0x9e3779b1));
  }

  /** A whole number from 0 to 2^32 - 1 (mulberry32). */
  u32(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  }

  /** From 0, below `end`. */
  below(end: number): number {
    return Math.floor(this.u32() / 2 ** 32 * end);
  }

  /** From `least` to `most`. */
  int(least: number, most: number): number {
    return least + this.below(most - least + 1);
  }

  chance(share: number): boolean {
    return this.u32() / 2 ** 32 < share;
  }

  pick<T>(list: readonly T[]): T {
    const one = list[this.below(list.length)];
    if (one === undefined) throw new RangeError("BUG: nothing to pick from");
    return one;
  }

  /** `least` to `most` of what `make` makes; few are more likely than many. */
  list<T>(least: number, most: number, make: (index: number) => T): T[] {
    const span = this.chance(0.8) ? Math.min(most, least + 4) : most;
    return Array.from({ length: this.int(least, span) }, (_, index) => make(index));
  }
}
