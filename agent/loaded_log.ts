/** What an operator is told about collectors when they are loaded, and when something about them changes. */
import type { Logger } from "../log.ts";
import { escapesSandbox } from "./approvals.ts";
import {
  type Collector,
  isIdle,
  type LoadedCollectors,
  type RejectedScript,
} from "./collectors.ts";
import { permissionsText } from "./permissions.ts";

export class LoadedLog {
  readonly #log: Logger;
  #collectors: ReadonlyMap<string, Collector> | undefined;
  /** What was told and is still so. */
  #told = new Set<string>();

  constructor(log: Logger) {
    this.#log = log;
  }

  /** Tells what is new since the last time; the first time only what is wrong. */
  tell({ collectors, rejected, problems }: Omit<LoadedCollectors, "restarted">): void {
    const telling = new Set<string>();
    const once = (key: string, say: () => void) => {
      if (!this.#told.has(key)) say();
      telling.add(key);
    };
    for (const problem of problems) once(problem, () => this.#log.error(problem));
    for (const script of rejected) {
      once(JSON.stringify(script), () => this.#reject(script));
    }
    for (const { name, origin, permissions } of collectors) {
      if (origin !== "user" || !escapesSandbox(permissions)) continue;
      const may = permissionsText(permissions);
      once(`${name} ${may}`, () => {
        this.#log.info("Collector is trusted: it escapes the sandbox", { script: name, may });
      });
    }
    this.#changes(collectors);
    this.#told = telling;
  }

  #reject({ name, file, state, reason, goes_on }: RejectedScript): void {
    const fields = { script: name, file, reason };
    if (isIdle(state)) this.#log.debug("Collector is not needed", { script: name, reason });
    else if (goes_on) this.#log.warn("Collector goes on as it was; its file cannot be run", fields);
    else this.#log.warn("Collector is not run", fields);
  }

  #changes(collectors: readonly Collector[]): void {
    const before = this.#collectors;
    const now = new Map(collectors.map((collector) => [collector.name, collector]));
    this.#collectors = now;
    if (before === undefined) return;
    for (const [script, collector] of now) {
      if (!before.has(script)) this.#log.info("Collector is new", { script });
      else if (before.get(script) !== collector) {
        this.#log.info("Collector has changed", { script });
      }
    }
    for (const script of before.keys()) {
      if (!now.has(script)) this.#log.info("Collector is no more", { script });
    }
  }
}
