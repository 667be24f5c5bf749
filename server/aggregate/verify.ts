/**
 * Whether stored history is what it was made of: days of hosts and shapes, chosen at random, are made
 * again from the next finer tier and compared bit for bit.
 *
 *   raw   every block has its checksums, times inside its hour and in order, and is written again
 *         as the same bytes
 *   5m    of each hour whose samples are kept, and nothing pending: made from the raw block
 *   1h    of the day, nothing pending: made from the five-minute values
 *   1d    made from the hourly values that are stored
 *
 * A day is read in one snapshot, so that an aggregation under way is no difference. Values whose
 * source is past its retention cannot be made again and are left alone.
 */
import { type BlockKey, blockKey, selectBlockKeys, selectBlocks } from "../../db/blocks.ts";
import type { Block } from "../../db/codec/block.ts";
import { CodecError } from "../../db/codec/error.ts";
import { decodeRawBlock, encodeRawBlock } from "../../db/codec/raw_block.ts";
import type { Rollup, RollupKind } from "../../db/codec/rollup.ts";
import { decodeRollupBlock, type Rollups } from "../../db/codec/rollup_block.ts";
import type { AnySql, Sql } from "../../db/connect.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS, startOf, type Tier } from "../../db/tiers.ts";
import { transaction } from "../../db/transaction.ts";
import { selectPendingStarts, selectRandomDays } from "../../db/verify_sample.ts";
import { compareRollups, type RollupDifference } from "./compare.ts";
import { concatRollups, rollUpAgain, rollUpReports, sliceRollups } from "./rollups.ts";
import { sameBytes } from "./work.ts";

/** Differences told of one day; one wrong block can have thousands. */
const DIFFERENCES_PER_DAY_MAX = 20;

export type Difference =
  & Omit<BlockKey, "start_ms">
  & { tier: Tier }
  & (
    | RollupDifference
    /** A block as a whole. */
    | { what: "block"; start_ms: number; problem: string }
  );

export interface VerifyOptions {
  sql: Sql;
  /** Days of one host and shape to look at, at most. */
  sample: number;
  host_id?: number;
  signal?: AbortSignal;
  onProgress?: (done: number, of: number) => void;
}

export interface VerifyResult {
  days_checked: number;
  differences: Difference[];
}

/** Reads only. Throws what the database says. */
export async function verifyHistory(options: VerifyOptions): Promise<VerifyResult> {
  const { sql, sample, host_id, signal, onProgress } = options;
  const days = await selectRandomDays(sql, { limit: sample, host_id });
  const differences: Difference[] = [];
  for (const [index, day] of days.entries()) {
    signal?.throwIfAborted();
    onProgress?.(index, days.length);
    const found = await transaction(sql, (tx) => verifyDay(tx, day), {
      mode: "isolation level repeatable read read only",
    });
    differences.push(...found.slice(0, DIFFERENCES_PER_DAY_MAX));
  }
  return { days_checked: days.length, differences };
}

async function verifyDay(tx: AnySql, day: BlockKey): Promise<Difference[]> {
  const { host_id, shape_id, start_ms } = day;
  const range = { host_id, shape_id, from_ms: start_ms, before_ms: start_ms + DAY_MS };
  const differences: Difference[] = [];
  const report = (tier: Tier, found: readonly RollupDifference[]) => {
    for (const one of found) differences.push({ host_id, shape_id, tier, ...one });
  };
  const reader: BlockReader = async (tier, at_ms) => {
    const key = { ...day, start_ms: at_ms };
    const block = (await selectBlocks(tx, tier, [key])).get(blockKey(key));
    if (block === undefined || tier === "raw") return block;
    const problem = problemOf(() => decodeRollupBlock(block));
    if (problem === undefined) return block;
    differences.push({ host_id, shape_id, tier, what: "block", start_ms: at_ms, problem });
    return undefined;
  };
  const five = decoded(await reader("5m", start_ms));
  const pending_hours = await selectPendingStarts(tx, "pending_hour", range);
  const keys = await selectBlockKeys(tx, "raw", range);
  const kinds = five?.series.map(kindOf) ?? [];
  const made: Rollups[] = [];
  for (const { start_ms: hour_ms } of keys) {
    const block = await reader("raw", hour_ms);
    const problem = block && problemOf(() => checkRaw(block, hour_ms));
    if (problem !== undefined) {
      differences.push({
        ...{ host_id, shape_id, tier: "raw", what: "block", start_ms: hour_ms, problem },
      });
    } else if (block !== undefined && !pending_hours.includes(hour_ms)) {
      made.push(rollUpReports(decodeRawBlock(block), { bucket_ms: 5 * MINUTE_MS, kinds }));
    }
  }
  const known_hours = { pending_hours, raw_hours: keys.map((key) => key.start_ms) };
  report("5m", compareFives(made, five, known_hours));
  const day_is_pending = (await selectPendingStarts(tx, "pending_day", range)).length > 0;
  if (five !== undefined && !day_is_pending) {
    const hours = decoded(await reader("1h", startOf("month", start_ms)));
    report("1h", compareRollups(rollUpAgain(five, HOUR_MS), sliced(hours, range)));
    const days = decoded(await reader("1d", startOf("year", start_ms)));
    report("1d", compareRollups(rollUpAgain(sliced(hours, range), DAY_MS), sliced(days, range)));
  }
  return differences;
}

type BlockReader = (tier: Tier, start_ms: number) => Promise<Block | undefined>;

const NOTHING: Rollups = {
  buckets: {
    start_ms: new Float64Array(),
    count: new Float64Array(),
    first_ms: new Float64Array(),
    last_ms: new Float64Array(),
  },
  series: [],
};

function decoded(block: Block | undefined): Rollups | undefined {
  return block && decodeRollupBlock(block);
}

function sliced(rollups: Rollups | undefined, range: { from_ms: number; before_ms: number }) {
  return rollups === undefined ? NOTHING : sliceRollups(rollups, range);
}

/** As what a series was rolled up; its kind may have changed since. */
function kindOf({ sum, lost }: Rollup): RollupKind {
  return sum === undefined && lost !== undefined ? "counter" : "gauge";
}

/** Buckets of pending hours may be old, those of a day without samples cannot be made again. */
function compareFives(
  made: readonly Rollups[],
  five: Rollups | undefined,
  hours: { pending_hours: readonly number[]; raw_hours: readonly number[] },
): RollupDifference[] {
  const { pending_hours, raw_hours } = hours;
  const expected = made.length === 0 ? NOTHING : concatRollups(made);
  return compareRollups(expected, five ?? NOTHING).filter(({ bucket_ms, expected }) =>
    !pending_hours.includes(startOf("hour", bucket_ms)) &&
    (expected !== undefined || raw_hours.length > 0)
  );
}

function checkRaw(block: Block, hour_ms: number): void {
  const reports = decodeRawBlock(block);
  const [first, last] = [reports.times_ms.at(0) ?? NaN, reports.times_ms.at(-1) ?? NaN];
  if (!(first >= hour_ms && last < hour_ms + HOUR_MS)) {
    throw new CodecError("corrupt", "It has times of another hour");
  }
  const again = encodeRawBlock(reports);
  const same = sameBytes(again.head, block.head) && sameBytes(again.offsets, block.offsets) &&
    sameBytes(again.data, block.data);
  if (!same) throw new CodecError("corrupt", "It is written differently now");
}

function problemOf(check: () => unknown): string | undefined {
  try {
    check();
    return undefined;
  } catch (error) {
    if (error instanceof CodecError || error instanceof RangeError) return error.message;
    throw error;
  }
}
