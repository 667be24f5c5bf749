/** What becomes of messages, by channel: for the server's own numbers. */
import type { Registry } from "../metrics/registry.ts";

/** How one attempt to deliver ended. */
export type DeliveryEnd = "sent" | "retried" | "failed";

/** Counts attempts; every configured channel is there from the start, with 0. */
export function deliveryCounters(
  metrics: Registry,
  channels: readonly string[],
): (channel: string, end: DeliveryEnd) => void {
  const label = "channel";
  const counters = {
    sent: metrics.counter("monitor_server_deliveries_total", {
      help: "Messages that have arrived",
      label,
    }),
    retried: metrics.counter("monitor_server_delivery_retries_total", {
      help: "Attempts that failed and are repeated",
      label,
    }),
    failed: metrics.counter("monitor_server_delivery_failures_total", {
      help: "Messages given up: a person has to look at the channel",
      label,
    }),
  };
  for (const channel of channels) {
    for (const counter of Object.values(counters)) counter.add(0, channel);
  }
  return (channel, end) => counters[end].add(1, channel);
}
