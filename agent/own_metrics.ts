/**
 * What the agent reports about itself: numbers it has anyway. Those that reconcile travel with every
 * tick, in one report, so that at each of its times
 *
 *   collected = sent + dropped + waiting, and sent = stored + duplicate + refused
 *
 * What is looked at now and then (the cost of each script, the clock) makes a report of its own once a
 * minute: as part of the tick's it would give every sixth report another shape.
 */
import type { MetricMetadata } from "../report.ts";
import type { SeriesValue } from "./collected.ts";
import type { ProcessNumbers } from "./isolation/processes.ts";
import type { OutboxStatus } from "./outbox.ts";
import type { ScriptCost } from "./script_costs.ts";
import type { SenderStatus } from "./sender.ts";

export interface OwnNumbers {
  now_ms: number;
  outbox: OutboxStatus;
  sender: SenderStatus;
  ticks_missed: number;
  /** How long the collectors of the last tick took, together. */
  scripts_ms: number;
  script_errors_total: number;
  /** Errors by script; only scripts that had one. */
  script_errors: ReadonlyMap<string, number>;
  /** By script. */
  script_costs: ReadonlyMap<string, ScriptCost>;
  /** Of collectors that are not shipped: see isolation/. */
  script_processes: ProcessNumbers;
}

function counter(description: string, unit?: string): MetricMetadata {
  return { kind: "counter", description, ...(unit === undefined ? {} : { unit }) };
}

function gauge(description: string, unit?: string): MetricMetadata {
  return { kind: "gauge", description, ...(unit === undefined ? {} : { unit }) };
}

const METADATA: Record<string, MetricMetadata> = {
  reports_collected_total: counter("Reports made: sent, dropped or waiting"),
  reports_sent_total: counter("Reports the server has answered for: stored, duplicate or refused"),
  reports_stored_total: counter("Reports the server has stored"),
  reports_duplicate_total: counter("Reports the server had already: their first answer was lost"),
  reports_refused_total: counter("Reports the server refused; they are gone"),
  reports_dropped_total: counter("Reports given up before they were sent"),
  reports_waiting: gauge("Reports the server has not answered for"),
  samples_sent_total: counter("Samples the server has taken"),
  samples_dropped_total: counter("Samples in reports that were given up"),
  oldest_waiting_s: gauge("Age of the oldest report that waits", "s"),
  spool_bytes: gauge("Size of the spool", "B"),
  requests_failed_total: counter("Requests without a good answer; their reports are sent again"),
  ticks_missed_total: counter("Runs left out because the script was still busy"),
  scripts_ms: gauge("Time from start to end of the collectors of a tick, added up", "ms"),
  script_errors_total: counter("Failed runs of collectors"),
  spool_on_disk: gauge("Whether what waits outlives the agent: 1, or 0 when it is in memory only"),
  requests_total: counter("Requests sent"),
  sent_bytes_total: counter("Bytes of answered requests, as they travelled", "B"),
  send_ms: gauge("How long the last answered request took", "ms"),
  clock_offset_ms: gauge("How far the server's clock is ahead of this machine's", "ms"),
  script_runs_total: counter("Runs of a collector"),
  script_ms_total: counter("Time from start to end of its runs, added up", "ms"),
  script_bytes_total: counter("Bytes of its values in reports", "B"),
  script_processes: gauge("Processes that hold collectors"),
  script_processes_bytes: gauge("Memory these processes occupy", "B"),
  script_processes_ended_total: counter("Ends of such processes that were not wanted"),
};
const PREFIX = "monitor_agent_";

/** The agent's own series of a tick. */
export function ownSeries(own: OwnNumbers): Map<string, SeriesValue> {
  const { outbox, now_ms } = own;
  const { stored, duplicate, refused, dropped, oldest_at_ms } = outbox;
  const reasons = Object.entries(dropped).filter(([, count]) => count > 0);
  const waiting_ms = oldest_at_ms === undefined ? 0 : Math.max(0, now_ms - oldest_at_ms);
  return named([
    ["reports_collected_total", outbox.collected],
    ["reports_sent_total", stored + duplicate + refused],
    ["reports_stored_total", stored],
    ["reports_duplicate_total", duplicate],
    ["reports_refused_total", refused],
    ["reports_dropped_total", reasons.reduce((sum, [, count]) => sum + count, 0)],
    ...reasons.map(([reason, count]) =>
      [`reports_dropped_total{reason="${reason}"}`, count] as const
    ),
    ["reports_waiting", outbox.waiting],
    ["samples_sent_total", outbox.samples],
    ["samples_dropped_total", outbox.samples_dropped],
    ["oldest_waiting_s", Math.round(waiting_ms / 1_000)],
    ["spool_bytes", outbox.bytes],
    ["requests_failed_total", own.sender.requests_failed],
    ["ticks_missed_total", own.ticks_missed],
    ["scripts_ms", tenths(own.scripts_ms)],
    ["script_errors_total", own.script_errors_total],
    ...[...own.script_errors].map(([script, count]) =>
      [`script_errors_total{script="${script}"}`, count] as const
    ),
  ]);
}

/** The agent's own series of a minute. */
export function ownMinuteSeries(
  own: Pick<OwnNumbers, "outbox" | "sender" | "script_costs" | "script_processes">,
): Map<string, SeriesValue> {
  const { running, bytes, ended } = own.script_processes;
  const { requests, sent_bytes, send_ms, clock_offset_ms } = own.sender;
  return named([
    ["spool_on_disk", own.outbox.on_disk ? 1 : 0],
    ["requests_total", requests],
    ["sent_bytes_total", sent_bytes],
    ["send_ms", tenths(send_ms)],
    ...clock_offset_ms === undefined ? [] : [["clock_offset_ms", clock_offset_ms] as const],
    ...[...own.script_costs].flatMap(([script, { runs, ms, bytes }]) => [
      [`script_runs_total{script="${script}"}`, runs] as const,
      [`script_ms_total{script="${script}"}`, tenths(ms)] as const,
      [`script_bytes_total{script="${script}"}`, bytes] as const,
    ]),
    ["script_processes", running],
    ["script_processes_bytes", bytes],
    ["script_processes_ended_total", ended],
  ]);
}

/** What one of the series above means. */
export function ownMetadata(series: string): MetricMetadata | undefined {
  if (!series.startsWith(PREFIX)) return undefined;
  return METADATA[series.slice(PREFIX.length).replace(/\{.*$/, "")];
}

function named(pairs: Iterable<readonly [string, number]>): Map<string, SeriesValue> {
  return new Map([...pairs].map(([name, value]) => [`${PREFIX}${name}`, value]));
}

function tenths(value: number): number {
  return Math.round(value * 10) / 10;
}
