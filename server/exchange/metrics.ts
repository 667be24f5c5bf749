/** What the exchange with other servers has to say: for the server's own numbers. */
import type { Registry } from "../metrics/registry.ts";
import type { Exchange } from "./exchange.ts";

export function registerExchange(metrics: Registry, exchange: Exchange): void {
  metrics.read("monitor_server_others", {
    kind: "gauge",
    help: "Other servers of the same database that are heard",
  }, () => exchange.others);
  metrics.read("monitor_server_exchange_reports_waiting", {
    kind: "gauge",
    help: "Stored reports that other servers are still to be told of, or that are read from them",
  }, () => exchange.waiting);
}
