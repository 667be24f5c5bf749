/**
 * The newest report of each host and shape that has no hot row: the last row of its last raw block, or,
 * where retention has dropped that, the last values of its last day. Shapes that a host has left
 * long ago are not read.
 */
import { setImmediate } from "node:timers/promises";
import { type BlockKey, selectBlocks, type StoredBlock } from "../../db/blocks.ts";
import { CodecError } from "../../db/codec/error.ts";
import { decodeRawBlock } from "../../db/codec/raw_block.ts";
import { decodeRollupBlock } from "../../db/codec/rollup_block.ts";
import type { Sql } from "../../db/connect.ts";
import { type LatestBlock, selectLatestBlocks } from "../../db/latest_blocks.ts";
import { selectHostShapes } from "../../db/series.ts";

export interface LatestInBlock {
  host_id: number;
  shape_id: number;
  at_ms: number;
  values: Float64Array;
}

/** Blocks at once: of 100 metrics each, a megabyte. */
const BLOCKS_AT_ONCE = 32;
/** Hosts and shapes whose newest blocks are looked up at once. */
const PAIRS_AT_ONCE = 2_000;

/**
 * @param options.isKnown Which hosts and shapes not to look for.
 * @param options.gone_ms A shape not used for so long before the host's newest report is left out.
 */
export async function* readLatestInBlocks(
  sql: Sql,
  options: { isKnown: (host_id: number, shape_id: number) => boolean; gone_ms: number },
): AsyncGenerator<LatestInBlock> {
  const pairs = (await selectHostShapes(sql)).flatMap(({ host_id, shape_ids }) =>
    shape_ids.map((shape_id) => ({ host_id, shape_id }))
  ).filter(({ host_id, shape_id }) => !options.isKnown(host_id, shape_id));
  for (let at = 0; at < pairs.length; at += PAIRS_AT_ONCE) {
    const found = await selectLatestBlocks(sql, pairs.slice(at, at + PAIRS_AT_ONCE));
    const used = newestOfHosts(found, options.gone_ms);
    const raw = used.flatMap((one) =>
      one.raw_start_ms === null ? [] : [{ ...one, start_ms: one.raw_start_ms }]
    );
    yield* readAll(raw, (keys) => selectBlocks(sql, "raw", keys), lastOfRaw);
    const days = used.flatMap((one) =>
      one.raw_start_ms !== null || one.day_start_ms === null
        ? []
        : [{ ...one, start_ms: one.day_start_ms }]
    );
    yield* readAll(days, (keys) => selectBlocks(sql, "1d", keys), lastOfDays);
  }
}

/** Those whose newest block is not much older than their host's newest. */
function newestOfHosts(blocks: readonly LatestBlock[], gone_ms: number): LatestBlock[] {
  const startOf = ({ raw_start_ms, day_start_ms }: LatestBlock) =>
    raw_start_ms ?? day_start_ms ?? -Infinity;
  const newest = new Map<number, number>();
  for (const block of blocks) {
    newest.set(block.host_id, Math.max(newest.get(block.host_id) ?? -Infinity, startOf(block)));
  }
  return blocks.filter((block) =>
    // a block of days says no more than the year
    block.raw_start_ms === null ||
    block.raw_start_ms >= (newest.get(block.host_id) ?? -Infinity) - gone_ms
  );
}

async function* readAll(
  keys: readonly BlockKey[],
  select: (keys: readonly BlockKey[]) => Promise<Map<string, StoredBlock>>,
  decode: (block: StoredBlock) => LatestInBlock | undefined,
): AsyncGenerator<LatestInBlock> {
  // near each other in time: a statement looks into few partitions
  const ordered = keys.toSorted((a, b) => b.start_ms - a.start_ms);
  for (let at = 0; at < ordered.length; at += BLOCKS_AT_ONCE) {
    for (const block of (await select(ordered.slice(at, at + BLOCKS_AT_ONCE))).values()) {
      const latest = undamaged(() => decode(block));
      if (latest !== undefined) yield latest;
      await setImmediate();
    }
  }
}

/** A damaged block must not hide all other hosts; whoever reads its history is told of it. */
function undamaged<T>(decode: () => T): T | undefined {
  try {
    return decode();
  } catch (error) {
    if (error instanceof CodecError) return undefined;
    throw error;
  }
}

function lastOfRaw(block: StoredBlock): LatestInBlock | undefined {
  const { times_ms, columns } = decodeRawBlock(block);
  const at_ms = times_ms.at(-1);
  if (at_ms === undefined) return undefined;
  const values = Float64Array.from(columns, (column) => column.at(-1) ?? 0);
  return { host_id: block.host_id, shape_id: block.shape_id, at_ms, values };
}

function lastOfDays(block: StoredBlock): LatestInBlock | undefined {
  const { buckets, series } = decodeRollupBlock(block);
  const at_ms = buckets.last_ms.at(-1);
  if (at_ms === undefined) return undefined;
  const values = Float64Array.from(series, ({ last }) => last.at(-1) ?? 0);
  return { host_id: block.host_id, shape_id: block.shape_id, at_ms, values };
}
