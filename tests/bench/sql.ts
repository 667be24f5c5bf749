/**
 * `deno task bench sql`: how fast SQL reads history. Two days of blocks of one host at 10 s, read
 * through one connection by `api.samples()` and `api.rollup()`, for series that are
 *
 *   constant   always 0, always 20
 *   dense      real ones of node_exporter that change: counters and gauges
 *   noisy      full doubles that nobody rounded: the worst there is
 *
 * `client` is what a program gets (this one, with its driver), `server` the same without sending rows.
 */
import { systemClock } from "../../clock.ts";
import type { Block } from "../../db/codec/block.ts";
import { groupBuckets, groupReports } from "../../db/codec/buckets.ts";
import { encodeRawBlock } from "../../db/codec/raw_block.ts";
import type { Reports } from "../../db/codec/reports.ts";
import {
  type Rollup,
  type RollupKind,
  rollupRollup,
  rollupSamples,
} from "../../db/codec/rollup.ts";
import { encodeRollupBlock } from "../../db/codec/rollup_block.ts";
import { connect, type Sql } from "../../db/connect.ts";
import { startEmbedded } from "../../db/embedded.ts";
import { migrate } from "../../db/migrate.ts";
import { silentLogger } from "../../log.ts";
import { tempDir } from "../support/temp_dir.ts";
import { readRealData, sliceReports } from "./real_data.ts";

const HOUR_ROWS = 360;
const HOURS = 48;
const HOUR_MS = 3_600_000;
/** 480 scrapes are 80 minutes. */
const REPEATS = 36;
const ROUNDS = 7;
const SERIES_PER_KIND = 5;

interface Data {
  names: string[];
  kinds: RollupKind[];
  reports: Reports;
  groups: Record<string, string[]>;
}

/** Doubles with all their bits. */
function noise(seed: number, rows: number): Float64Array {
  let state = seed + 1;
  return Float64Array.from({ length: rows }, () => {
    state = (state * 16807) % 2147483647;
    return 50 + 50 * Math.sin(state);
  });
}

function spread(names: string[]): string[] {
  const step = names.length / SERIES_PER_KIND;
  return Array.from({ length: SERIES_PER_KIND }, (_, i) => names[Math.floor(i * step)] ?? "");
}

async function makeData(): Promise<Data> {
  const { names, kinds, reports } = await readRealData({ repeats: REPEATS });
  const { times_ms, columns } = sliceReports(reports, 0, HOURS * HOUR_ROWS);
  const changing = (kind: RollupKind) =>
    names.filter((_, i) =>
      kinds[i] === kind && columns[i]?.some((value) => value !== columns[i]?.[0])
    );
  const added = new Map([
    ["bench_zero", new Float64Array(times_ms.length)],
    ["bench_twenty", new Float64Array(times_ms.length).fill(20)],
    ...Array.from({ length: SERIES_PER_KIND }, (_, i): [string, Float64Array] => [
      `bench_noise_${i}`,
      noise(i, times_ms.length),
    ]),
  ]);
  return {
    names: [...names, ...added.keys()],
    kinds: [...kinds, ...Array.from(added, (): RollupKind => "gauge")],
    reports: { times_ms, columns: [...columns, ...added.values()] },
    groups: {
      constant: ["bench_zero", "bench_twenty"],
      dense_counters: spread(changing("counter")),
      dense_gauges: spread(changing("gauge")),
      noisy: [...added.keys()].filter((name) => name.startsWith("bench_noise")),
    },
  };
}

interface BlockRow {
  tier: string;
  start_ms: number;
  block: Block;
}

