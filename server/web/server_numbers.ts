/** What of a server's own numbers people look at, and how a number's last hour is drawn. Pure. */
import type { SeriesAnswer } from "./api.ts";

/** From what comes in to what it takes. The key is that of its name in text.ts. */
export const SERVER_NUMBERS = {
  stored: 'monitor_server_reports_total{result="stored"}',
  commit: 'monitor_server_commit_seconds{quantile="0.99"}',
  queue: "monitor_server_queue_bytes",
  alerts: "monitor_server_alerts_look_age_seconds",
  aggregation: "monitor_server_aggregation_lag_seconds",
  messages: "monitor_server_messages_waiting",
  delay: 'monitor_server_event_loop_delay_seconds{quantile="0.99"}',
  cpu: "monitor_server_cpu_seconds_total",
  memory: "monitor_server_resident_memory_bytes",
  connections: "monitor_server_database_connections",
  streams: "monitor_server_live_streams",
  disk: "monitor_server_disk_free_bytes",
} as const;

export type ServerNumber = keyof typeof SERVER_NUMBERS;

/** The last value that is known. */
export function newestOf(values: readonly (number | null)[]): number | null {
  return values.findLast((value) => value !== null) ?? null;
}

/** A line in a box of 100 by 100, from 0 to its largest value, with a gap where a step is missing. */
export function numberPath(
  times: readonly number[],
  values: readonly (number | null)[],
  { from, to, step_s }: Pick<SeriesAnswer, "from" | "to" | "step_s">,
): string {
  const max = Math.max(...values.map((value) => value ?? 0), Number.MIN_VALUE);
  let last_s = -Infinity;
  return times.map((at_s, i) => {
    const value = values[i];
    if (value === null || value === undefined) return "";
    const x = (at_s - from) / (to - from) * 100;
    const y = 98 - value / max * 96;
    const is_start = at_s - last_s > step_s * 2.5;
    last_s = at_s;
    return `${is_start ? "M" : "L"}${x.toFixed(1)} ${y.toFixed(1)}`;
  }).join("");
}
