/**
 * A set of sequence numbers, kept as disjoint ranges in ascending order. Reports are settled mostly
 * one after the other, so that a set of millions is a handful of ranges.
 */

export type SeqRange = readonly [first: number, last: number];

export class SeqRanges {
  #ranges: [number, number][];
  #count = 0;

  /** Takes ranges in any order; those that overlap or touch become one. */
  constructor(ranges: Iterable<SeqRange> = []) {
    this.#ranges = [];
    for (const [first, last] of ranges) this.add(first, last);
  }

  /** How many numbers are in the set. */
  get count(): number {
    return this.#count;
  }

  get ranges(): readonly SeqRange[] {
    return this.#ranges;
  }

  has(seq: number): boolean {
    return this.firstMissing(seq) !== seq;
  }

  /** Puts `first` to `last` into the set; returns how many of them were not in it. */
  add(first: number, last = first): number {
    if (last < first) return 0;
    const before = this.#ranges.filter((range) => range[1] < first - 1);
    const after = this.#ranges.filter((range) => range[0] > last + 1);
    const joined = this.#ranges.slice(before.length, this.#ranges.length - after.length);
    const merged: [number, number] = [
      Math.min(first, joined[0]?.[0] ?? first),
      Math.max(last, joined.at(-1)?.[1] ?? last),
    ];
    const had = joined.reduce((sum, range) => sum + sizeOf(range), 0);
    this.#ranges = [...before, merged, ...after];
    this.#count += sizeOf(merged) - had;
    return sizeOf(merged) - had;
  }

  /** The smallest number from `from` on that is not in the set. */
  firstMissing(from: number): number {
    // from the end: what is asked for is nearly always at or behind the last range
    for (let at = this.#ranges.length - 1; at >= 0; at--) {
      const range = this.#ranges[at];
      if (range === undefined || range[1] < from) return from;
      if (range[0] <= from) return range[1] + 1;
    }
    return from;
  }

  /** Numbers from `first` to `last` that are not in the set. */
  *missing(first: number, last: number): Generator<number> {
    let seq = this.firstMissing(first);
    while (seq <= last) {
      yield seq;
      seq = this.firstMissing(seq + 1);
    }
  }
}

function sizeOf([first, last]: SeqRange): number {
  return last - first + 1;
}
