/** Plans, counts and differences in words. Pure; names from hosts are made harmless by the caller. */
import type { Step } from "./plan.ts";
import type { Counts } from "./work.ts";
import type { Difference } from "./verify.ts";

function time(at_ms: number): string {
  return new Date(at_ms).toISOString().slice(0, 16).replace("T", " ");
}

function day(at_ms: number): string {
  return time(at_ms).slice(0, 10);
}

const BYTE_UNITS = ["B", "kB", "MB", "GB", "TB"];

/** `1.2 GB`: thousands, as disks are sold. */
export function bytesText(bytes: number): string {
  let [value, unit] = [bytes, 0];
  while (value >= 999.5 && unit < BYTE_UNITS.length - 1) [value, unit] = [value / 1000, unit + 1];
  const digits = unit > 0 && value < 9.95 ? 1 : 0;
  return `${value.toFixed(digits)} ${BYTE_UNITS[unit]}`;
}

/** One line of `--dry-run`, all times in UTC. Numbers of reports in slots are estimates. */
export function stepText(step: Step): string {
  switch (step.kind) {
    case "expire_late":
      return `delete  ${step.rows} late reports from before ${day(step.before_ms)}: past retention`;
    case "merge_slots": {
      const minutes = step.starts_ms.map((at_ms) => time(at_ms).slice(11)).join(" ");
      return `merge   about ${step.rows} reports of ${day(step.starts_ms[0] ?? 0)} ${minutes}` +
        (step.drop ? ", drop these hot tables" : "");
    }
    case "merge_late":
      return `merge   ${step.rows} late reports from ${time(step.from_ms)} ` +
        `to before ${time(step.before_ms)}`;
    case "roll_hours":
      return `roll up five minutes of ${day(step.day_ms)}, up to ${time(step.before_ms)}`;
    case "roll_days":
      return `roll up hours and days of ${day(step.month_ms).slice(0, 7)}, ` +
        `up to ${day(step.before_ms)}`;
    case "thin_partition": {
      const { name, start_ms, end_ms } = step.partition;
      return `thin    ${name}, ${day(start_ms)} to before ${day(end_ms)}, ` +
        `${step.shape_ids.length} lists of metrics are past their own retention`;
    }
    case "drop_partition": {
      const { name, start_ms, end_ms, bytes } = step.partition;
      return `drop    ${name}, ${day(start_ms)} to before ${day(end_ms)}, ${bytesText(bytes)}`;
    }
  }
}

/** What a run has done, one line a kind of work; none when there was nothing to do. */
export function countLines(counts: Counts): string[] {
  const lines: [number, string][] = [
    [counts.reports_merged, `merged     ${counts.reports_merged} reports`],
    [counts.late_reports_merged, `merged     ${counts.late_reports_merged} late reports`],
    [counts.raw_blocks_written, `wrote      ${counts.raw_blocks_written} blocks of samples`],
    [counts.hours_rolled_up, `rolled up  ${counts.hours_rolled_up} hours to five minutes`],
    [counts.days_rolled_up, `rolled up  ${counts.days_rolled_up} days to hours and days`],
    [counts.slots_dropped, `dropped    ${counts.slots_dropped} hot tables`],
    [
      counts.slots_kept,
      `kept       ${counts.slots_kept} hot tables for the next run: in use, or new reports came`,
    ],
    [
      counts.late_reports_expired,
      `deleted    ${counts.late_reports_expired} late reports past retention`,
    ],
    [
      counts.partitions_dropped,
      `dropped    ${counts.partitions_dropped} tables past retention, ` +
      bytesText(counts.bytes_dropped),
    ],
    [
      counts.partitions_thinned,
      `thinned    ${counts.partitions_thinned} tables with metrics past retention of their own`,
    ],
    [
      counts.partitions_kept,
      `kept       ${counts.partitions_kept} tables past retention for the next run: in use`,
    ],
    [counts.failures, `FAILED     ${counts.failures} blocks, left as they are: see the log`],
  ];
  return lines.filter(([count]) => count > 0).map(([, line]) => line);
}

/** Names for numbers; numbers where there is no name any more. */
export interface Names {
  host(host_id: number): string;
  metric(shape_id: number, metric: number): string;
}

/** One difference as a line. */
export function differenceText(one: Difference, names: Names): string {
  const where = `${one.tier.padEnd(3)} ${names.host(one.host_id)}, shape ${one.shape_id}`;
  if (one.what === "block") return `${where}, block of ${time(one.start_ms)}: ${one.problem}`;
  const metric = one.metric === undefined ? "" : ` ${names.metric(one.shape_id, one.metric)}`;
  const bucket = `${where}, ${time(one.bucket_ms)}${metric}`;
  if (one.what === "bucket") {
    return `${bucket}: ${one.expected === undefined ? "must not be there" : "is missing"}`;
  }
  return `${bucket}: ${one.what} is ${one.found}, must be ${one.expected}`;
}
