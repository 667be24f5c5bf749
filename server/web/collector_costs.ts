/** What an agent says of its collectors, gathered out of a host's newest values and its own words. */

/** As `/api/v1/hosts/<host>/agent` has it. */
export interface AgentSaid {
  version: string;
  os: string;
  kernel: string;
  arch: string;
  collectors: {
    name: string;
    every_s: number | null;
    permissions: string;
    error: string | null;
  }[];
}

export interface CollectorCost {
  name: string;
  runs: number;
  errors: number;
  ms: number;
  bytes: number;
  /** Undefined when the agent did not say; null when it does not run. */
  every_s?: number | null;
  permissions?: string;
  /** Why it does not run, or failed last. */
  error?: string;
}

const SERIES = /^monitor_agent_script_(runs|errors|ms|bytes)_total\{script="(.*)"\}$/;

/** Sums since the agent was started. By time, the costliest first. */
export function collectorsOf(
  metrics: Readonly<Record<string, number>>,
  said?: Pick<AgentSaid, "collectors"> | null,
): CollectorCost[] {
  const found = new Map<string, CollectorCost>();
  const costOf = (name: string) => {
    const cost = found.get(name) ?? { name, runs: 0, errors: 0, ms: 0, bytes: 0 };
    found.set(name, cost);
    return cost;
  };
  for (const [metric, value] of Object.entries(metrics)) {
    const [, what, name] = SERIES.exec(metric) ?? [];
    if (name === undefined) continue;
    const cost = costOf(name);
    if (what === "runs" || what === "errors" || what === "ms" || what === "bytes") {
      cost[what] = value;
    }
  }
  for (const { name, every_s, permissions, error } of said?.collectors ?? []) {
    Object.assign(costOf(name), { every_s, permissions, ...error !== null && { error } });
  }
  return [...found.values()].sort((a, b) => b.ms - a.ms || (a.name < b.name ? -1 : 1));
}
