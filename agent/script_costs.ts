/** What each collector costs, added up: time, and bytes of its values in reports. */
import type { Series, SeriesValue } from "./collected.ts";

export interface ScriptCost {
  runs: number;
  /** From start to end; waiting for others is part of it. */
  ms: number;
  bytes: number;
}

export class ScriptCosts {
  readonly #costs = new Map<string, ScriptCost>();

  /** A run has ended. */
  note(script: string, run: { ms: number; series: Series }): void {
    const cost = this.#costs.get(script) ?? { runs: 0, ms: 0, bytes: 0 };
    this.#costs.set(script, cost);
    cost.runs += 1;
    cost.ms += run.ms;
    for (const [name, value] of run.series) cost.bytes += textBytes(name, value);
  }

  /** The collector is no more. */
  forget(script: string): void {
    this.#costs.delete(script);
  }

  all(): ReadonlyMap<string, ScriptCost> {
    return this.#costs;
  }
}

/** Of `"name":value,` in a report; names are hardly ever other than ASCII. */
function textBytes(name: string, value: SeriesValue): number {
  const text = typeof value === "object" ? JSON.stringify(value) : String(value);
  return name.length + text.length + 4;
}
