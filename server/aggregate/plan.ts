/**
 * What aggregation has to do: a pure function of what is there, the settings and the time.
 *
 *   report (slots, late rows) → raw blocks → pending_hour → 5m → pending_day → 1h, 1d → retention
 *
 * A slot, an hour, a day is *closed* when it ended at least the grace before now. Only closed ones
 * are touched: the newest slot is being written, and an hour rolled up before its end would be
 * rolled up again with every slot. All of "closed" is one time, `closed_ms`, a border between slots:
 * whatever ends at or before it is closed. Hours and days consist of whole slots, so when an hour is
 * closed, all its slots are, and stand before it in the plan. Slots of one hour are merged together:
 * each time, the hour's blocks are written anew.
 *
 * Steps only say where to look, not what is there: what a step does is decided by the rows it finds
 * (slots are read as they are, pending work is a table), so a plan made a little earlier, or twice,
 * does no harm. The plan foresees the work its own first steps make: merging a slot of an hour that
 * is closed means rolling up its day.
 *
 * A clock set back closes less, and nothing happens until it has caught up. Nothing here knows time
 * zones: all borders are UTC.
 */
import { HOT_MS } from "../../db/partitions.ts";
import { DAY_MS, HOUR_MS, startOf } from "../../db/tiers.ts";
import type { Retention } from "../retention.ts";
import { lateHorizon, planRemovals, type Removal, type RetentionState } from "./retention.ts";

/**
 * Hours are rolled up this many at a time. Each time, the day's block is written anew: hourly this
 * costs more than all of the raw tier (100 ns a sample at noon and 900 on average were measured
 * against 800), three hours at a time a third of it. Meanwhile the samples are there to be read.
 */
const ROLL_MS = 3 * HOUR_MS;

/** What there is. All times are milliseconds since 1970, lists are in their order. */
export interface HistoryState extends RetentionState {
  /** The hot partitions. */
  slots: readonly { start_ms: number; rows_estimate: number }[];
  /** Closed late rows, by hour. */
  late_hours: readonly { start_ms: number; rows: number }[];
  pending_hours: readonly { start_ms: number; groups: number }[];
  pending_days: readonly { start_ms: number; groups: number }[];
}

export interface PlanOptions {
  now_ms: number;
  grace_ms: number;
  retention: Retention;
  /** Nothing after this time is touched. Default: now. */
  until_ms?: number;
  /**
   * Only one host is asked for, or only a time: then what concerns all of them (dropping slots and
   * retention) is left to the next complete run.
   */
  partial?: boolean;
}

export type Step =
  /** Late rows before a time are past their retention. */
  | { kind: "expire_late"; before_ms: number; rows: number }
  /** The closed slots of one hour become part of its raw blocks, and are dropped. */
  | { kind: "merge_slots"; starts_ms: number[]; rows: number; drop: boolean }
  /** Late rows become part of the raw blocks of their hours. */
  | { kind: "merge_late"; from_ms: number; before_ms: number; rows: number }
  /** A day's pending hours that begin before a time get their five-minute values. */
  | { kind: "roll_hours"; day_ms: number; before_ms: number; groups: number }
  /** A month's pending days that begin before a time get their hourly and daily values. */
  | { kind: "roll_days"; month_ms: number; before_ms: number; groups: number }
  | Removal;

/** The time before which everything is closed: a border between slots. */
export function closedBefore(
  options: Pick<PlanOptions, "now_ms" | "grace_ms" | "until_ms">,
): number {
  const { now_ms, grace_ms, until_ms = Infinity } = options;
  return Math.floor(Math.min(now_ms - grace_ms, until_ms) / HOT_MS) * HOT_MS;
}

/** The steps, in the order in which they must be done. */
export function planAggregation(state: HistoryState, options: PlanOptions): Step[] {
  const closed_ms = closedBefore(options);
  const slots = state.slots.filter(({ start_ms }) => start_ms + HOT_MS <= closed_ms);
  const late_before_ms = lateHorizon(state.partitions, options);
  const expired = state.late_hours.filter(({ start_ms }) => start_ms < late_before_ms);
  const late = state.late_hours.filter(({ start_ms }) =>
    start_ms >= late_before_ms && start_ms < closed_ms
  );
  const merged_ms = [...slots, ...late].map(({ start_ms }) => start_ms);
  const by_hour = Map.groupBy(slots, ({ start_ms }) => startOf("hour", start_ms));
  const steps: Step[] = [...by_hour.values()].map((of_hour) => ({
    kind: "merge_slots",
    starts_ms: of_hour.map(({ start_ms }) => start_ms),
    rows: of_hour.reduce((sum, { rows_estimate }) => sum + rows_estimate, 0),
    drop: options.partial !== true,
  }));
  if (late.length > 0) {
    const from_ms = Math.max(late_before_ms, startOf("hour", late[0]?.start_ms ?? 0));
    steps.push({ kind: "merge_late", from_ms, before_ms: closed_ms, rows: rowsOf(late) });
  }
  steps.push(...planRollups(state, { closed_ms, merged_ms }));
  if (options.partial === true) return steps;
  if (expired.length > 0) {
    const rows = rowsOf(expired);
    steps.unshift({ kind: "expire_late", before_ms: late_before_ms, rows });
  }
  steps.push(...planRemovals(state, options));
  return steps;
}

function rowsOf(hours: readonly { rows: number }[]): number {
  return hours.reduce((sum, { rows }) => sum + rows, 0);
}

function planRollups(
  state: Pick<HistoryState, "pending_hours" | "pending_days">,
  { closed_ms, merged_ms }: { closed_ms: number; merged_ms: readonly number[] },
): Step[] {
  const hours_before_ms = Math.floor(closed_ms / ROLL_MS) * ROLL_MS;
  const days_before_ms = startOf("day", closed_ms);
  const hours = [
    ...state.pending_hours,
    ...merged_ms.map((at_ms) => ({ start_ms: startOf("hour", at_ms), groups: 0 })),
  ].filter(({ start_ms }) => start_ms + HOUR_MS <= hours_before_ms);
  const by_day = grouped(hours, "day");
  const days = [
    ...state.pending_days,
    ...[...by_day.keys()].map((start_ms) => ({ start_ms, groups: 0 })),
  ].filter(({ start_ms }) => start_ms + DAY_MS <= days_before_ms);
  return [
    ...[...by_day].map(([day_ms, groups]): Step => ({
      kind: "roll_hours",
      day_ms,
      before_ms: Math.min(day_ms + DAY_MS, hours_before_ms),
      groups,
    })),
    ...[...grouped(days, "month")].map(([month_ms, groups]): Step => ({
      kind: "roll_days",
      month_ms,
      before_ms: days_before_ms,
      groups,
    })),
  ];
}

/** Sums of groups by the unit they begin in, in order. */
function grouped(
  pending: readonly { start_ms: number; groups: number }[],
  unit: "day" | "month",
): Map<number, number> {
  const sums = new Map<number, number>();
  for (const { start_ms, groups } of pending) {
    const unit_ms = startOf(unit, start_ms);
    sums.set(unit_ms, (sums.get(unit_ms) ?? 0) + groups);
  }
  return new Map([...sums].sort(([a], [b]) => a - b));
}
