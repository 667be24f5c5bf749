/**
 * Memory that is used again for columns that are needed for a moment only. An answer about all hosts
 * decodes seven thousand columns, and making and collecting an array for each took a fifth of its time.
 */

/** Half a megabyte: a week of ten-second samples. What does not fit gets arrays of its own. */
const PLACES = 65_536;

export class Scratch {
  #all: Float64Array | undefined;
  #used = 0;

  /** `count` numbers, whatever they are; valid until `reset()`. */
  take(count: number): Float64Array {
    if (this.#used + count > PLACES) return new Float64Array(count);
    this.#all ??= new Float64Array(PLACES);
    const start = this.#used;
    this.#used += count;
    return this.#all.subarray(start, this.#used);
  }

  /** Everything that was taken may be overwritten from now on. */
  reset(): void {
    this.#used = 0;
  }
}
