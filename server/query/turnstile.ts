/**
 * Lets a few in at a time; the others wait in the order they came, but not too many of them. For
 * questions that keep a connection busy for long, so that one is left for the short ones.
 */
import { requireWanted } from "../../db/cancel.ts";

/** So many wait already that it is no use to wait, too. */
export class CrowdedError extends Error {
  override name = "CrowdedError";
  constructor(message: string, readonly retry_after_s = 5) {
    super(message);
  }
}

export class Turnstile {
  readonly #waiting = new Set<() => void>();
  readonly #limits: { questions_waiting_max: number };
  #free: number;

  /** @param limits Read each time: they may change. */
  constructor(places: number, limits: { questions_waiting_max: number }) {
    this.#free = places;
    this.#limits = limits;
  }

  /** How many wait. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /**
   * Waits for a place; give it back by disposing of what it returns.
   *
   * @throws CrowdedError when too many wait, GivenUpError when `signal` is aborted meanwhile
   */
  async enter(signal?: AbortSignal): Promise<Disposable> {
    if (this.#free > 0) this.#free--;
    else await this.#wait(signal);
    return { [Symbol.dispose]: () => this.#leave() };
  }

  async #wait(signal: AbortSignal | undefined): Promise<void> {
    if (this.#waiting.size >= this.#limits.questions_waiting_max) {
      throw new CrowdedError(
        `Cannot answer just now: ${this.#waiting.size} large questions wait already ` +
          "(limits.questions_waiting_max); ask again later, or for less",
      );
    }
    await new Promise<void>((resolve, reject) => {
      const enter = () => {
        signal?.removeEventListener("abort", leave);
        resolve();
      };
      const leave = () => {
        this.#waiting.delete(enter);
        try {
          requireWanted(signal);
        } catch (error) {
          reject(error);
        }
      };
      this.#waiting.add(enter);
      signal?.addEventListener("abort", leave, { once: true });
    });
  }

  #leave(): void {
    const [next] = this.#waiting;
    if (next === undefined) this.#free++;
    else {
      this.#waiting.delete(next);
      next();
    }
  }
}
