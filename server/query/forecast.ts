/**
 * How fast the data grows, and when the disk is full. Pure; estimates, and named so.
 *
 * Each tier grows by what its newest partitions grew by, until its oldest data is past the retention;
 * from then on as much goes as comes. So the size bends once for every tier, and the day on which it
 * meets the disk's is found between two bends.
 */
import type { Partition } from "../../db/block_partitions.ts";

/** Beyond this a forecast is a joke. */
const DAYS_MAX = 36_500;
const DAY_MS = 86_400_000;
/** Shorter stretches say little about a day. */
const STRETCH_MS_MIN = 3_600_000;
/** What has not grown for this long does not grow. */
const IDLE_MS = 2 * DAY_MS;

/**
 * Bytes a day, from the newest partitions that together hold a day; undefined when less than an hour
 * is there.
 */
export function growthPerDay(
  partitions: readonly Pick<Partition, "start_ms" | "end_ms" | "bytes">[],
  { oldest_ms, newest_ms, now_ms }: { oldest_ms: number; newest_ms: number; now_ms: number },
): number | undefined {
  if (newest_ms < now_ms - IDLE_MS) return 0;
  let bytes = 0;
  let stretch_ms = 0;
  for (const part of partitions.toSorted((a, b) => b.start_ms - a.start_ms)) {
    const from_ms = Math.max(part.start_ms, oldest_ms);
    const to_ms = Math.min(part.end_ms, newest_ms);
    if (to_ms <= from_ms) continue;
    bytes += part.bytes;
    stretch_ms += to_ms - from_ms;
    if (stretch_ms >= DAY_MS) break;
  }
  return stretch_ms < STRETCH_MS_MIN ? undefined : bytes / stretch_ms * DAY_MS;
}

export interface GrowingTier {
  growth_bytes_per_day: number;
  /** Days its oldest data is old; 0 when there is none. */
  age_days: number;
  /** Null keeps for ever. */
  retention_days: number | null;
}

export interface Forecast {
  growth_bytes_per_day: number;
  /** What will come before as much goes as comes; null when that is never. */
  still_to_come_bytes: number | null;
  /** Days until the disk is full; null when it is not within a hundred years. */
  full_in_days: number | null;
}

export function forecast(tiers: readonly GrowingTier[], free_bytes: number): Forecast {
  const growing = tiers
    .filter((tier) => tier.growth_bytes_per_day > 0)
    .map(({ growth_bytes_per_day, age_days, retention_days }) => ({
      per_day: growth_bytes_per_day,
      days: retention_days === null ? Infinity : Math.max(0, retention_days - age_days),
    }))
    .sort((a, b) => a.days - b.days);
  const growth_bytes_per_day = growing.reduce((sum, tier) => sum + tier.per_day, 0);
  const to_come = growing.reduce((sum, tier) => sum + tier.per_day * tier.days, 0);
  let [free, per_day, day] = [free_bytes, growth_bytes_per_day, 0];
  let full_in_days: number | null = null;
  for (const tier of growing) {
    const until_full = free / per_day;
    if (day + until_full < tier.days) {
      if (day + until_full <= DAYS_MAX) full_in_days = day + until_full;
      break;
    }
    free -= per_day * (tier.days - day);
    per_day -= tier.per_day;
    day = tier.days;
  }
  return {
    growth_bytes_per_day,
    still_to_come_bytes: to_come === Infinity ? null : to_come,
    full_in_days,
  };
}
