/** What an agent says of its collectors, gathered out of a host's newest values. */

export interface CollectorCost {
  name: string;
  runs: number;
  errors: number;
  ms: number;
  bytes: number;
}

const SERIES = /^monitor_agent_script_(runs|errors|ms|bytes)_total\{script="(.*)"\}$/;

/** Out of a host's newest values: sums since the agent was started. By time, the costliest first. */
export function collectorsOf(metrics: Readonly<Record<string, number>>): CollectorCost[] {
  const found = new Map<string, CollectorCost>();
  for (const [metric, value] of Object.entries(metrics)) {
    const [, what, name] = SERIES.exec(metric) ?? [];
    if (name === undefined) continue;
    const cost = found.get(name) ?? { name, runs: 0, errors: 0, ms: 0, bytes: 0 };
    if (what === "runs" || what === "errors" || what === "ms" || what === "bytes") {
      cost[what] = value;
    }
    found.set(name, cost);
  }
  return [...found.values()].sort((a, b) => b.ms - a.ms || (a.name < b.name ? -1 : 1));
}
