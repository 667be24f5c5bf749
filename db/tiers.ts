/**
 * The tiers of history and their calendar, all in UTC, so that no daylight saving time exists here.
 *
 *   tier   a bucket is   a block holds one UTC …   a partition (what retention drops) is one UTC …
 *   raw    a sample      hour                      day
 *   5m     5 minutes     day                       month
 *   1h     an hour       month                     year
 *   1d     a day         year                      year
 *
 * A block is one host's reports of one shape; its row begins (`start`) when its span begins.
 */

export type CalendarUnit = "hour" | "day" | "month" | "year";

export type Tier = "raw" | "5m" | "1h" | "1d";

export interface TierLayout {
  table: "block_raw" | "block_5m" | "block_1h" | "block_1d";
  /** Length of a bucket in milliseconds; undefined for samples. */
  bucket_ms: number | undefined;
  /** What one block spans. */
  block: CalendarUnit;
  /** What one partition spans. */
  partition: CalendarUnit;
}

export const MINUTE_MS = 60_000;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;

export const TIERS: Readonly<Record<Tier, TierLayout>> = {
  raw: { table: "block_raw", bucket_ms: undefined, block: "hour", partition: "day" },
  "5m": { table: "block_5m", bucket_ms: 5 * MINUTE_MS, block: "day", partition: "month" },
  "1h": { table: "block_1h", bucket_ms: HOUR_MS, block: "month", partition: "year" },
  "1d": { table: "block_1d", bucket_ms: DAY_MS, block: "year", partition: "year" },
};

/** From the finest on. */
export const TIER_NAMES: readonly Tier[] = ["raw", "5m", "1h", "1d"];

/** When the unit that contains `at_ms` begins. Milliseconds since 1970, like all times here. */
export function startOf(unit: CalendarUnit, at_ms: number): number {
  if (unit === "hour") return Math.floor(at_ms / HOUR_MS) * HOUR_MS;
  if (unit === "day") return Math.floor(at_ms / DAY_MS) * DAY_MS;
  const date = new Date(at_ms);
  return Date.UTC(date.getUTCFullYear(), unit === "month" ? date.getUTCMonth() : 0);
}

/** When the unit that contains `at_ms` ends, which is when the next one begins. */
export function endOf(unit: CalendarUnit, at_ms: number): number {
  const start_ms = startOf(unit, at_ms);
  if (unit === "hour") return start_ms + HOUR_MS;
  if (unit === "day") return start_ms + DAY_MS;
  const date = new Date(start_ms);
  const [year, month] = [date.getUTCFullYear(), date.getUTCMonth()];
  return unit === "month" ? Date.UTC(year, month + 1) : Date.UTC(year + 1, 0);
}
