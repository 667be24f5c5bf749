/** What alerting has counted: for the server's own numbers. */
import type { Registry } from "../metrics/registry.ts";
import type { Alerting } from "./service.ts";

export function registerAlerts(metrics: Registry, alerting: Alerting): void {
  metrics.read("monitor_server_alerts_evaluating", {
    kind: "gauge",
    help: "Whether this server evaluates alerts (one of several does): 1 or 0",
  }, () => alerting.lead === undefined ? 0 : 1);
  metrics.read("monitor_server_alerts_look_age_seconds", {
    kind: "gauge",
    help: "Time since alerts were last evaluated and saved here; 0 while another server does it",
  }, () => alerting.look_age_ms / 1000);
  metrics.read("monitor_server_alerts_looks_total", {
    kind: "counter",
    help: "Times alerts were evaluated and saved",
  }, () => alerting.looks);
  metrics.read("monitor_server_alerts_reports_dropped_total", {
    kind: "counter",
    help: "Reports the evaluator left out because it was too far behind; newer ones speak for them",
  }, () => alerting.lead?.dropped ?? 0);
}
