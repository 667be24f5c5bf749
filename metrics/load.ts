/** How many programs want to run: the classic averages, and on Linux what is behind them. */
import type { Collected, Host, Metric } from "../agent/monitor.d.ts";

export const metric: Metric = {
  description: "How many programs want to run",
  kind: "gauge",
  platforms: ["linux", "darwin", "freebsd"],
  metrics: {
    "1m": { description: "Programs running or waiting to, average of 1 minute" },
    "5m": { description: "Programs running or waiting to, average of 5 minutes" },
    "15m": { description: "Programs running or waiting to, average of 15 minutes" },
    running: { description: "Threads that run or could run right now" },
    threads: { description: "Threads that exist" },
  },
};

/** Text of /proc/loadavg: `0.20 0.18 0.12 1/80 11206`. */
export function parseLoadavg(text: string): Record<string, number> {
  const [one, five, fifteen, counts = ""] = text.trim().split(" ");
  const [running, threads] = counts.split("/");
  return {
    "1m": Number(one),
    "5m": Number(five),
    "15m": Number(fifteen),
    running: Number(running),
    threads: Number(threads),
  };
}

export async function collect(host: Host): Promise<Collected> {
  if (host.platform === "linux") return parseLoadavg(await host.read("/proc/loadavg"));
  const averages = (await host.loadavg()).map((load) => Math.round(load * 100) / 100);
  return { "1m": averages[0] ?? null, "5m": averages[1] ?? null, "15m": averages[2] ?? null };
}
