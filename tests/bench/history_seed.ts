/**
 * A stored history of many hosts, made fast: the blocks of a few distinct hosts are encoded, written
 * and then copied under the ids of all others inside PostgreSQL. The state is that of a server which
 * has aggregated a moment ago: the rows of the open ten minutes are hot, the current hour's rollups
 * are pending, and so are the hourly and daily ones of today.
 *
 * `!` after an index: loops run over the arrays' own lengths.
 */
import { ensureBlockPartition } from "../../db/block_partitions.ts";
import { type StoredBlock, upsertBlocks } from "../../db/blocks.ts";
import { groupBuckets, groupReports } from "../../db/codec/buckets.ts";
import { encodeRawBlock } from "../../db/codec/raw_block.ts";
import { replaceBuckets } from "../../db/codec/replace_buckets.ts";
import type { Reports } from "../../db/codec/reports.ts";
import { type RollupKind, rollupRollup, rollupSamples } from "../../db/codec/rollup.ts";
import { encodeRollupBlock, type Rollups } from "../../db/codec/rollup_block.ts";
import type { Sql } from "../../db/connect.ts";
import { ensureHosts } from "../../db/hosts.ts";
import { ensureMetrics, updateMetadata } from "../../db/metrics.ts";
import { ensurePartitions, HOT_MS } from "../../db/partitions.ts";
import { copyReports } from "../../db/reports.ts";
import { ensureHostShapes, ensureShapes, shapeDigest, shapeNames } from "../../db/shapes.ts";
import {
  DAY_MS,
  HOUR_MS,
  MINUTE_MS,
  startOf,
  type Tier,
  TIER_NAMES,
  TIERS,
} from "../../db/tiers.ts";
import { RowBuffer, rowPrototype } from "../../server/ingest/rows.ts";

/** Enough that neither PostgreSQL's nor the processor's caches see the same bytes all the time. */
const DISTINCT_HOSTS = 8;
const EVERY_MS = 10_000;

export interface SeedOptions {
  hosts: number;
  metrics: number;
  days: number;
  now_ms: number;
  say: (text: string) => void;
}

export interface Seeded {
  hostnames: string[];
  /** Gauges that change with every report: the dearest to read. */
  gauges: string[];
  counters: string[];
}

interface Plan extends SeedOptions {
  names: string[];
  kinds: RollupKind[];
  shape_id: number;
  host_ids: number[];
}

/** Three in five are gauges that change all the time, one in five is a counter, one never changes. */
function kindOf(index: number): "gauge" | "counter" | "constant" {
  return index % 5 === 3 ? "counter" : index % 5 === 4 ? "constant" : "gauge";
}

/** Not all hosts report in the same moment. */
function phaseOf(host: number): number {
  return host % DISTINCT_HOSTS * 7_919 % EVERY_MS;
}

/** Endless values of one metric of one host. */
function* values(seed: number, kind: ReturnType<typeof kindOf>): Generator<number, never> {
  let state = Math.abs(seed) * 7_919 + 1;
  const random = () => (state = state * 48_271 % 2_147_483_647) / 2_147_483_647;
  let value = Math.round(random() * 10_000) / 100;
  for (;;) {
    yield value;
    if (kind === "counter") value += Math.floor(random() * 1_000);
    else if (kind === "gauge") {
      value = Math.round(Math.min(100, Math.max(0, value + (random() - 0.5) * 4)) * 100) / 100;
    }
  }
}

