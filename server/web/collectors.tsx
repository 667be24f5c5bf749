/** What an agent's collectors do on a host: how often they run, fail, how long they take. */
import { NOTHING, valueText } from "./format.ts";
import { TEXT } from "./text.ts";

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

export function Collectors({ metrics }: { metrics: Readonly<Record<string, number>> }) {
  const rows = collectorsOf(metrics);
  if (rows.length === 0) {
    return (
      <div class="empty">
        <p>{TEXT.host.no_collectors}</p>
      </div>
    );
  }
  const total_ms = rows.reduce((sum, { ms }) => sum + ms, 0);
  const own = TEXT.host.collector;
  return (
    <table class="table scrolls">
      <thead>
        <tr>
          <th>{own.name}</th>
          {[own.runs, own.errors, own.time, own.share, own.bytes].map((text) => (
            <th key={text} class="number">{text}</th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map(({ name, runs, errors, ms, bytes }) => (
          <tr key={name}>
            <td>
              <bdi>{name}</bdi>
            </td>
            <td class="number">{valueText(runs, null)}</td>
            <td class={`number ${errors > 0 ? "failed" : ""}`}>{valueText(errors, null)}</td>
            <td class="number">{runs === 0 ? NOTHING : valueText(ms / runs, "ms")}</td>
            <td class="number">{total_ms === 0 ? NOTHING : valueText(ms / total_ms * 100, "%")}</td>
            <td class="number">{runs === 0 ? NOTHING : valueText(bytes / runs, "B")}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
