/** What `monitor up` shows as soon as its own agent has reported. */

/** What a first round of collectors brings on any machine. */
export const METRICS_MIN = 20;

/** Asks until the agent's first report has arrived: the next answer is only a request away. */
export async function firstMetrics(url: string): Promise<Record<string, number>> {
  for (;;) {
    const answer = await (await fetch(`${url}/fetch/latest`)).json();
    const [host] = Object.values<{ metrics: Record<string, number> }>(answer);
    if (host !== undefined && Object.keys(host.metrics).length >= METRICS_MIN) return host.metrics;
  }
}
