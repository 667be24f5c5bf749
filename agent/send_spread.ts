/** How an agent's requests keep out of the way of the others'. Pure. */

/** Values on a page are hardly later for it, and 10,000 machines are 5,000 requests a second. */
const SPREAD_MS_MAX = 2_000;
/** The part of the interval in which requests are sent. */
const SPREAD_PART = 0.2;
const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\]|.*\.localhost)$/;

/** For a server on this machine nothing is held back and nothing is packed: it has no others. */
export function sendSpreadMs(
  config: { server: string; interval: number },
): { spread_ms: number; compress: boolean } {
  if (LOOPBACK.test(new URL(config.server).hostname)) return { spread_ms: 0, compress: false };
  return { spread_ms: Math.min(SPREAD_MS_MAX, config.interval * SPREAD_PART), compress: true };
}
