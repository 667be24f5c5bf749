/**
 * `deno task bench codec`: what the real data takes in blocks, by kind of series and by tier, and how
 * fast columns are written and read. Bytes are those of the blocks, heads and offsets included; what
 * PostgreSQL adds is measured by `bench storage`.
 */
import { type Block, blockBytes } from "../../db/codec/block.ts";
import { groupBuckets, groupReports } from "../../db/codec/buckets.ts";
import { decodeColumn, encodeColumn } from "../../db/codec/column.ts";
import { encodeRawBlock } from "../../db/codec/raw_block.ts";
import { rollupRollup, rollupSamples } from "../../db/codec/rollup.ts";
import { encodeRollupBlock, type Rollups } from "../../db/codec/rollup_block.ts";
import { readRealData, type RealData, sliceReports } from "./real_data.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const HOUR_ROWS = 360;
/** 480 scrapes are 80 minutes; this many of them are two days. */
const REPEATS = 36;
/** Long enough for the compiler to have finished, short enough to be run often. */
const SPEED_ROUNDS = 12;

export async function run(): Promise<Record<string, unknown>> {
  const real = await readRealData();
  const days = await readRealData({ repeats: REPEATS });
  const columns = real.reports.columns.map((column) => column.slice(0, HOUR_ROWS));
  const isChanging = (column: Float64Array) => column.some((value) => value !== column[0]);
  return {
    series: real.names.length,
    bytes_per_sample: { ...valueBytes(real), ...blockTiers(days), noise: noiseBytes() },
    million_samples_per_s: {
      all: speed(columns),
      changing: speed(columns.filter(isChanging)),
      noise: speed(Array.from({ length: 50 }, (_, seed) => noise(seed))),
      rollup_5m: rollupSpeed(days),
    },
  };
}

/** Columns of an hour alone, over both hours that fit into the data. */
function valueBytes({ kinds, reports }: RealData): Record<string, number> {
  const bytes = { all: 0, constant: 0, counter: 0, gauge: 0 };
  const samples = { all: 0, constant: 0, counter: 0, gauge: 0 };
  for (const start of [0, reports.times_ms.length - HOUR_ROWS]) {
    reports.columns.forEach((column, i) => {
      const values = column.slice(start, start + HOUR_ROWS);
      const isConstant = values.every((value) => value === values[0]);
      const kind = isConstant ? "constant" : kinds[i] ?? "gauge";
      const size = encodeColumn(values).length;
      for (const group of ["all", kind] as const) {
        bytes[group] += size;
        samples[group] += HOUR_ROWS;
      }
    });
  }
  return {
    values_all: bytes.all / samples.all,
    values_constant: bytes.constant / samples.constant,
    values_counter: bytes.counter / samples.counter,
    values_gauge: bytes.gauge / samples.gauge,
  };
}

/** Whole blocks, in bytes per raw sample. */
function blockTiers({ kinds, reports }: RealData): Record<string, number> {
  const rows = reports.times_ms.length;
  const samples = rows * reports.columns.length;
  const hours: Block[] = [];
  for (let row = 0; row < rows; row += HOUR_ROWS) {
    hours.push(encodeRawBlock(sliceReports(reports, row, row + HOUR_ROWS)));
  }
  const of_5m = groupReports(reports.times_ms, 5 * MINUTE_MS);
  const tier_5m = {
    buckets: of_5m.buckets,
    series: reports.columns.map((column, i) => rollupSamples(column, of_5m, kinds[i] ?? "gauge")),
  };
  const tier_1h = coarser(tier_5m, HOUR_MS);
  const tier_1d = coarser(tier_1h, DAY_MS);
  return {
    block_raw: hours.reduce((sum, block) => sum + blockBytes(block), 0) / samples,
    block_5m_of_an_hour: rollupBytes(tier_5m, 12) / samples,
    block_5m_of_a_day: rollupBytes(tier_5m, 288) / samples,
    block_1h_of_a_day: rollupBytes(tier_1h, 24) / samples,
    block_1d_of_a_day: rollupBytes(tier_1d, 1) / samples,
  };
}

function coarser({ buckets, series }: Rollups, bucket_ms: number): Rollups {
  const grouping = groupBuckets(buckets, bucket_ms);
  return {
    buckets: grouping.buckets,
    series: series.map((rollup) => rollupRollup(rollup, grouping)),
  };
}

function rollupBytes({ buckets, series }: Rollups, block_rows: number): number {
  let bytes = 0;
  for (let row = 0; row < buckets.start_ms.length; row += block_rows) {
    const cut = (values: Float64Array) => values.slice(row, row + block_rows);
    bytes += blockBytes(encodeRollupBlock({
      buckets: {
        start_ms: cut(buckets.start_ms),
        count: cut(buckets.count),
        first_ms: cut(buckets.first_ms),
        last_ms: cut(buckets.last_ms),
      },
      series: series.map(({ first, last, min, max, sum, lost }) => ({
        first: cut(first),
        last: cut(last),
        min: cut(min),
        max: cut(max),
        sum: sum && cut(sum),
        lost: lost && cut(lost),
      })),
    }));
  }
  return bytes;
}

/** A gauge that is nothing but full doubles, such as a ratio nobody rounded: the worst there is. */
function noise(seed: number): Float64Array {
  let state = seed + 1;
  return Float64Array.from({ length: HOUR_ROWS }, () => {
    state = (state * 16807) % 2147483647;
    return 50 + 50 * Math.sin(state);
  });
}

function noiseBytes(): number {
  return encodeColumn(noise(1)).length / HOUR_ROWS;
}

function speed(columns: Float64Array[]): { encode: number; decode: number } {
  const encoded = columns.map(encodeColumn);
  const encode_s = seconds(() => columns.forEach((column) => encodeColumn(column)));
  const decode_s = seconds(() => encoded.forEach((bytes) => decodeColumn(bytes, HOUR_ROWS)));
  const samples = columns.length * HOUR_ROWS;
  return { encode: samples / encode_s / 1e6, decode: samples / decode_s / 1e6 };
}

function rollupSpeed({ kinds, reports }: RealData): number {
  const grouping = groupReports(reports.times_ms, 5 * MINUTE_MS);
  const started_ms = performance.now();
  reports.columns.forEach((column, i) => rollupSamples(column, grouping, kinds[i] ?? "gauge"));
  const taken_s = (performance.now() - started_ms) / 1000;
  return reports.columns.length * reports.times_ms.length / taken_s / 1e6;
}

/** The fastest of some rounds: the others were disturbed. */
function seconds(round: () => void): number {
  let best_s = Infinity;
  for (let i = 0; i < SPEED_ROUNDS; i++) {
    const started_ms = performance.now();
    round();
    best_s = Math.min(best_s, (performance.now() - started_ms) / 1000);
  }
  return best_s;
}
