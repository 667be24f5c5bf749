/** How aggregation goes: for the server's own numbers. */
import type { Registry } from "../metrics/registry.ts";
import type { Aggregation } from "./service.ts";

export function registerAggregation(metrics: Registry, aggregation: Aggregation): void {
  const { numbers } = aggregation;
  metrics.read("monitor_server_aggregation_runs_total", {
    kind: "counter",
    help: "Runs that turned closed hours into history, or found that there was nothing to do",
  }, () => numbers.runs);
  metrics.read("monitor_server_aggregation_failures_total", {
    kind: "counter",
    help: "Runs that failed; the next one goes on from there",
  }, () => numbers.failures);
  metrics.read("monitor_server_aggregation_last_seconds", {
    kind: "gauge",
    help: "How long the last run took; 0 before the first",
  }, () => numbers.last_ms / 1000);
}
