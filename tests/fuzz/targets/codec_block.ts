/** Damaged blocks: db/codec. They are told, or read as some block; nothing hangs, nothing is made up. */
import assert from "node:assert/strict";
import { crc32 } from "node:zlib";
import type { Block } from "../../../db/codec/block.ts";
import { decodeColumn, encodeColumn } from "../../../db/codec/column.ts";
import { groupReports } from "../../../db/codec/buckets.ts";
import { CodecError } from "../../../db/codec/error.ts";
import { decodeRawBlock, decodeRawCell, encodeRawBlock } from "../../../db/codec/raw_block.ts";
import { rollupSamples } from "../../../db/codec/rollup.ts";
import {
  decodeRollupBlock,
  decodeRollupCell,
  encodeRollupBlock,
} from "../../../db/codec/rollup_block.ts";
import type { Rng } from "../rng.ts";
import type { Target } from "../target.ts";
import { number } from "../words.ts";

/** Values of a block that is tried. */
const VALUES_MAX = 2_000_000;

/** An input is a kind, three lengths of two bytes, and head, offsets, data. */
function packed(kind: number, { head, offsets, data }: Block): Uint8Array {
  const out = new Uint8Array(7 + head.length + offsets.length + data.length);
  const view = new DataView(out.buffer);
  out[0] = kind;
  view.setUint16(1, head.length);
  view.setUint16(3, offsets.length);
  out.set(head, 7);
  out.set(offsets, 7 + head.length);
  out.set(data, 7 + head.length + offsets.length);
  return out;
}

function unpacked(input: Uint8Array): Block {
  const view = new DataView(input.buffer, input.byteOffset, input.length);
  const [head_end, offsets_bytes] = [7 + view.getUint16(1), view.getUint16(3)];
  return {
    head: input.slice(7, head_end),
    offsets: input.slice(head_end, head_end + offsets_bytes),
    data: input.slice(head_end + offsets_bytes),
  };
}

/** With its checksums made right, so that what is behind them is tried, too. */
function sealed(block: Block): Block {
  const { head, offsets, data } = block;
  if (head.length < 20) return block;
  const view = new DataView(head.buffer, head.byteOffset);
  view.setUint32(12, crc32(data, crc32(offsets)));
  view.setUint32(16, crc32(head.subarray(20), crc32(head.subarray(0, 16))));
  return block;
}

/** More than any block of ours holds: only who forges checksums can make a reader allocate that. */
function isForged({ head }: Block): boolean {
  if (head.length < 20) return false;
  const view = new DataView(head.buffer, head.byteOffset);
  return view.getUint32(4) * view.getUint32(8) > VALUES_MAX;
}

function column(rng: Rng, rows: number): Float64Array {
  const kind = rng.below(5);
  const start = rng.below(1_000);
  let value = start;
  return Float64Array.from({ length: rows }, () => {
    if (kind === 0) return start;
    if (kind === 1) return value += rng.below(5);
    if (kind === 2) return Math.round(rng.below(10_000)) / 100;
    if (kind === 3) return Number(number(rng)) || 0;
    return rng.u32() / 7;
  }).map((one) => Number.isFinite(one) ? one : 0);
}

function make(rng: Rng): Uint8Array {
  const rows = rng.chance(0.8) ? rng.int(0, 20) : rng.int(1, 360);
  const times_ms = Float64Array.from({ length: rows }, (_, i) => 1.7e12 + i * 10_000);
  const columns = rng.list(0, 6, () => column(rng, rows));
  if (rng.chance(0.3)) return columnInput(rows, columns[0] ?? new Float64Array(rows));
  if (rng.chance(0.5)) return packed(rng.below(4), encodeRawBlock({ times_ms, columns }));
  const grouping = groupReports(times_ms, 300_000);
  const kind = rng.chance(0.5) ? "gauge" : "counter";
  const series = columns.map((values) => rollupSamples(values, grouping, kind));
  const { buckets } = grouping;
  return packed(2 + rng.below(2), encodeRollupBlock({ buckets, series }));
}

function columnInput(rows: number, values: Float64Array): Uint8Array {
  const bytes = encodeColumn(values);
  const out = new Uint8Array(3 + bytes.length);
  out[0] = 255;
  new DataView(out.buffer).setUint16(1, rows);
  out.set(bytes, 3);
  return out;
}

function checkColumn(input: Uint8Array): void {
  const rows = new DataView(input.buffer, input.byteOffset, input.length).getUint16(1);
  const values = decodeColumn(input.subarray(3), rows);
  assert.equal(values.length, rows);
  if (!values.every(Number.isFinite)) return;
  const again = decodeColumn(encodeColumn(values), rows);
  for (let i = 0; i < rows; i++) assert.ok(Object.is(again[i], values[i]), `row ${i}`);
}

export const target: Target = {
  seeds: [],
  make,
  check(input) {
    if (input.length < 8) return;
    const [kind = 0] = input;
    try {
      if (kind === 255) return checkColumn(input);
      const block = kind % 2 === 0 ? unpacked(input) : sealed(unpacked(input));
      if (isForged(block)) return;
      if (kind % 4 < 2) {
        const { times_ms, columns } = decodeRawBlock(block);
        for (const values of columns) assert.equal(values.length, times_ms.length);
        if (columns.length > 0) decodeRawCell(block.head, block.data);
      } else {
        const { buckets, series } = decodeRollupBlock(block);
        for (const one of series) assert.equal(one.min.length, buckets.start_ms.length);
        decodeRollupCell(block.head, block.data);
      }
    } catch (error) {
      if (!(error instanceof CodecError)) throw error;
    }
  },
};
