/**
 * Hosts as a server leaves them in the database, at any moment: one metric in two shapes, its hours
 * hot, in blocks, or both, its rollups done, old or missing. For tests of what reads them.
 */
import fc from "fast-check";
import { groupBuckets, groupReports } from "../../db/codec/buckets.ts";
import { encodeRawBlock } from "../../db/codec/raw_block.ts";
import { type RollupKind, rollupRollup, rollupSamples } from "../../db/codec/rollup.ts";
import { encodeRollupBlock } from "../../db/codec/rollup_block.ts";
import type { Block } from "../../db/codec/block.ts";
import type { Sql } from "../../db/connect.ts";
import { anyColumn, decimalColumn } from "./codec/values.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
export const TIERS = ["5m", "1h", "1d"] as const;
export type Tier = typeof TIERS[number];
const BUCKET_MS: Record<Tier, number> = { "5m": 5 * MINUTE_MS, "1h": HOUR_MS, "1d": DAY_MS };

export type Sample = [at_ms: number, value: number];

/** Where an hour of one shape is, and how far its rollups are. */
export interface HourState {
  place: "block" | "hot" | "both" | "split";
  rollup: "done" | "old" | "missing";
}

/** What one shape reported of the metric, and how it is stored. */
export interface ShapeData {
  shape_id: number;
  samples: Sample[];
  stateOf: (start_ms: number) => HourState;
  /** Days whose hours and day are older than their five minutes. */
  isOldDay: (start_ms: number) => boolean;
}

export interface HostData {
  hostname: string;
  kind: RollupKind;
  shapes: ShapeData[];
}

const floorTo = (at_ms: number, step_ms: number) => Math.floor(at_ms / step_ms) * step_ms;
const isEmpty = (samples: readonly Sample[]) => samples.length === 0;

/** A new name for every host of a run. */
let hosts = 0;

/** Two shapes with the metric in another place each: [filler, gauge, counter], [counter, gauge]. */
export async function prepare(sql: Sql): Promise<void> {
  for (const table of ["block_raw", "block_5m", "block_1h", "block_1d"]) {
    await sql.unsafe(`create table ${table}_test partition of ${table} default`);
  }
  await sql`
    insert into metric (name, kind)
    values ('filler', null), ('gauge', 'gauge'), ('counter', 'counter')`;
  await sql`
    insert into shape (digest, metric_ids)
    values ('one', '{1, 2, 3}'), ('two', '{3, 2}')`;
}

/** A column for every metric of the shape: the one in question, and others that differ from it. */
function columnsOf(shape_id: number, kind: RollupKind, values: Float64Array): Float64Array[] {
  const place = shape_id === 1 ? (kind === "gauge" ? 1 : 2) : (kind === "gauge" ? 1 : 0);
  return Array.from(
    { length: shape_id === 1 ? 3 : 2 },
    (_, i) => i === place ? values : values.map((_, row) => row + i),
  );
}

async function insertBlock(
  sql: Sql,
  table: string,
  row: { host_id: number; shape_id: number; start_ms: number; block: Block },
): Promise<void> {
  const { host_id, shape_id, start_ms, block } = row;
  await sql`
    insert into ${sql(table)} (host_id, shape_id, start, head, offsets, data)
    values (${host_id}, ${shape_id}, to_timestamp(${start_ms}::float8 / 1000),
      ${block.head}, ${block.offsets}, ${block.data})`;
}

async function insertHot(
  sql: Sql,
  key: { host_id: number; shape_id: number },
  { kind, samples }: { kind: RollupKind; samples: Sample[] },
): Promise<void> {
  const columns = columnsOf(key.shape_id, kind, Float64Array.from(samples, ([, value]) => value));
  await sql`
    insert into report (host_id, shape_id, at, vals)
    select ${key.host_id}, ${key.shape_id}, to_timestamp(t.at_ms / 1000), t.vals::float8[]
    from unnest(
      ${samples.map(([at_ms]) => at_ms)}::float8[],
      ${
    samples.map((_, row) => `{${columns.map((column) => textOf(column[row] ?? 0)).join()}}`)
  }::text[]
    ) as t (at_ms, vals)`;
}

/** `String(-0)` is "0". */
function textOf(value: number): string {
  return Object.is(value, -0) ? "-0" : String(value);
}

function rawBlock(shape_id: number, kind: RollupKind, samples: Sample[]): Block {
  const values = Float64Array.from(samples, ([, value]) => value);
  return encodeRawBlock({
    times_ms: Float64Array.from(samples, ([at_ms]) => at_ms),
    columns: columnsOf(shape_id, kind, values),
  });
}

export function rollupOf(columns: Float64Array[], samples: Sample[], kind: RollupKind, tier: Tier) {
  let grouping = groupReports(Float64Array.from(samples, ([at_ms]) => at_ms), BUCKET_MS["5m"]);
  let series = columns.map((column) => rollupSamples(column, grouping, kind));
  for (const step of TIERS.slice(1, TIERS.indexOf(tier) + 1)) {
    const coarser = groupBuckets(grouping.buckets, BUCKET_MS[step]);
    series = series.map((rollup) => rollupRollup(rollup, coarser));
    grouping = coarser;
  }
  return { buckets: grouping.buckets, series };
}

function unitStart(tier: Tier, at_ms: number): number {
  const date = new Date(at_ms);
  if (tier === "5m") return floorTo(at_ms, DAY_MS);
  return Date.UTC(date.getUTCFullYear(), tier === "1h" ? date.getUTCMonth() : 0);
}

