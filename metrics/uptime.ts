/** Seconds since the machine started: a value that falls was a restart. */
import type { Collected, Host, Metric } from "../agent/monitor.d.ts";

export const metric: Metric = {
  unit: "s",
  kind: "gauge",
  description: "Time since the machine started",
};

export async function collect(host: Host): Promise<Collected> {
  if (host.platform !== "linux") return Math.floor(await host.uptime());
  // "773.12 1500.11": since the start, and idle time of all processors.
  return Number((await host.read("/proc/uptime")).split(" ")[0]);
}
