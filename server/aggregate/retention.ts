/**
 * What is past its retention. A pure function of the partitions, the settings and the time.
 *
 * Only whole partitions go: a day of samples, a month of five-minute values, a year of hourly and
 * daily ones; so the oldest values kept are up to a month (a year) older than asked for. And all of
 * them stay a day longer than that: reports are taken until they are as old as `raw_days`, and a
 * sample must find its hour, which is recomputed from all its samples, when it is merged some minutes
 * (after a failure, some hours) later.
 */
import type { Partition } from "../../db/block_partitions.ts";
import { DAY_MS, startOf } from "../../db/tiers.ts";

/** As in the settings; null keeps for ever. */
export interface Retention {
  raw_days: number;
  five_minutes_days: number;
  one_hour_days: number;
  one_day_days: number | null;
}

const SLACK_DAYS = 1;

/** Annotations belong to samples and go with them. */
const SETTING: Readonly<Record<Partition["table"], keyof Retention>> = {
  block_raw: "raw_days",
  annotation: "raw_days",
  block_5m: "five_minutes_days",
  block_1h: "one_hour_days",
  block_1d: "one_day_days",
};

/** Partitions that end at or before this time may go. */
function horizon(days: number | null, now_ms: number): number {
  return days === null ? -Infinity : now_ms - (days + SLACK_DAYS) * DAY_MS;
}

/** The partitions to drop, in the order given. */
export function expiredPartitions(
  partitions: readonly Partition[],
  options: { now_ms: number; retention: Retention },
): Partition[] {
  const { now_ms, retention } = options;
  return partitions.filter(({ table, end_ms }) =>
    end_ms <= horizon(retention[SETTING[table]], now_ms)
  );
}

/**
 * Late reports before this time have nowhere to go: the samples of their day are dropped, or would
 * be by this very run. As long as a day's samples are there, its late reports are merged with them,
 * however old: otherwise their hour would be recomputed without them.
 */
export function lateHorizon(
  partitions: readonly Partition[],
  options: { now_ms: number; retention: Retention },
): number {
  const oldest_raw_ms = partitions
    .filter(({ table }) => table === "block_raw")
    .reduce((oldest, { start_ms }) => Math.min(oldest, start_ms), Infinity);
  const kept_from_ms = startOf("day", horizon(options.retention.raw_days, options.now_ms));
  return Math.min(kept_from_ms, oldest_raw_ms);
}