/** What the rollups of a tier were made of: everything but what came after they were made. */
function rolledUp({ samples, stateOf, isOldDay }: ShapeData, tier: Tier): Sample[] {
  return samples.filter(([at_ms], i) => {
    const state = stateOf(floorTo(at_ms, HOUR_MS));
    if (state.rollup === "missing") return false;
    if (state.rollup === "old" && i % 2 === 0) return false;
    return tier === "5m" || !isOldDay(floorTo(at_ms, DAY_MS)) || i % 3 === 0;
  });
}

async function insertShape(sql: Sql, host_id: number, kind: RollupKind, shape: ShapeData) {
  const { shape_id, samples, stateOf, isOldDay } = shape;
  const key = { host_id, shape_id };
  await sql`insert into host_shape values (${host_id}, ${shape_id})`;
  const hours = Map.groupBy(samples, ([at_ms]) => floorTo(at_ms, HOUR_MS));
  for (const [start_ms, inside] of hours) {
    const { place, rollup } = stateOf(start_ms);
    const in_block = place === "split" ? inside.filter((_, i) => i % 3 !== 0) : inside;
    const in_hot = place === "split" ? inside.filter((_, i) => i % 3 !== 1) : inside;
    if (place !== "hot" && !isEmpty(in_block)) {
      const block = rawBlock(shape_id, kind, in_block);
      await insertBlock(sql, "block_raw", { ...key, start_ms, block });
    }
    if (place !== "block" && !isEmpty(in_hot)) {
      await insertHot(sql, key, { kind, samples: in_hot });
    }
    // hot rows say it by themselves
    if (rollup !== "done" && place === "block") {
      await sql`insert into pending_hour values
        (${host_id}, ${shape_id}, to_timestamp(${start_ms}::float8 / 1000))`;
    }
  }
  for (const start_ms of new Set(samples.map(([at_ms]) => floorTo(at_ms, DAY_MS)))) {
    if (!isOldDay(start_ms)) continue;
    await sql`insert into pending_day values
      (${host_id}, ${shape_id}, to_timestamp(${start_ms}::float8 / 1000))`;
  }
  for (const tier of TIERS) {
    const units = Map.groupBy(rolledUp(shape, tier), ([at_ms]) => unitStart(tier, at_ms));
    for (const [start_ms, inside] of units) {
      const values = Float64Array.from(inside, ([, value]) => value);
      const rollups = rollupOf(columnsOf(shape_id, kind, values), inside, kind, tier);
      const block = encodeRollupBlock(rollups);
      await insertBlock(sql, `block_${tier}`, { ...key, start_ms, block });
    }
  }
}

export async function insertHost(sql: Sql, host: HostData): Promise<void> {
  const [row] = await sql<{ id: number }[]>`
    insert into host (hostname, created_at) values (${host.hostname}, 'epoch') returning id`;
  for (const shape of host.shapes) await insertShape(sql, row?.id ?? 0, host.kind, shape);
}

const anyState = fc.record<HourState>({
  place: fc.constantFrom("block", "block", "block", "hot", "both", "split"),
  rollup: fc.constantFrom("done", "done", "old", "missing"),
});

interface Drawn {
  start_ms: number;
  gaps_ms: number[];
  /** Which shapes a report is of: 1, 2, or both at the same time. */
  owners: number[];
  values: Float64Array;
  states: HourState[];
  old_days: boolean[];
  kind: RollupKind;
}

const anyDrawn: fc.Arbitrary<Drawn> = fc.record({
  // the days before a new month, and before a new year
  start_ms: fc.constantFrom(Date.UTC(2026, 10, 29, 23, 47), Date.UTC(2026, 11, 30, 5)),
  gaps_ms: fc.array(
    fc.oneof(fc.constant(10_000), fc.integer({ min: 1, max: 90 * MINUTE_MS })),
    { minLength: 1, maxLength: 80 },
  ),
  owners: fc.array(fc.constantFrom(1, 1, 1, 2, 2, 3), { minLength: 1, maxLength: 12 }),
  values: fc.oneof(anyColumn(), decimalColumn()).filter((values) => values.length > 0),
  states: fc.array(anyState, { minLength: 1, maxLength: 7 }),
  old_days: fc.array(fc.boolean(), { minLength: 1, maxLength: 3 }),
  kind: fc.constantFrom<RollupKind>("gauge", "counter"),
});

function hostOf({ start_ms, gaps_ms, owners, values, states, old_days, kind }: Drawn): HostData {
  let at_ms = start_ms;
  const times_ms = gaps_ms.map((gap_ms) => at_ms += gap_ms);
  const shapeOf = (shape_id: number): ShapeData => ({
    shape_id,
    samples: times_ms.flatMap((at_ms, i): Sample[] =>
      ((owners[i % owners.length] ?? 0) & shape_id) === 0
        ? []
        // of two at the same time, one is another value
        : [[at_ms, values[(i + (i % 5 === 0 ? shape_id : 0)) % values.length] ?? 0]]
    ),
    // hot rows always count as not rolled up
    stateOf: (hour_ms) =>
      states[(hour_ms / HOUR_MS + shape_id) % states.length] ??
        { place: "block", rollup: "done" },
    isOldDay: (day_ms) => old_days[(day_ms / DAY_MS + shape_id) % old_days.length] ?? false,
  });
  return { hostname: `host-${++hosts}`, kind, shapes: [shapeOf(1), shapeOf(2)] };
}

export const anyHost: fc.Arbitrary<HostData> = anyDrawn.map(hostOf);
