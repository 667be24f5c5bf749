/**
 * Five-minute values into hourly and daily ones: a month's pending days of each host and shape. The
 * hours of a day go into the month's block, the day itself, made from these hours, into the year's.
 *
 * A block keeps sum or resets of a series for all its buckets or for none. When a metric's kind has
 * changed in the month (the year), the finer values of the time before do not have what the new kind
 * keeps, and both are left out of that one block; first, last, min, max and count stay.
 */
import { writeTransaction } from "../../db/aggregation_lock.ts";
import {
  type BlockKey,
  blockKey,
  selectBlocks,
  type StoredBlock,
  upsertBlocks,
} from "../../db/blocks.ts";
import { decodeRollupBlock, encodeRollupBlock, type Rollups } from "../../db/codec/rollup_block.ts";
import type { AnySql } from "../../db/connect.ts";
import { deletePending, type PendingGroup, selectDaysWithPendingHours } from "../../db/pending.ts";
import { DAY_MS, HOUR_MS, startOf } from "../../db/tiers.ts";
import { pendingBatches, type PendingSpan } from "./pending_batches.ts";
import { concatRollups, rollUpAgain, updateRollups } from "./rollups.ts";
import { attempt, type Work } from "./work.ts";

/** Rolls up the pending days that begin in the span, which lies in one month. */
export async function rollDays(work: Work, span: PendingSpan): Promise<void> {
  let done = 0;
  for await (const { groups } of pendingBatches(work, "pending_day", span)) {
    await work.partitions.ensure("1h", span.start_ms);
    await work.partitions.ensure("1d", span.start_ms);
    const failures_before = work.counts.failures;
    const days = await writeTransaction(work.sql, async (tx) => {
      work.counts.failures = failures_before;
      return await rollBatch(work, { tx, groups, month_ms: span.start_ms });
    });
    work.counts.days_rolled_up += days;
    done += groups.reduce((sum, group) => sum + group.starts_ms.length, 0);
    work.onDone?.(done);
  }
}

interface Batch {
  tx: AnySql;
  groups: readonly PendingGroup[];
  month_ms: number;
}

/** Returns how many days are done. */
async function rollBatch(work: Work, { tx, groups, month_ms }: Batch): Promise<number> {
  const year_ms = startOf("year", month_ms);
  const all_days = groups.flatMap(daysOf);
  const not_yet = new Set((await selectDaysWithPendingHours(tx, all_days)).map(blockKey));
  const fives = await selectBlocks(tx, "5m", all_days);
  const months = await selectBlocks(tx, "1h", keysAt(groups, month_ms));
  const years = await selectBlocks(tx, "1d", keysAt(groups, year_ms));
  const written = { months: [] as StoredBlock[], years: [] as StoredBlock[] };
  const days_done: BlockKey[] = [];
  for (const group of groups) {
    const days = daysOf(group).filter((day) => !not_yet.has(blockKey(day)));
    const found = days.map((day) => fives.get(blockKey(day))).filter((one) => one !== undefined);
    const month = { host_id: group.host_id, shape_id: group.shape_id, start_ms: month_ms };
    const year = { ...month, start_ms: year_ms };
    const made = found.length === 0 ? "nothing" : attempt(work, month, () => {
      const hours = found.map((day) => rollUpAgain(decodeRollupBlock(day), HOUR_MS));
      const of_days = hours.map((of_day) => rollUpAgain(of_day, DAY_MS));
      return {
        month: joined(month, months.get(blockKey(month)), hours),
        year: joined(year, years.get(blockKey(year)), of_days),
      };
    });
    if (made === undefined) continue;
    days_done.push(...days);
    if (made === "nothing") continue;
    written.months.push(made.month);
    written.years.push(made.year);
  }
  if (written.months.length > 0) {
    await upsertBlocks(tx, "1h", written.months);
    await upsertBlocks(tx, "1d", written.years);
  }
  if (days_done.length > 0) await deletePending(tx, "pending_day", days_done);
  return days_done.length;
}

function daysOf({ host_id, shape_id, starts_ms }: PendingGroup): BlockKey[] {
  return starts_ms.map((start_ms) => ({ host_id, shape_id, start_ms }));
}

function keysAt(groups: readonly PendingGroup[], start_ms: number): BlockKey[] {
  return groups.map(({ host_id, shape_id }) => ({ host_id, shape_id, start_ms }));
}

function joined(
  key: BlockKey,
  before: StoredBlock | undefined,
  fresh: readonly Rollups[],
): StoredBlock {
  const kept = before && decodeRollupBlock(before);
  return { ...key, ...encodeRollupBlock(updateRollups(kept, concatRollups(fresh))) };
}