/** Stores everything; the tables were empty. */
export async function seedHistory(sql: Sql, options: SeedOptions): Promise<Seeded> {
  const { hosts, metrics, days, now_ms, say } = options;
  const names = shapeNames(
    Array.from({ length: metrics }, (_, i) => `metric_${String(i).padStart(3, "0")}`),
  );
  const hostnames = Array.from({ length: hosts }, (_, i) => `host-${String(i).padStart(4, "0")}`);
  const host_ids = [...(await ensureHosts(sql, hostnames, now_ms)).values()].sort((a, b) => a - b);
  const metric_ids = await ensureMetrics(sql, names);
  const counters = names.filter((_, i) => kindOf(i) === "counter");
  await updateMetadata(
    sql,
    Object.fromEntries(counters.map((name) => [name, { kind: "counter" }])),
  );
  const shape = { names, metric_ids: names.map((name) => metric_ids.get(name)!) };
  const shape_ids = await ensureShapes(sql, new Map([[shapeDigest(names), shape]]));
  const shape_id = [...shape_ids.values()][0]!;
  await ensureHostShapes(sql, host_ids.map((host_id) => ({ host_id, shape_id })));
  const kinds = names.map((_, i): RollupKind => kindOf(i) === "counter" ? "counter" : "gauge");
  const plan = { ...options, names, kinds, shape_id, host_ids };
  const end_ms = Math.floor(now_ms / HOT_MS) * HOT_MS;
  const start_ms = startOf("day", end_ms - days * DAY_MS);
  for (let host = 0; host < Math.min(DISTINCT_HOSTS, hosts); host++) {
    say(`encoding ${days} days, host ${host + 1} of ${Math.min(DISTINCT_HOSTS, hosts)}`);
    await seedHost(sql, { plan, host, start_ms, end_ms });
  }
  for (const tier of TIER_NAMES) {
    say(`copying the blocks of tier ${tier} under ${hosts} hosts`);
    await copyToAll(sql, tier, plan);
  }
  await seedHot(sql, plan, end_ms);
  await markPending(sql, plan, end_ms);
  await sql`vacuum analyze`;
  return { hostnames, gauges: names.filter((_, i) => kindOf(i) === "gauge"), counters };
}

async function seedHost(
  sql: Sql,
  options: { plan: Plan; host: number; start_ms: number; end_ms: number },
): Promise<void> {
  const { plan, host, start_ms, end_ms } = options;
  const sources = plan.names.map((_, i) => values(host * plan.names.length + i, kindOf(i)));
  const phase_ms = phaseOf(host);
  const coarse: Record<"1h" | "1d", Map<number, Rollups>> = { "1h": new Map(), "1d": new Map() };
  const today_ms = startOf("day", end_ms);
  for (let day_ms = start_ms; day_ms < end_ms; day_ms += DAY_MS) {
    const day = reportsOf(sources, day_ms + phase_ms, Math.min(day_ms + DAY_MS, end_ms));
    await storeRaw(sql, plan, { host, day, day_ms });
    const five = rolledUp(day, plan.kinds, startOf("hour", end_ms));
    if (five.buckets.start_ms.length === 0) continue;
    await store(sql, "5m", [{ ...keyOf(plan, host, day_ms), ...encodeRollupBlock(five) }]);
    if (day_ms === today_ms) continue;
    const hours = coarser(five, HOUR_MS);
    add(coarse["1h"], startOf("month", day_ms), hours);
    add(coarse["1d"], startOf("year", day_ms), coarser(hours, DAY_MS));
  }
  for (const tier of ["1h", "1d"] as const) {
    for (const [at_ms, rollups] of coarse[tier]) {
      await store(sql, tier, [{ ...keyOf(plan, host, at_ms), ...encodeRollupBlock(rollups) }]);
    }
  }
}

function keyOf(plan: Plan, host: number, start_ms: number) {
  return { host_id: plan.host_ids[host]!, shape_id: plan.shape_id, start_ms };
}

function reportsOf(
  sources: Generator<number, never>[],
  from_ms: number,
  before_ms: number,
): Reports {
  const length = Math.max(0, Math.ceil((before_ms - from_ms) / EVERY_MS));
  return {
    times_ms: Float64Array.from({ length }, (_, i) => from_ms + i * EVERY_MS),
    columns: sources.map((source) => Float64Array.from({ length }, () => source.next().value)),
  };
}

