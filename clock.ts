/**
 * Time as an argument. Everything that decides something by the time of day, or waits, receives a
 * `Clock`, so that tests can run years in milliseconds. `Date.now()` and `setTimeout` for waiting
 * appear nowhere else in the program (tests/tidy_test.ts checks it).
 */

export interface Clock {
  /** Wall-clock time in milliseconds since 1970. May jump, forwards and backwards. */
  now(): number;
  /** Milliseconds from an arbitrary start; never goes backwards. For durations. */
  monotonic(): number;
  /** Resolves after `ms`, or at once when `signal` is or becomes aborted. Never rejects. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** Longest single timer: longer waits are made of several, since timers over 2^31 ms fire at once. */
const TIMER_MS_MAX = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: async (ms, signal) => {
    let left_ms = ms;
    while (left_ms > 0 && !signal?.aborted) {
      const step_ms = Math.min(left_ms, TIMER_MS_MAX);
      await new Promise<void>((resolve) => {
        const done = () => {
          clearTimeout(timer);
          signal?.removeEventListener("abort", done);
          resolve();
        };
        const timer = setTimeout(done, step_ms);
        signal?.addEventListener("abort", done, { once: true });
      });
      left_ms -= step_ms;
    }
  },
};
