/** What the tests of aggregation have in common: reports in the hot table, and reading tiers back. */
import type { Sql } from "../../../db/connect.ts";
import { decodeRawBlock } from "../../../db/codec/raw_block.ts";
import { decodeRollupBlock, type Rollups } from "../../../db/codec/rollup_block.ts";
import type { StoredBlock } from "../../../db/blocks.ts";
import { ensureMetrics, updateMetadata } from "../../../db/metrics.ts";
import { ensureSlot, HOT_MS } from "../../../db/partitions.ts";
import { copyReports } from "../../../db/reports.ts";
import { ensureHostShapes, ensureShapes, shapeDigest, shapeNames } from "../../../db/shapes.ts";
import { type Tier, TIERS } from "../../../db/tiers.ts";
import { silentLogger } from "../../../log.ts";
import { runAggregation, type RunOptions } from "../../../server/aggregate/run.ts";
import type { Counts } from "../../../server/aggregate/work.ts";
import { RowBuffer, rowPrototype } from "../../../server/ingest/rows.ts";

export const RETENTION = {
  raw_days: 30,
  five_minutes_days: 180,
  one_hour_days: 1_095,
  one_day_days: null,
};
export const GRACE_MS = 60_000;

export interface StoredReport {
  host_id: number;
  at_ms: number;
  values: number[];
}

/** A shape of the given metrics; the values of its reports are in the order of the sorted names. */
export async function makeShape(
  sql: Sql,
  metrics: Record<string, "gauge" | "counter" | undefined>,
): Promise<number> {
  const names = shapeNames(Object.keys(metrics));
  const ids = await ensureMetrics(sql, names);
  const kinds = names.map((name) => [name, { kind: metrics[name] }] as const);
  await updateMetadata(sql, Object.fromEntries(kinds.filter(([, { kind }]) => kind !== undefined)));
  const digest = shapeDigest(names);
  const metric_ids = names.map((name) => ids.get(name) ?? 0);
  const shapes = await ensureShapes(sql, new Map([[digest, { names, metric_ids }]]));
  return shapes.get(digest) ?? 0;
}

/** Stores reports as the writer does. With `slots`, their partitions are made first. */
export async function store(
  sql: Sql,
  shape_id: number,
  reports: readonly StoredReport[],
  options: { slots: boolean } = { slots: true },
): Promise<void> {
  const starts = new Set(reports.map(({ at_ms }) => Math.floor(at_ms / HOT_MS) * HOT_MS));
  if (options.slots) { for (const start_ms of starts) await ensureSlot(sql, start_ms); }
  const width = reports[0]?.values.length ?? 0;
  const buffer = new RowBuffer();
  const prototype = rowPrototype(shape_id, width);
  for (const { host_id, at_ms, values } of reports) {
    const row = buffer.add(prototype, host_id, at_ms);
    values.forEach((value, i) => buffer.setValue(row, i, value));
  }
  await copyReports(sql, [buffer.copyData()]);
  const hosts = [...new Set(reports.map(({ host_id }) => host_id))];
  await ensureHostShapes(sql, hosts.map((host_id) => ({ host_id, shape_id })));
}

/** One run. Fails the test when another one is at it. */
export async function aggregate(
  sql: Sql,
  now_ms: number,
  more: Partial<RunOptions> = {},
): Promise<Counts & { steps: number }> {
  const outcome = await runAggregation({
    sql,
    log: silentLogger,
    // the pauses before another attempt are not what these tests are about
    clock: { sleep: () => Promise.resolve() },
    now_ms,
    grace_ms: GRACE_MS,
    retention: RETENTION,
    ...more,
  });
  if (outcome.state !== "done") throw new Error("another run is under way");
  return { ...outcome.counts, steps: outcome.steps };
}

/** What a run has done, without what it has not. */
export function done(counts: Counts & { steps: number }): Record<string, number> {
  return Object.fromEntries(
    Object.entries(counts).filter(([name, count]) => count !== 0 && name !== "steps"),
  );
}

export async function blocksOf(sql: Sql, tier: Tier): Promise<StoredBlock[]> {
  return await sql<StoredBlock[]>`
    select host_id, shape_id, (extract(epoch from start) * 1000)::float8 as start_ms,
      head, offsets, data
    from ${sql(TIERS[tier].table)} order by host_id, shape_id, start`;
}

/** All samples in raw blocks: `host shape time` to values. A report in two blocks is an error. */
export async function rawSamples(sql: Sql): Promise<Map<string, number[]>> {
  const samples = new Map<string, number[]>();
  for (const block of await blocksOf(sql, "raw")) {
    const { times_ms, columns } = decodeRawBlock(block);
    times_ms.forEach((at_ms, row) => {
      const key = `${block.host_id} ${block.shape_id} ${at_ms}`;
      if (samples.has(key)) throw new Error(`${key} is in two blocks`);
      samples.set(key, columns.map((column) => column[row] ?? NaN));
    });
  }
  return samples;
}

export async function rollupsOf(sql: Sql, tier: Tier): Promise<(StoredBlock & Rollups)[]> {
  return (await blocksOf(sql, tier)).map((block) => ({ ...block, ...decodeRollupBlock(block) }));
}

/** Names of the hot partitions and how many late rows there are. */
export async function hotState(sql: Sql): Promise<{ slots: string[]; late: number }> {
  const slots = await sql<{ name: string }[]>`
    select inhrelid::regclass::text as name from pg_inherits
    where inhparent = 'report'::regclass and inhrelid <> 'report_late'::regclass order by 1`;
  const [late] = await sql<{ rows: number }[]>`select count(*) as rows from report_late`;
  return { slots: slots.map(({ name }) => name), late: late?.rows ?? 0 };
}
