/** What the ingest step has counted: for the server's own numbers. */
import type { Registry } from "../metrics/registry.ts";
import type { Admission } from "./admission.ts";
import type { DiskGuard } from "./disk_guard.ts";
import type { Intake } from "./intake.ts";
import type { IngestLimits } from "./limits.ts";
import type { IngestQueue } from "./queue.ts";
import type { WriterOptions } from "./writer.ts";

/** Registers what queue and intake count anyway. */
export function registerIngest(
  metrics: Registry,
  steps: {
    queue: IngestQueue;
    intake: Intake;
    admission: Admission;
    too_much: IngestLimits;
    queue_bytes_max: number;
    disk?: DiskGuard;
  },
): void {
  const { queue, intake: { counters }, admission, too_much, queue_bytes_max, disk } = steps;
  metrics.read("monitor_server_reports_received_total", {
    kind: "counter",
    help: "Reports that came in; they are stored, duplicate, refused, failed or still waiting",
  }, () => counters.received);
  metrics.read("monitor_server_reports_total", {
    kind: "counter",
    help: "Reports answered for; failed ones were not stored and their senders come again",
    label: "result",
  }, () => {
    const { stored, duplicate, refused, failed } = counters;
    return Object.entries({ stored, duplicate, refused, failed });
  });
  metrics.read("monitor_server_queue_bytes", {
    kind: "gauge",
    help: "Accepted and not yet committed",
  }, () => queue.bytes);
  metrics.read("monitor_server_queue_limit_bytes", {
    kind: "gauge",
    help: "At this size of the queue senders are told to wait (ingest.queue_bytes_max)",
  }, () => queue_bytes_max);
  metrics.read("monitor_server_queue_refusals_total", {
    kind: "counter",
    help: "Requests refused because there was no room to write them",
  }, () => queue.refusals);
  metrics.read("monitor_server_queue_wait_seconds", {
    kind: "gauge",
    help: "How long a report that came now would wait to be stored",
  }, () => queue.waitMs() / 1000);
  metrics.read("monitor_server_busy_refusals_total", {
    kind: "counter",
    help: "Requests with reports refused because they would have waited longer than " +
      "limits.ingest_wait_ms",
  }, () => admission.refusals);
  metrics.read("monitor_server_series_refused_total", {
    kind: "counter",
    help: "Values that were not stored because their host has limits.host_series_max series",
  }, () => too_much.refused.series);
  metrics.read("monitor_server_hosts_refused_total", {
    kind: "counter",
    help: "Reports that were not stored because there are limits.hosts_max hosts",
  }, () => too_much.refused.hosts);
  if (disk === undefined) return;
  metrics.read("monitor_server_disk_free_bytes", {
    kind: "gauge",
    help: "Free on the disk of the data directory",
  }, () => disk.free_bytes);
  metrics.read("monitor_server_disk_refusing", {
    kind: "gauge",
    help: "Whether new reports are refused because the disk is nearly full: 1 or 0",
  }, () => disk.isRefusing ? 1 : 0);
}

/** What the writer is given to count with. */
export function writerMetrics(metrics: Registry): Required<Pick<WriterOptions, "onBatch">> {
  const commits = metrics.histogram("monitor_server_commit_seconds", {
    help: "Time to store a batch of reports, from its first byte to COMMIT",
  });
  const rows_total = metrics.counter("monitor_server_rows_committed_total", {
    help: "Rows committed; a report is one row, or one for each time in it",
  });
  const failures = metrics.counter("monitor_server_batches_failed_total", {
    help: "Batches that could not be stored",
  });
  return {
    onBatch: ({ rows, took_ms, stored }) => {
      if (!stored) return failures.add();
      commits.observe(took_ms / 1000);
      rows_total.add(rows);
    },
  };
}
