/**
 * From slices to a grid: decodes what PostgreSQL found of one series, and puts the parts together
 * without a seam.
 *
 * Samples (tier raw): those of blocks and of hot rows, of all the series' shapes, each time once.
 *
 * Rollups: the tier's own, and where something finer has changed since, that. Raw blocks and hot rows
 * of changed hours make five-minute rollups; these and the stored ones of changed days make those of
 * the tier. Where both exist for a bucket, the one of more reports is right: reports are only ever
 * added. So a rollup that was made a moment ago, or whose raw block was dropped by its retention, is
 * not replaced by less.
 *
 * `!` after an index: loops run over the arrays' own lengths.
 */
import type { KeySlices } from "../../db/block_cells.ts";
import { decodeRawCell } from "../../db/codec/raw_block.ts";
import { openRollupCell } from "../../db/codec/rollup_block.ts";
import { Scratch } from "../../db/codec/scratch.ts";
import type { CellSlice } from "../../db/slices.ts";
import { DAY_MS, startOf, type Tier, TIERS } from "../../db/tiers.ts";
import { type Detail, Grid, type Rows } from "./grid.ts";
import {
  firstFrom,
  mergeSamples,
  orderSamples,
  type Samples,
  samplesWithin,
  sortSamples,
} from "./samples.ts";

const scratch = new Scratch();
const FIVE_MINUTES_MS = TIERS["5m"].bucket_ms ?? 0;

/** The samples in a series' raw blocks and hot rows: from_ms <= t < before_ms. */
export function samplesOf(
  slices: readonly SampleSlices[],
  from_ms: number,
  before_ms: number,
): Samples {
  return samplesWithin(mergeSamples(slices.flatMap((one) => partsOf(one))), from_ms, before_ms);
}

type SampleSlices = Pick<KeySlices, "times_ms" | "values" | "raw">;

function partsOf({ times_ms, values, raw }: SampleSlices, scratch?: Scratch): Samples[] {
  const parts: Samples[] = raw.map(({ head, cell }) => decodeRawCell(head, cell, scratch));
  if (times_ms.length > 0) parts.push(sortSamples({ times_ms, values }));
  return parts;
}

/** Adds a series, all of its keys, to an empty grid, whose steps are whole buckets of the tier. */
export function fillGrid(grid: Grid, tier: Tier, slices: readonly KeySlices[]): void {
  // what is decoded for one grid is done with when the next is filled
  scratch.reset();
  if (tier === "raw") {
    const parts = slices.flatMap((one) => partsOf(one, scratch));
    for (const part of orderSamples(parts)) grid.addSamples(part);
    return;
  }
  const rows = slices.flatMap((one) => rowsOf(one, tier, grid.detail));
  if (grid.detail === "all") addInOrder(grid, rows);
  else rows.forEach((part) => grid.addRows(part));
}

/** Adds parts, each of which is in order, in the order of all: resets are found between neighbours. */
function addInOrder(grid: Grid, parts: readonly Rows[]): void {
  const next = new Uint32Array(parts.length);
  for (;;) {
    let earliest = -1;
    let earliest_ms = Infinity;
    for (let i = 0; i < parts.length; i++) {
      const first_ms = parts[i]!.buckets.first_ms[next[i]!] ?? Infinity;
      if (first_ms < earliest_ms) [earliest, earliest_ms] = [i, first_ms];
    }
    if (earliest < 0) return;
    grid.addRow(parts[earliest]!, next[earliest]!++);
  }
}

/** The rollups of one key at a tier's resolution, in as much detail as is wanted. */
function rowsOf(slices: KeySlices, tier: Tier, detail: Detail): Rows[] {
  const samples = mergeSamples(partsOf(slices, scratch));
  const five_minutes = replaced(decodeAll(slices.five_minutes), rollUpSamples(samples, detail));
  if (tier === "5m") return five_minutes;
  const bucket_ms = TIERS[tier].bucket_ms ?? FIVE_MINUTES_MS;
  return replaced(decodeAll(slices.coarse), rollUpRows(five_minutes, bucket_ms, detail));
}

function decodeAll(cells: readonly CellSlice[]): Rows[] {
  return cells.map(({ head, cell }) => openRollupCell(head, cell, scratch));
}

/** Both, and of two rows for one bucket the one with more reports: the other's count becomes 0. */
function replaced(kept: Rows[], fresh: Rows[]): Rows[] {
  for (const { buckets: { start_ms, count } } of fresh) {
    for (let row = 0; row < start_ms.length; row++) {
      for (const { buckets } of kept) {
        const place = firstFrom(buckets.start_ms, start_ms[row]!);
        if (buckets.start_ms[place] !== start_ms[row]) continue;
        if (count[row]! < buckets.count[place]!) count[row] = 0;
        else buckets.count[place] = 0;
      }
    }
  }
  return [...kept, ...fresh];
}

function rollUpSamples(samples: Samples, detail: Detail): Rows[] {
  const days: Rows[] = [];
  for (let at = 0; at < samples.times_ms.length;) {
    const day_ms = startOf("day", samples.times_ms[at]!);
    const day = samplesWithin(samples, day_ms, day_ms + DAY_MS);
    const grid = fiveMinutesOver(day.times_ms[0]!, day.times_ms.at(-1)!, detail);
    grid.addSamples(day);
    days.push(grid.toRows());
    at += day.times_ms.length;
  }
  return days;
}

/** Five-minute rollups as those of buckets that days consist of. */
function rollUpRows(parts: readonly Rows[], bucket_ms: number, detail: Detail): Rows[] {
  const days = new Set(
    parts.flatMap(({ buckets }) => [...buckets.start_ms].map((at_ms) => startOf("day", at_ms))),
  );
  return [...days].sort((a, b) => a - b).map((day_ms) => {
    const grid = new Grid(day_ms, bucket_ms, DAY_MS / bucket_ms, detail, scratch);
    addInOrder(grid, parts);
    return grid.toRows();
  });
}

/** A grid that has both moments in it. */
function fiveMinutesOver(first_ms: number, last_ms: number, detail: Detail): Grid {
  const from_ms = Math.floor(first_ms / FIVE_MINUTES_MS) * FIVE_MINUTES_MS;
  const steps = Math.floor((last_ms - from_ms) / FIVE_MINUTES_MS) + 1;
  return new Grid(from_ms, FIVE_MINUTES_MS, steps, detail, scratch);
}
