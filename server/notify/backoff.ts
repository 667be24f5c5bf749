/**
 * When a delivery that failed is tried again: soon at first, then ever more slowly, never all at once.
 * A receiver that named a time is believed, as long as it is not sooner than our own.
 */

const FIRST_MS = 1_000;
const LONGEST_MS = 5 * 60_000;
/** Half of a wait is chance, so that what failed together does not come back together. */
const JITTER = 0.5;

/** After this long a message is given up; it would help nobody any more. */
export const GIVE_UP_MS = 24 * 3_600_000;

/** Milliseconds to wait after the given number of failed attempts; `random` is from 0 to 1. */
export function backoffMs(
  attempts: number,
  { random, retry_after_ms = 0 }: { random: number; retry_after_ms?: number },
): number {
  const full_ms = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(30, Math.max(0, attempts - 1)));
  const own_ms = full_ms * (1 - JITTER + JITTER * random);
  return Math.round(Math.max(own_ms, retry_after_ms));
}
