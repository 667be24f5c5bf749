/** What the agent reports about itself: few series, all of them numbers it has anyway. */
import type { MetricMetadata } from "../report.ts";
import type { SeriesValue } from "./collected.ts";

export interface OwnNumbers {
  samples_sent: number;
  reports_sent: number;
  reports_refused: number;
  reports_dropped: number;
  reports_waiting: number;
  ticks_missed: number;
  /** How long the collectors of the last tick took, together. */
  scripts_ms: number;
  script_errors_total: number;
  /** Errors by script; only scripts that had one. */
  script_errors: ReadonlyMap<string, number>;
}

const COUNTER = { kind: "counter" } as const;
const METADATA: Record<string, MetricMetadata> = {
  monitor_agent_samples_sent_total: { ...COUNTER, description: "Samples the server has taken" },
  monitor_agent_reports_sent_total: { ...COUNTER, description: "Reports the server has taken" },
  monitor_agent_reports_refused_total: {
    ...COUNTER,
    description: "Reports the server refused; they are gone",
  },
  monitor_agent_reports_dropped_total: {
    ...COUNTER,
    description: "Reports that were never sent, because too many were waiting",
  },
  monitor_agent_reports_waiting: {
    kind: "gauge",
    description: "Reports the server has not answered for",
  },
  monitor_agent_ticks_missed_total: {
    ...COUNTER,
    description: "Runs left out because the script was still busy",
  },
  monitor_agent_scripts_ms: {
    kind: "gauge",
    unit: "ms",
    description: "Time from start to end of the collectors of a tick, added up",
  },
  monitor_agent_script_errors_total: { ...COUNTER, description: "Failed runs of collectors" },
};

/** The agent's own series. */
export function ownSeries(own: OwnNumbers): Map<string, SeriesValue> {
  const errors = [...own.script_errors];
  return new Map<string, SeriesValue>([
    ["monitor_agent_samples_sent_total", own.samples_sent],
    ["monitor_agent_reports_sent_total", own.reports_sent],
    ["monitor_agent_reports_refused_total", own.reports_refused],
    ["monitor_agent_reports_dropped_total", own.reports_dropped],
    ["monitor_agent_reports_waiting", own.reports_waiting],
    ["monitor_agent_ticks_missed_total", own.ticks_missed],
    ["monitor_agent_scripts_ms", Math.round(own.scripts_ms * 10) / 10],
    ["monitor_agent_script_errors_total", own.script_errors_total],
    ...errors.map(([script, count]): [string, number] => [
      `monitor_agent_script_errors_total{script="${script}"}`,
      count,
    ]),
  ]);
}

/** What one of the series above means. */
export function ownMetadata(series: string): MetricMetadata | undefined {
  return METADATA[series.replace(/\{.*$/, "")];
}
