/** A clock that stands still until a test moves it. */
import type { Clock } from "../../clock.ts";

interface Sleeper {
  wakes_at_ms: number;
  wake: () => void;
}

/** Lets everything run that waits for nothing but other code (not for sockets, files, a database). */
function settle(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

export class FakeClock implements Clock {
  #now_ms: number;
  #monotonic_ms = 0;
  readonly #sleepers = new Set<Sleeper>();

  /** Starts on a Wednesday, so that nothing depends on today's date. */
  constructor(now_ms = Date.UTC(2025, 0, 15, 12, 0, 0)) {
    this.#now_ms = now_ms;
  }

  now(): number {
    return this.#now_ms;
  }

  monotonic(): number {
    return this.#monotonic_ms;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (ms <= 0 || signal?.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = () => {
        this.#sleepers.delete(sleeper);
        signal?.removeEventListener("abort", wake);
        resolve();
      };
      const sleeper: Sleeper = { wakes_at_ms: this.#monotonic_ms + ms, wake };
      this.#sleepers.add(sleeper);
      signal?.addEventListener("abort", wake, { once: true });
    });
  }

  /** How many are asleep. */
  get sleeping(): number {
    return this.#sleepers.size;
  }

  /**
   * Moves time forward. Sleepers wake one after the other, each at its own time, and what they do next
   * (a new sleep included) happens before the next one wakes.
   */
  async advance(ms: number): Promise<void> {
    const end_ms = this.#monotonic_ms + ms;
    await settle();
    for (let next = this.#next(end_ms); next !== undefined; next = this.#next(end_ms)) {
      this.#move(next.wakes_at_ms - this.#monotonic_ms);
      next.wake();
      await settle();
    }
    this.#move(end_ms - this.#monotonic_ms);
    await settle();
  }

  /**
   * Days go by at once, as for a machine that was asleep: who was to wake meanwhile does so at the end,
   * once. What looks every second or two would otherwise look some hundred thousand times a day.
   */
  async leap(ms: number): Promise<void> {
    await settle();
    this.#move(ms);
    for (const { wake, wakes_at_ms } of [...this.#sleepers]) {
      if (wakes_at_ms <= this.#monotonic_ms) wake();
    }
    await settle();
  }

  /** The wall clock jumps, as when somebody sets it: nobody wakes, durations do not change. */
  set(now_ms: number): void {
    this.#now_ms = now_ms;
  }

  #move(ms: number): void {
    this.#now_ms += ms;
    this.#monotonic_ms += ms;
  }

  #next(end_ms: number): Sleeper | undefined {
    let next: Sleeper | undefined;
    for (const sleeper of this.#sleepers) {
      if (sleeper.wakes_at_ms > end_ms) continue;
      if (next === undefined || sleeper.wakes_at_ms < next.wakes_at_ms) next = sleeper;
    }
    return next;
  }
}
