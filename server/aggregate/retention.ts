/**
 * What is past its retention. A pure function of the partitions, the settings and the time.
 *
 * Only whole partitions go: a day of samples, a month of five-minute values, a year of hourly and
 * daily ones; so the oldest values kept are up to a month (a year) older than asked for. And all of
 * them stay a day longer than that: reports are taken until they are as old as `raw_days`, and a
 * sample must find its hour, which is recomputed from all its samples, when it is merged some minutes
 * (after a failure, some hours) later.
 *
 * Where rules give some metrics other days (server/retention.ts), a partition can hold shapes that
 * are past theirs beside others that are not. Then it is thinned: written anew without the former.
 */
import type { Partition } from "../../db/block_partitions.ts";
import { DAY_MS, startOf } from "../../db/tiers.ts";
import type { TierDays } from "../retention.ts";

const SLACK_DAYS = 1;

/** Annotations belong to samples and go with them. */
const SETTING: Readonly<Record<Partition["table"], keyof TierDays>> = {
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

/** Whether what is in this partition may go, when it is kept for so long. */
function isExpired({ table, end_ms }: Partition, days: TierDays, now_ms: number): boolean {
  return end_ms <= horizon(days[SETTING[table]], now_ms);
}

export interface RetentionState {
  partitions: readonly Partition[];
  /** How long each shape is kept. Only where there are rules. */
  shape_days?: Pick<ReadonlyMap<number, TierDays>, "get">;
  /** The shapes of the blocks in a partition, by its name. Only where there are rules. */
  contents?: ReadonlyMap<string, readonly number[]>;
}

export type Removal =
  /** Where there are rules, only if there are no blocks in it but those of these shapes. */
  | { kind: "drop_partition"; partition: Partition; shape_ids?: readonly number[] }
  | { kind: "thin_partition"; partition: Partition; shape_ids: readonly number[] };

/** The partitions to drop, and those to thin, in the order given. */
export function planRemovals(
  { partitions, shape_days, contents }: RetentionState,
  options: { now_ms: number; retention: TierDays },
): Removal[] {
  const { now_ms, retention } = options;
  return partitions.flatMap((partition): Removal[] => {
    const shapes = contents?.get(partition.name);
    if (shapes === undefined) {
      return isExpired(partition, retention, now_ms) ? [{ kind: "drop_partition", partition }] : [];
    }
    const expired = shapes.filter((shape_id) =>
      isExpired(partition, shape_days?.get(shape_id) ?? retention, now_ms)
    );
    // one without a block in it is as old as any
    if (expired.length === shapes.length) {
      const goes = shapes.length > 0 || isExpired(partition, retention, now_ms);
      return goes ? [{ kind: "drop_partition", partition, shape_ids: shapes }] : [];
    }
    return expired.length === 0 ? [] : [{ kind: "thin_partition", partition, shape_ids: expired }];
  });
}

/**
 * Whether late samples of a day have nowhere to go, when their shape is kept for so long: its other
 * samples of that day are gone, or will be by this very run.
 */
export function isLateExpired(at_ms: number, days: TierDays, now_ms: number): boolean {
  return startOf("day", at_ms) + DAY_MS <= horizon(days.raw_days, now_ms);
}

/**
 * Late reports before this time have nowhere to go: the samples of their day are dropped, or would
 * be by this very run. As long as a day's samples are there, its late reports are merged with them,
 * however old: otherwise their hour would be recomputed without them.
 */
export function lateHorizon(
  partitions: readonly Partition[],
  options: { now_ms: number; retention: TierDays },
): number {
  const oldest_raw_ms = partitions
    .filter(({ table }) => table === "block_raw")
    .reduce((oldest, { start_ms }) => Math.min(oldest, start_ms), Infinity);
  const kept_from_ms = startOf("day", horizon(options.retention.raw_days, options.now_ms));
  return Math.min(kept_from_ms, oldest_raw_ms);
}
