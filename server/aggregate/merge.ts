/**
 * Hot rows into raw blocks: the closed slots, or the late rows, of an hour become part of that hour's
 * blocks, one for each host and shape.
 *
 * The rows are read host by host and gathered into batches of some megabytes; each batch is one
 * transaction that reads the blocks there are, adds the rows, and writes what has changed, together
 * with the note that the hour is to be rolled up. So memory does not depend on the number of hosts,
 * and a crash leaves whole transactions behind. Since a block is the union of its reports by time,
 * doing it again changes nothing: a slot that could not be dropped is simply read again, and finds
 * its blocks as they should be.
 *
 * Slots are read as a stream, from one transaction. Late rows are not: who makes a partition wants
 * their table alone, and a batch that deletes from it queues behind him. If it were read all the
 * while, each of the three would wait for the next, and PostgreSQL would not know: the reader waits
 * in this program. So nothing reads late rows while a batch of them is merged, and each batch begins
 * behind the last row of the one before.
 */
import {
  type BlockKey,
  blockKey,
  selectBlocks,
  type StoredBlock,
  upsertBlocks,
} from "../../db/blocks.ts";
import { decodeRawBlock, encodeRawBlock } from "../../db/codec/raw_block.ts";
import { mergeReports, reportsFromRows } from "../../db/codec/reports.ts";
import { writeTransaction } from "../../db/aggregation_lock.ts";
import type { HotRow } from "../../db/copy_rows.ts";
import {
  countLateRows,
  deleteLateRows,
  type HotKey,
  readLateRows,
  readSlotRows,
} from "../../db/hot_rows.ts";
import { HOT_MS } from "../../db/partitions.ts";
import { insertPending } from "../../db/pending.ts";
import { transaction } from "../../db/transaction.ts";
import { HOUR_MS, startOf } from "../../db/tiers.ts";
import { isLateExpired } from "./retention.ts";
import { attempt, sameBytes, type Work } from "./work.ts";

/**
 * Values in one batch, 8 bytes each; with the blocks they go into some six times that, at the end
 * of an hour.
 */
const BATCH_VALUES_MAX = 400_000;
/** Late rows read at once: what is beyond the batch, with many values in each, is read in vain. */
const LATE_PAGE_ROWS = 1_000;

/** Rows of one block. */
interface ReportGroup extends BlockKey {
  rows: HotRow[];
}

export interface Merged {
  /** Rows read by the slot they belong to; all are in blocks now unless something failed. */
  rows_by_slot: Map<number, number>;
  failures: number;
}

/**
 * Merges all rows of some slots of one hour as they are when it begins.
 * @throws what the database says; what was committed until then stays
 */
export async function mergeSlots(work: Work, starts_ms: readonly number[]): Promise<Merged> {
  const failures_before = work.counts.failures;
  const rows_by_slot = new Map<number, number>();
  let rows = 0;
  let batch: ReportGroup[] = [];
  let values = 0;
  const flush = async () => {
    if (batch.length > 0) await mergeBatch(work, "slots", batch);
    batch = [];
    values = 0;
    work.onDone?.(rows);
    work.signal?.throwIfAborted();
  };
  // what goes wrong on other connections waits until this one has ended its transaction
  let failure: { error: unknown } | undefined;
  await transaction(work.sql, async (tx) => {
    for await (const group of groupsOf(readSlotRows(tx, starts_ms, work.host_id))) {
      const full = values >= BATCH_VALUES_MAX || batch[0]?.start_ms !== group.start_ms;
      if (batch.length > 0 && full) await flush().catch((error) => failure = { error });
      if (failure !== undefined) return;
      batch.push(group);
      rows += group.rows.length;
      values += group.rows.length * (group.rows[0]?.values.length ?? 0);
      countBySlot(rows_by_slot, group.rows);
    }
  }, { mode: "read only" });
  if (failure !== undefined) throw failure.error;
  await flush();
  return { rows_by_slot, failures: work.counts.failures - failures_before };
}

/**
 * Merges the late rows of a span. What comes while it is under way is merged with them, or by the
 * next run.
 * @throws what the database says; what was committed until then stays
 */
export async function mergeLate(work: Work, span: LateSpan): Promise<void> {
  const { sql, host_id } = work;
  let rows = 0;
  for (const { start_ms } of await countLateRows(sql, { before_ms: span.before_ms, host_id })) {
    const hour = {
      from_ms: Math.max(span.from_ms, start_ms),
      before_ms: Math.min(span.before_ms, start_ms + HOUR_MS),
    };
    let after: HotKey | undefined;
    for (let is_full = hour.from_ms < hour.before_ms; is_full;) {
      const batch = await readLateBatch(work, hour, after);
      after = batch.rows.at(-1);
      is_full = batch.is_full;
      rows += batch.rows.length;
      const groups = await Array.fromAsync(groupsOf([batch.rows]));
      if (groups.length > 0) await mergeBatch(work, "late", groups);
      work.onDone?.(rows);
      work.signal?.throwIfAborted();
    }
  }
}

interface LateSpan {
  from_ms: number;
  before_ms: number;
}