async function storeRaw(
  sql: Sql,
  plan: Plan,
  { host, day, day_ms }: { host: number; day: Reports; day_ms: number },
): Promise<void> {
  const blocks: StoredBlock[] = [];
  for (let hour_ms = day_ms; hour_ms < day_ms + DAY_MS; hour_ms += HOUR_MS) {
    const from = day.times_ms.findIndex((at_ms) => at_ms >= hour_ms);
    const next = day.times_ms.findIndex((at_ms) => at_ms >= hour_ms + HOUR_MS);
    const before = next < 0 ? day.times_ms.length : next;
    if (from < 0 || from === before) continue;
    const block = encodeRawBlock({
      times_ms: day.times_ms.slice(from, before),
      columns: day.columns.map((column) => column.slice(from, before)),
    });
    blocks.push({ ...keyOf(plan, host, hour_ms), ...block });
  }
  await store(sql, "raw", blocks);
}

function rolledUp(day: Reports, kinds: RollupKind[], before_ms: number): Rollups {
  const next = day.times_ms.findIndex((at_ms) => at_ms >= before_ms);
  const rows = next < 0 ? day.times_ms.length : next;
  const grouping = groupReports(day.times_ms.subarray(0, rows), 5 * MINUTE_MS);
  return {
    buckets: grouping.buckets,
    series: day.columns.map((column, i) =>
      rollupSamples(column.subarray(0, rows), grouping, kinds[i]!)
    ),
  };
}

function coarser(finer: Rollups, bucket_ms: number): Rollups {
  const grouping = groupBuckets(finer.buckets, bucket_ms);
  return {
    buckets: grouping.buckets,
    series: finer.series.map((rollup) => rollupRollup(rollup, grouping)),
  };
}

function add(blocks: Map<number, Rollups>, start_ms: number, rollups: Rollups): void {
  const kept = blocks.get(start_ms);
  blocks.set(start_ms, kept === undefined ? rollups : replaceBuckets(kept, rollups));
}

async function store(sql: Sql, tier: Tier, blocks: StoredBlock[]): Promise<void> {
  const partitions = new Set(blocks.map((one) => startOf(TIERS[tier].partition, one.start_ms)));
  for (const start_ms of partitions) await ensureBlockPartition(sql, tier, start_ms);
  if (blocks.length > 0) await upsertBlocks(sql, tier, blocks);
}

/** Block after block in time, hosts in order within: as aggregation writes them. */
async function copyToAll(sql: Sql, tier: Tier, { host_ids, shape_id }: Plan): Promise<void> {
  const table = sql(TIERS[tier].table);
  await sql`
    insert into ${table} (host_id, shape_id, start, head, offsets, data)
    select h.id, b.shape_id, b.start, b.head, b.offsets, b.data
    from unnest(${host_ids}::integer[]) with ordinality as h (id, n)
    join ${table} b
      on b.host_id = (${host_ids}::integer[])[(h.n - 1) % ${DISTINCT_HOSTS} + 1]
    where h.n > ${DISTINCT_HOSTS} and b.shape_id = ${shape_id}
    order by b.start, h.id`;
}

/** The open ten minutes, all hosts in turn as their reports would come in. */
async function seedHot(sql: Sql, plan: Plan, start_ms: number): Promise<void> {
  const { host_ids, shape_id, now_ms, names } = plan;
  await ensurePartitions(sql, start_ms);
  const prototype = rowPrototype(shape_id, names.length);
  const sources = names.map((_, i) => values(-1 - i, kindOf(i)));
  for (let at_ms = start_ms; at_ms <= now_ms; at_ms += EVERY_MS) {
    const report = sources.map((source) => source.next().value);
    const rows = new RowBuffer(host_ids.length * prototype.length);
    host_ids.forEach((host_id, host) => {
      const row = rows.add(prototype, host_id, at_ms + phaseOf(host));
      report.forEach((value, i) => rows.setValue(row, i, value));
    });
    await copyReports(sql, [rows.copyData()]);
  }
}

async function markPending(sql: Sql, plan: Plan, end_ms: number): Promise<void> {
  for (const [table, unit] of [["pending_hour", "hour"], ["pending_day", "day"]] as const) {
    await sql`
      insert into ${sql(table)} (host_id, shape_id, start)
      select id, ${plan.shape_id}, ${new Date(startOf(unit, end_ms - 1)).toISOString()}::timestamptz
      from unnest(${plan.host_ids}::integer[]) as id`;
  }
}
