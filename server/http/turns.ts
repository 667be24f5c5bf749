/**
 * Shares the one thread: large bodies are worked on for some milliseconds, then whatever else has come
 * meanwhile is looked at. Without it, a hundred bodies that have been unpacked at the same moment make
 * everybody wait until the last of them is read, and a sender that is refused waits with them.
 */
import { setImmediate } from "node:timers";

/**
 * So long in one turn. A single body of a hundred reports takes a millisecond, one of the largest size a
 * third of a second. Longer turns (10 ms) starve the COPYs: what does not fit into the buffer of their
 * sockets goes on once a turn.
 */
const TURN_MS = 2;

export class Turns {
  readonly #monotonic: () => number;
  readonly #waiting: (() => void)[] = [];
  /** When the work of this turn began; undefined between turns. */
  #began_ms: number | undefined;

  constructor(monotonic: () => number) {
    this.#monotonic = monotonic;
  }

  /** Does the work, which begins at once or in a later turn; in the order of the calls. */
  run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#waiting.length === 0 && this.#hasTime()) return work();
    return new Promise((resolve, reject) => {
      this.#waiting.push(() => void work().then(resolve, reject));
    });
  }

  #hasTime(): boolean {
    if (this.#began_ms === undefined) {
      this.#began_ms = this.#monotonic();
      setImmediate(() => this.#next());
      return true;
    }
    return this.#monotonic() - this.#began_ms < TURN_MS;
  }

  #next(): void {
    this.#began_ms = undefined;
    while (this.#waiting.length > 0 && this.#hasTime()) this.#waiting.shift()?.();
  }
}
