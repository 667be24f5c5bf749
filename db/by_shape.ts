/** What follows from the names of a shape's metrics. A shape never changes: it is worked out once. */
import type { Sql } from "./connect.ts";
import { selectShapeNames } from "./shapes.ts";

export class ByShape<T> {
  readonly #sql: Sql;
  readonly #derive: (names: readonly string[]) => T;
  readonly #known = new Map<number, T>();

  /** `derive` is given the names in the order of the shape's values. */
  constructor(sql: Sql, derive: (names: readonly string[]) => T) {
    this.#sql = sql;
    this.#derive = derive;
  }

  /** Undefined until it was learnt, and where no such shape exists. */
  get(shape_id: number): T | undefined {
    return this.#known.get(shape_id);
  }

  /**
   * Reads the names of those that are not known. `wanted` is asked again after each reading, until it
   * says nothing new: reports of other shapes may have come meanwhile, and whoever goes on at once when
   * this resolves finds all of them.
   */
  async learn(wanted: () => Iterable<number>): Promise<void> {
    for (let ids = this.#missing(wanted()); ids.length > 0; ids = this.#missing(wanted())) {
      const found = await selectShapeNames(this.#sql, ids);
      for (const [id, names] of found) this.#known.set(id, this.#derive(names));
      // what was asked for in vain would be in vain again
      if (found.size === 0) return;
    }
  }

  #missing(wanted: Iterable<number>): number[] {
    const missing = new Set<number>();
    for (const id of wanted) if (!this.#known.has(id)) missing.add(id);
    return [...missing];
  }
}
