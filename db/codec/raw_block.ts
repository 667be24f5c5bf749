/**
 * Samples as a block: the reports of one host, of one shape, of one hour. Each cell is the column of
 * one metric, in the order of the shape; the only axis is the reports' times, in milliseconds since
 * 1970. Regular times are one difference, repeated: 12 bytes a block.
 */
import {
  type Block,
  cellRange,
  CONTENT_SAMPLES,
  type Head,
  openHead,
  packBlock,
  unpackBlock,
} from "./block.ts";
import { decodeColumn, encodeColumn } from "./column.ts";
import { CodecError } from "./error.ts";
import { type Reports, requireReports } from "./reports.ts";
import type { Scratch } from "./scratch.ts";

/**
 * The block of `reports`: equal reports are equal bytes.
 * @throws {RangeError} when a value is not finite or the reports are not in order (reports.ts).
 */
export function encodeRawBlock(reports: Reports): Block {
  requireReports(reports);
  return packBlock({
    content: CONTENT_SAMPLES,
    rows: reports.times_ms.length,
    axes: [reports.times_ms],
    cells: reports.columns.map(encodeColumn),
  });
}

/**
 * All of a block's reports, after verifying its checksums.
 * @throws {CodecError} when the block is damaged or holds something else.
 */
export function decodeRawBlock(block: Block): Reports {
  const { slices, ...head } = unpackBlock(block);
  return {
    times_ms: rawTimes(head).slice(),
    columns: slices.map((slice) => decodeColumn(slice, head.rows)),
  };
}

/**
 * The samples of one metric from a block's head and that metric's cell alone. The times are shared
 * with other blocks: they must not be written to.
 * @param scratch Where the values may lie; otherwise they get memory of their own.
 * @throws {CodecError} when they are damaged; a damaged cell is found only when it is not well-formed.
 */
export function decodeRawCell(
  head: Uint8Array,
  cell: Uint8Array,
  scratch?: Scratch,
): { times_ms: Float64Array; values: Float64Array } {
  const opened = openHead(head);
  return { times_ms: rawTimes(opened), values: decodeColumn(cell, opened.rows, scratch) };
}

/** The cell of metric `index` (its place in the shape) out of a block that is in memory. */
export function rawCell(block: Block, index: number): Uint8Array {
  const { start, end } = cellRange(openHead(block.head), block.offsets, index);
  return block.data.subarray(start, end);
}

/** Shared with other blocks: not to be written to. */
function rawTimes({ content, axes }: Head): Float64Array {
  if (content !== CONTENT_SAMPLES || axes.length !== 1) {
    throw new CodecError("corrupt", `A block of samples has content ${content}`);
  }
  return axes.at(0);
}