function blocksOf({ kinds, reports }: Data): BlockRow[] {
  const start_ms = reports.times_ms[0] ?? 0;
  const rows: BlockRow[] = Array.from({ length: HOURS }, (_, hour) => ({
    tier: "block_raw",
    start_ms: start_ms + hour * HOUR_MS,
    block: encodeRawBlock(sliceReports(reports, hour * HOUR_ROWS, (hour + 1) * HOUR_ROWS)),
  }));
  const day_rows = 24 * HOUR_ROWS;
  for (let day = 0; day < HOURS / 24; day++) {
    const { times_ms, columns } = sliceReports(reports, day * day_rows, (day + 1) * day_rows);
    const grouping = groupReports(times_ms, 300_000);
    const series = columns.map((values, i) => rollupSamples(values, grouping, kinds[i] ?? "gauge"));
    rows.push({
      tier: "block_5m",
      start_ms: start_ms + day * 24 * HOUR_MS,
      block: encodeRollupBlock({ buckets: grouping.buckets, series }),
    });
  }
  const all = groupReports(reports.times_ms, 300_000);
  const hours = groupBuckets(all.buckets, HOUR_MS);
  const series = reports.columns.map((values, i): Rollup =>
    rollupRollup(rollupSamples(values, all, kinds[i] ?? "gauge"), hours)
  );
  const month = new Date(start_ms).toISOString().slice(0, 7);
  rows.push({
    tier: "block_1h",
    start_ms: Date.parse(`${month}-01`),
    block: encodeRollupBlock({ buckets: hours.buckets, series }),
  });
  return rows;
}

async function load(sql: Sql, data: Data): Promise<void> {
  for (const tier of ["block_raw", "block_5m", "block_1h", "block_1d"]) {
    await sql.unsafe(
      `create table ${tier}_bench partition of ${tier} default with (toast_tuple_target = 8160)`,
    );
  }
  await sql`insert into host (hostname, created_at) values ('bench', 'epoch')`;
  await sql`
    insert into metric (name, kind)
    select * from unnest(${data.names}::text[], ${data.kinds}::text[])`;
  await sql`
    insert into shape (digest, metric_ids)
    select 'bench', array_agg(id order by id) from metric`;
  await sql`insert into host_shape select h.id, s.id from host h, shape s`;
  for (const { tier, start_ms, block } of blocksOf(data)) {
    await sql`
      insert into ${sql(tier)} (host_id, shape_id, start, head, offsets, data)
      select h.id, s.id, to_timestamp(${start_ms}::float8 / 1000),
        ${block.head}, ${block.offsets}, ${block.data}
      from host h, shape s`;
  }
  await sql`vacuum analyze`;
}

/** The fastest of some rounds: the others were disturbed. */
async function seconds(round: () => Promise<unknown>): Promise<number> {
  let best_s = Infinity;
  for (let i = 0; i < ROUNDS; i++) {
    const started = performance.now();
    await round();
    best_s = Math.min(best_s, (performance.now() - started) / 1000);
  }
  return best_s;
}

/** Thousands of samples or buckets a second over some series, one after the other. */
async function speed(
  names: readonly string[],
  read: (name: string) => Promise<{ count: number }>,
): Promise<number> {
  let rows = 0;
  let total_s = 0;
  for (const name of names) {
    rows += (await read(name)).count;
    total_s += await seconds(() => read(name));
  }
  return Math.round(rows / total_s / 1000);
}

async function figures(sql: Sql, { groups }: Data): Promise<Record<string, unknown>> {
  const since = "2026-11-22";
  const client = (name: string) =>
    sql`select * from api.samples('bench', ${name}, ${since}, 'infinity')`;
  const server = async (name: string) => {
    const [row] = await sql<{ count: number }[]>`
      select count(value) from api.samples('bench', ${name}, ${since}, 'infinity')`;
    return { count: row?.count ?? 0 };
  };
  const rollup = (tier: string) => (name: string) =>
    sql`select * from api.rollup('bench', ${name}, ${tier}, ${since}, 'infinity')`;
  const result: Record<string, unknown> = {};
  for (const [group, names] of Object.entries(groups)) {
    result[group] = {
      client_thousand_per_s: await speed(names, client),
      server_thousand_per_s: await speed(names, server),
      rollup_5m_thousand_per_s: await speed(names, rollup("5m")),
      rollup_1h_ms: Math.round(await seconds(() => rollup("1h")(names[0] ?? "")) * 10_000) / 10,
    };
  }
  return result;
}

export async function run(): Promise<Record<string, unknown>> {
  await using dir = await tempDir();
  await using postgres = await startEmbedded({
    data_dir: dir.join("data"),
    log: silentLogger,
    clock: systemClock,
  });
  await using sql = Object.assign(connect(postgres.address, { connections_max: 1 }), {
    [Symbol.asyncDispose]: () => sql.end(),
  });
  await migrate(sql, { log: silentLogger, clock: systemClock });
  const data = await makeData();
  await load(sql, data);
  return { samples_per_series: HOURS * HOUR_ROWS, ...await figures(sql, data) };
}