/** The next rows of an hour. When the batch is not full, there are no more. */
async function readLateBatch(
  { sql, host_id }: Work,
  hour: LateSpan,
  after: HotKey | undefined,
): Promise<{ rows: HotRow[]; is_full: boolean }> {
  const rows: HotRow[] = [];
  let values = 0;
  for (;;) {
    const rows_before = rows.length;
    const page = { ...hour, after: rows.at(-1) ?? after, rows_max: LATE_PAGE_ROWS };
    await transaction(sql, async (tx) => {
      for await (const piece of readLateRows(tx, page, host_id)) {
        for (const row of piece) {
          rows.push(row);
          values += row.values.length;
          if (values >= BATCH_VALUES_MAX) return;
        }
      }
    }, { mode: "read only" });
    if (values >= BATCH_VALUES_MAX) return { rows, is_full: true };
    if (rows.length - rows_before < LATE_PAGE_ROWS) return { rows, is_full: false };
  }
}

function countBySlot(counts: Map<number, number>, rows: readonly HotRow[]): void {
  for (const { at_ms } of rows) {
    const slot_ms = Math.floor(at_ms / HOT_MS) * HOT_MS;
    counts.set(slot_ms, (counts.get(slot_ms) ?? 0) + 1);
  }
}

/** Gathers rows that come by hour and host into groups of one shape. */
async function* groupsOf(
  pieces: AsyncIterable<HotRow[]> | Iterable<HotRow[]>,
): AsyncGenerator<ReportGroup> {
  let groups = new Map<number, ReportGroup>();
  let host_id = -1;
  let start_ms = -1;
  for await (const rows of pieces) {
    for (const row of rows) {
      const hour_ms = startOf("hour", row.at_ms);
      if (row.host_id !== host_id || hour_ms !== start_ms) {
        yield* groups.values();
        groups = new Map();
        [host_id, start_ms] = [row.host_id, hour_ms];
      }
      const group = groups.get(row.shape_id);
      if (group === undefined) {
        groups.set(row.shape_id, { host_id, shape_id: row.shape_id, start_ms, rows: [row] });
      } else group.rows.push(row);
    }
  }
  yield* groups.values();
}

/** One transaction: `groups` are of one hour. */
async function mergeBatch(
  work: Work,
  kind: "slots" | "late",
  groups: readonly ReportGroup[],
): Promise<void> {
  const expired = kind === "late" ? await expiredGroups(work, groups) : undefined;
  if (groups.length > (expired?.size ?? 0)) {
    await work.partitions.ensure("raw", groups[0]?.start_ms ?? 0);
  }
  const failures_before = work.counts.failures;
  const done = await writeTransaction(work.sql, async (tx) => {
    // a transaction that is rolled back has failed as a whole
    work.counts.failures = failures_before;
    const there = await selectBlocks(tx, "raw", groups);
    const changed: StoredBlock[] = [];
    const merged: HotRow[] = [];
    const gone: HotRow[] = [];
    for (const group of groups) {
      if (expired?.has(group)) {
        gone.push(...group.rows);
        continue;
      }
      const before = there.get(blockKey(group));
      const block = attempt(work, group, () => mergeGroup(group, before));
      if (block === undefined) continue;
      for (const row of group.rows) merged.push(row);
      if (before === undefined || !isSame(before, block)) changed.push(block);
    }
    if (changed.length > 0) {
      await upsertBlocks(tx, "raw", changed);
      await insertPending(tx, "pending_hour", changed);
    }
    const settled = [...merged, ...gone];
    if (kind === "late" && settled.length > 0) await deleteLateRows(tx, settled);
    return { changed: changed.length, merged: merged.length, expired: gone.length };
  });
  work.counts.raw_blocks_written += done.changed;
  work.counts.late_reports_expired += done.expired;
  if (kind === "late") work.counts.late_reports_merged += done.merged;
  else work.counts.reports_merged += done.merged;
}

/**
 * Late rows of shapes whose samples of that day are past retention of their own. Merged, they would be
 * all of their hour, and its rollups made from them alone.
 */
async function expiredGroups(
  { shape_days, now_ms }: Work,
  groups: readonly ReportGroup[],
): Promise<ReadonlySet<ReportGroup> | undefined> {
  if (shape_days === undefined) return undefined;
  await shape_days.learn(() => groups.map(({ shape_id }) => shape_id));
  return new Set(groups.filter(({ shape_id, start_ms }) => {
    const own = shape_days.get(shape_id);
    return own !== undefined && isLateExpired(start_ms, own, now_ms);
  }));
}

function mergeGroup(group: ReportGroup, before: StoredBlock | undefined): StoredBlock {
  const { host_id, shape_id, start_ms, rows } = group;
  const fresh = reportsFromRows(
    rows.map(({ at_ms, values }) => ({ at_ms, values })),
    widthOf(rows),
  );
  const reports = before === undefined ? fresh : mergeReports(decodeRawBlock(before), fresh);
  return { host_id, shape_id, start_ms, ...encodeRawBlock(reports) };
}

function widthOf(rows: readonly HotRow[]): number {
  return rows[0]?.values.length ?? 0;
}

function isSame(a: StoredBlock, b: StoredBlock): boolean {
  return sameBytes(a.head, b.head) && sameBytes(a.offsets, b.offsets) && sameBytes(a.data, b.data);
}
