/**
 * Raw blocks into five-minute values: a day's pending hours of each host and shape are rolled up and
 * put into that day's block, replacing the buckets of the same hours. Whether a bucket is new or has
 * changed because late data came is all the same. The day is then pending in turn.
 *
 * A metric's kind may change (its sender says one day that it is a counter). Then the day's older
 * hours lack what its newer ones keep, and a block keeps one thing for all its buckets: so the whole
 * day is made anew from its samples. Where they are past their retention, sum and resets of that
 * metric are left out for that day; first, last, min, max and count stay.
 */
import { writeTransaction } from "../../db/aggregation_lock.ts";
import {
  type BlockKey,
  blockKey,
  selectBlockKeys,
  selectBlocks,
  type StoredBlock,
  upsertBlocks,
} from "../../db/blocks.ts";
import { decodeRawBlock } from "../../db/codec/raw_block.ts";
import type { RollupKind } from "../../db/codec/rollup.ts";
import { decodeRollupBlock, encodeRollupBlock, type Rollups } from "../../db/codec/rollup_block.ts";
import type { AnySql } from "../../db/connect.ts";
import { deletePending, insertPending, type PendingGroup } from "../../db/pending.ts";
import { DAY_MS, MINUTE_MS } from "../../db/tiers.ts";
import { pendingBatches, type PendingSpan } from "./pending_batches.ts";
import { concatRollups, kindsDiffer, rollUpReports, updateRollups } from "./rollups.ts";
import { attempt, type Work } from "./work.ts";

const BUCKET_MS = 5 * MINUTE_MS;

/** Rolls up the pending hours that begin in the span, which lies in one day. */
export async function rollHours(work: Work, span: PendingSpan): Promise<void> {
  let done = 0;
  for await (const { groups, kinds } of pendingBatches(work, "pending_hour", span)) {
    await work.partitions.ensure("5m", span.start_ms);
    const failures_before = work.counts.failures;
    const hours = await writeTransaction(work.sql, async (tx) => {
      work.counts.failures = failures_before;
      return await rollBatch(work, { tx, groups, kinds, day_ms: span.start_ms });
    });
    work.counts.hours_rolled_up += hours;
    done += groups.reduce((sum, group) => sum + group.starts_ms.length, 0);
    work.onDone?.(done);
  }
}

interface Batch {
  tx: AnySql;
  groups: readonly PendingGroup[];
  kinds: ReadonlyMap<number, readonly RollupKind[]>;
  day_ms: number;
}

/** Returns how many hours are done. */
async function rollBatch(work: Work, { tx, groups, kinds, day_ms }: Batch): Promise<number> {
  const days = groups.map(({ host_id, shape_id }) => ({ host_id, shape_id, start_ms: day_ms }));
  const raw = await selectBlocks(tx, "raw", groups.flatMap(hoursOf));
  const kept = await selectBlocks(tx, "5m", days);
  const written: StoredBlock[] = [];
  const hours_done: BlockKey[] = [];
  for (const group of groups) {
    const day = { host_id: group.host_id, shape_id: group.shape_id, start_ms: day_ms };
    const of_shape = kinds.get(group.shape_id) ?? [];
    const hours = hoursOf(group).map((hour) => raw.get(blockKey(hour)))
      .filter((block) => block !== undefined);
    const before = kept.get(blockKey(day));
    // pending, and its samples gone: past their retention, the buckets stay as they are
    let rollups = hours.length === 0
      ? "nothing" as const
      : attempt(work, day, () => joinDay(hours, { before, kinds: of_shape }));
    if (rollups === "kinds differ") {
      rollups = await rollWholeDay(work, { tx, day, before, kinds: of_shape });
    }
    if (rollups === undefined) continue;
    hours_done.push(...hoursOf(group));
    if (rollups !== "nothing") written.push({ ...day, ...encodeRollupBlock(rollups) });
  }
  if (written.length > 0) {
    await upsertBlocks(tx, "5m", written);
    await insertPending(tx, "pending_day", written);
  }
  if (hours_done.length > 0) await deletePending(tx, "pending_hour", hours_done);
  return hours_done.length;
}

function hoursOf({ host_id, shape_id, starts_ms }: PendingGroup): BlockKey[] {
  return starts_ms.map((start_ms) => ({ host_id, shape_id, start_ms }));
}

interface DayOptions {
  before: StoredBlock | undefined;
  kinds: readonly RollupKind[];
}

function rollBlocks(hours: readonly StoredBlock[], kinds: readonly RollupKind[]): Rollups {
  return concatRollups(
    hours.map((hour) => rollUpReports(decodeRawBlock(hour), { bucket_ms: BUCKET_MS, kinds })),
  );
}

function joinDay(
  hours: readonly StoredBlock[],
  { before, kinds }: DayOptions,
): Rollups | "kinds differ" {
  const fresh = rollBlocks(hours, kinds);
  const kept = before && decodeRollupBlock(before);
  return kept !== undefined && kindsDiffer(kept, fresh)
    ? "kinds differ"
    : updateRollups(kept, fresh);
}

/** All hours of the day that still have samples, anew. */
async function rollWholeDay(
  work: Work,
  { tx, day, before, kinds }: DayOptions & { tx: AnySql; day: BlockKey },
): Promise<Rollups | undefined> {
  const span = { from_ms: day.start_ms, before_ms: day.start_ms + DAY_MS };
  const keys = await selectBlockKeys(tx, "raw", { ...day, ...span });
  const raw = await selectBlocks(tx, "raw", keys);
  const hours = keys.map((key) => raw.get(blockKey(key))).filter((block) => block !== undefined);
  return attempt(
    work,
    day,
    () => updateRollups(before && decodeRollupBlock(before), rollBlocks(hours, kinds)),
  );
}
