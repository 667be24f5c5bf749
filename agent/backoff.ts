/**
 * How long to wait before trying again: exponential with full jitter, so that a thousand agents
 * whose server came back do not knock at the same moment.
 */

/** First wait at most this; long enough for a server to restart its listener. */
const BASE_MS = 1_000;
/** Never longer than this, so that a server that is back is noticed within a minute. */
export const BACKOFF_MS_MAX = 60_000;
/** Never shorter: full jitter may draw 0, and a loop without a pause burns a core. */
const BACKOFF_MS_MIN = 100;
/** A server may ask for patience, but not for a day of silence. */
export const RETRY_AFTER_MS_MAX = 3_600_000;

/**
 * Milliseconds to wait after the `failures`-th failure in a row (from 1). A `Retry-After` is a lower
 * bound; the jitter comes on top of it. `random` is in [0, 1).
 */
export function backoffMs(
  failures: number,
  options: { random: () => number; retry_after_ms?: number },
): number {
  const ceiling_ms = Math.min(BACKOFF_MS_MAX, BASE_MS * 2 ** Math.min(failures - 1, 30));
  const jittered_ms = Math.max(BACKOFF_MS_MIN, options.random() * ceiling_ms);
  const asked_ms = Math.min(RETRY_AFTER_MS_MAX, options.retry_after_ms ?? 0);
  return Math.round(asked_ms + jittered_ms);
}

/** Milliseconds a `Retry-After` header asks for (seconds or an HTTP date); undefined without one. */
export function retryAfterMs(header: string | null, now_ms: number): number | undefined {
  if (header === null) return undefined;
  if (/^\s*\d+\s*$/.test(header)) return Number(header) * 1_000;
  const at_ms = Date.parse(header);
  return Number.isNaN(at_ms) ? undefined : Math.max(0, at_ms - now_ms);
}
