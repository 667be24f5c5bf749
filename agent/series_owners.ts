/**
 * Which collector makes which series. Scripts cannot get into each other's way, since their names are
 * in front of their series; what a command prints or an exporter shows has the names its author gave
 * it, and every exporter counts its own `go_goroutines`. Two values for one series at one time would
 * be a lie about both, so a series belongs to the collector that made it first, and the others' is
 * left out and told.
 */
import type { Series, SeriesValue } from "./collected.ts";

/** Names that come and go must not fill the memory: then everything is claimed anew. */
const SERIES_MAX = 200_000;
/** What the agent says about itself is nobody else's. */
const AGENTS_OWN = "monitor_agent_";

export class SeriesOwners {
  #owners = new Map<string, string>();

  /** Splits what a collector made into what is its own, and names that belong to others. */
  claim(collector: string, series: Series): { kept: Series; taken: string[] } {
    const taken: string[] = [];
    for (const name of series.keys()) {
      const owner = name.startsWith(AGENTS_OWN) ? "" : this.#owners.get(name);
      if (owner === collector) continue;
      if (owner !== undefined) taken.push(name);
      else {
        if (this.#owners.size >= SERIES_MAX) this.#owners.clear();
        this.#owners.set(name, collector);
      }
    }
    if (taken.length === 0) return { kept: series, taken };
    const kept = new Map<string, SeriesValue>(series);
    for (const name of taken) kept.delete(name);
    return { kept, taken };
  }

  /** Who made a series first. */
  ownerOf(series: string): string {
    return this.#owners.get(series) ?? "the agent";
  }

  /** The collector is no more: its series are free. */
  release(collector: string): void {
    for (const [name, owner] of this.#owners) if (owner === collector) this.#owners.delete(name);
  }
}

/** The sentence about series that were left out, for the person who can give them other names. */
export function takenText(taken: readonly string[], owner: string): string {
  const count = taken.length === 1 ? "a series is" : `${taken.length} series are`;
  return `${count} left out because "${owner}" makes the same, such as ${taken[0]}; ` +
    "give one of the two a prefix or labels";
}
