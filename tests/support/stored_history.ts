/**
 * History put into the tables in any state that aggregation can leave it in: reports in hot rows, in
 * raw blocks or in both, and rollups that are as new as these or older, with what is pending.
 */
import { ensureBlockPartition } from "../../db/block_partitions.ts";
import { upsertBlocks } from "../../db/blocks.ts";
import { groupBuckets, groupReports } from "../../db/codec/buckets.ts";
import { encodeRawBlock } from "../../db/codec/raw_block.ts";
import { type ReportRow, reportsFromRows } from "../../db/codec/reports.ts";
import { type RollupKind, rollupRollup, rollupSamples } from "../../db/codec/rollup.ts";
import { encodeRollupBlock, type Rollups } from "../../db/codec/rollup_block.ts";
import type { Block } from "../../db/codec/block.ts";
import type { Sql } from "../../db/connect.ts";
import { ensureHosts } from "../../db/hosts.ts";
import { rollupKinds } from "../../db/metric_kinds.ts";
import { ensureMetrics } from "../../db/metrics.ts";
import { insertPending } from "../../db/pending.ts";
import { ensureHostShapes, ensureShapes, shapeDigest } from "../../db/shapes.ts";
import { startOf, type Tier, TIERS } from "../../db/tiers.ts";

/** The reports of one shape and where they are. Values are in the order of `names`. */
export interface ShapeHistory {
  /** Sorted. */
  names: string[];
  /** In table `report`. */
  hot?: ReportRow[];
  /** In raw blocks. */
  raw?: ReportRow[];
  /** What the five-minute rollups were made of. */
  in_5m?: ReportRow[];
  /** What the hourly and daily rollups were made of. */
  in_1h?: ReportRow[];
  pending_hours?: number[];
  pending_days?: number[];
}

/** Stores the history of a host; it had none in these blocks. */
export async function storeHistory(
  sql: Sql,
  hostname: string,
  shapes: readonly ShapeHistory[],
): Promise<void> {
  const host_id = (await ensureHosts(sql, [hostname], 0)).get(hostname) ?? 0;
  for (const shape of shapes) {
    const metric_ids = await ensureMetrics(sql, shape.names);
    const input = {
      names: shape.names,
      metric_ids: shape.names.map((name) => metric_ids.get(name) ?? 0),
    };
    const digest = shapeDigest(shape.names);
    const shape_id = (await ensureShapes(sql, new Map([[digest, input]]))).get(digest) ?? 0;
    await ensureHostShapes(sql, [{ host_id, shape_id }]);
    await storeShape(sql, { host_id, shape_id }, shape);
  }
}

interface Owner {
  host_id: number;
  shape_id: number;
}

async function storeShape(sql: Sql, owner: Owner, shape: ShapeHistory): Promise<void> {
  for (const { at_ms, values } of shape.hot ?? []) {
    await sql`
      insert into report (host_id, shape_id, at, vals)
      values (${owner.host_id}, ${owner.shape_id},
        timestamptz 'epoch' + ${at_ms}::float8 * interval '1 millisecond',
        ${Array.from(values)}::float8[])`;
  }
  const width = shape.names.length;
  for (const [start_ms, rows] of by("hour", shape.raw ?? [])) {
    await store(sql, "raw", { ...owner, start_ms }, encodeRawBlock(reportsFromRows(rows, width)));
  }
  const kinds = rollupKinds(shape.names.map((name) => ({ name, kind: null })));
  for (const [start_ms, rows] of by("day", shape.in_5m ?? [])) {
    await store(sql, "5m", { ...owner, start_ms }, encodeRollupBlock(fiveMinutes(rows, kinds)));
  }
  for (const [start_ms, rows] of by("month", shape.in_1h ?? [])) {
    const hours = coarser(fiveMinutes(rows, kinds), "1h");
    await store(sql, "1h", { ...owner, start_ms }, encodeRollupBlock(hours));
  }
  for (const [start_ms, rows] of by("year", shape.in_1h ?? [])) {
    const days = coarser(coarser(fiveMinutes(rows, kinds), "1h"), "1d");
    await store(sql, "1d", { ...owner, start_ms }, encodeRollupBlock(days));
  }
  const pending = (starts: number[] = []) => starts.map((start_ms) => ({ ...owner, start_ms }));
  await insertPending(sql, "pending_hour", pending(shape.pending_hours));
  await insertPending(sql, "pending_day", pending(shape.pending_days));
}

function by(unit: "hour" | "day" | "month" | "year", rows: readonly ReportRow[]) {
  return Map.groupBy(rows, ({ at_ms }) => startOf(unit, at_ms));
}

function fiveMinutes(rows: readonly ReportRow[], kinds: readonly RollupKind[]): Rollups {
  const { times_ms, columns } = reportsFromRows(rows, kinds.length);
  const grouping = groupReports(times_ms, TIERS["5m"].bucket_ms ?? 0);
  const series = columns.map((column, i) => rollupSamples(column, grouping, kinds[i] ?? "gauge"));
  return { buckets: grouping.buckets, series };
}

function coarser(finer: Rollups, tier: Tier): Rollups {
  const grouping = groupBuckets(finer.buckets, TIERS[tier].bucket_ms ?? 0);
  const series = finer.series.map((rollup) => rollupRollup(rollup, grouping));
  return { buckets: grouping.buckets, series };
}

async function store(
  sql: Sql,
  tier: Tier,
  key: Owner & { start_ms: number },
  block: Block,
): Promise<void> {
  await ensureBlockPartition(sql, tier, key.start_ms);
  await upsertBlocks(sql, tier, [{ ...key, ...block }]);
}
