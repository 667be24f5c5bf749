/** What a host shows as soon as an agent has reported its first round. */

/** What a first round of collectors brings on any machine. */
export const METRICS_MIN = 20;

/** Asks until a whole round has arrived, of `hostname` or of the one host that there is. */
export async function firstMetrics(
  url: string,
  hostname?: string,
): Promise<Record<string, number>> {
  for (;;) {
    const answer: Record<string, { metrics: Record<string, number> }> =
      await (await fetch(`${url}/fetch/latest`)).json();
    const host = hostname === undefined ? Object.values(answer)[0] : answer[hostname];
    const metrics = host?.metrics ?? {};
    // it compares two readings, and may come after what others have found at once
    if ("cpu_usage" in metrics && Object.keys(metrics).length >= METRICS_MIN) return metrics;
  }
}
