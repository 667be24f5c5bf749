/**
 * The container that all history is kept in: many cells that can be read one by one, and the axes
 * they share. A cell is what is kept of one series (a column of samples, or its rollups); an axis is
 * a column that is the same for all of them (the timestamps). What they mean is the business of
 * raw_block.ts and rollup_block.ts.
 *
 * A block is three strings of bytes, which are three columns of a table:
 *
 *   head      small, and all that a reader of one series needs besides its cell
 *      0  1   version, 1
 *      1  1   content: 0 samples, 1 rollups
 *      2  1   w, the width of an offset in bytes: 2, 3 or 4
 *      3  1   number of axes
 *      4  4   rows
 *      8  4   cells
 *     12  4   CRC-32 of offsets and data, one after the other
 *     16  4   CRC-32 of this head without these four bytes
 *     20      each axis: its length as a varint, then its bytes (column.ts)
 *   offsets   cells + 1 words of w bytes: where cell i begins in data; the last is data's length
 *   data      the cells, one after the other, with nothing between them
 *
 * Numbers are big-endian. Offsets have a fixed width so that a database can look one up without
 * reading the others: cell i is data from word(offsets, w * i) to word(offsets, w * (i + 1)). With
 * data stored out of line and uncompressed, only the pages with that cell are then read. 3 bytes a
 * series are 0.008 bytes a sample; lengths as varints would be 0.003, and a loop over them in SQL.
 *
 * A reader of one cell verifies the head. Offsets and data have one checksum together, verified when
 * a whole block is read (merging, verification): a checksum per cell would cost another 0.003 to
 * 0.01 bytes a sample to repeat what the database's own page checksums do. A damaged cell is still
 * found by its decoder when it is not well-formed, and can do no harm when it is.
 *
 * `!` after an index: the index is bounded on the lines before.
 */
import { crc32 } from "node:zlib";
import { ByteReader, ByteWriter } from "./bytes.ts";
import { Axes } from "./axes.ts";
import { encodeColumn, ROWS_MAX } from "./column.ts";
import { CodecError } from "./error.ts";

const VERSION = 1;
const HEAD_BYTES_MIN = 20;
const HEAD_CRC_AT = 16;
/** Ten times the metrics a report may have. Also bounds what a damaged head can make a reader do. */
export const CELLS_MAX = 100_000;
/** Four times the most that is in use. */
const AXES_MAX = 16;

export const CONTENT_SAMPLES = 0;
export const CONTENT_ROLLUPS = 1;

/** A block as it is stored. */
export interface Block {
  head: Uint8Array;
  offsets: Uint8Array;
  data: Uint8Array;
}

/** What a block says about itself. */
export interface Head {
  content: number;
  /** Bytes of one word in `offsets`. */
  offset_bytes: number;
  rows: number;
  cells: number;
  /** Each with `rows` values. */
  axes: Axes;
  /** Of offsets and data. */
  body_crc: number;
}

export interface BlockParts {
  content: number;
  rows: number;
  /** Each with `rows` values. */
  axes: Float64Array[];
  cells: Uint8Array[];
}

/**
 * Puts a block together.
 * @throws {RangeError} when there are more than `ROWS_MAX` rows, `CELLS_MAX` cells or 4 GiB.
 */
export function packBlock({ content, rows, axes, cells }: BlockParts): Block {
  const data_bytes = cells.reduce((sum, cell) => sum + cell.length, 0);
  if (cells.length > CELLS_MAX || data_bytes >= 2 ** 32) {
    throw new RangeError(
      `A block must have at most ${CELLS_MAX} cells of 4 GiB together: ` +
        `it has ${cells.length} of ${data_bytes} bytes`,
    );
  }
  const offset_bytes = data_bytes < 2 ** 16 ? 2 : data_bytes < 2 ** 24 ? 3 : 4;
  const data = new Uint8Array(data_bytes);
  const offsets = new ByteWriter();
  let at = 0;
  for (const cell of cells) {
    offsets.word(at, offset_bytes);
    data.set(cell, at);
    at += cell.length;
  }
  offsets.word(at, offset_bytes);
  const body = { offsets: offsets.toBytes(), data };
  const head = new ByteWriter();
  for (const byte of [VERSION, content, offset_bytes, axes.length]) head.byte(byte);
  head.word(rows, 4);
  head.word(cells.length, 4);
  head.word(bodyCrc(body), 4);
  head.word(0, 4);
  for (const axis of axes) {
    const column = encodeColumn(axis);
    head.varint(column.length);
    head.bytes(column);
  }
  const head_bytes = head.toBytes();
  new DataView(head_bytes.buffer).setUint32(HEAD_CRC_AT, headCrc(head_bytes));
  return { head: head_bytes, ...body };
}

/**
 * Reads and verifies a head.
 * @throws {CodecError} when it is damaged or of another version.
 */
export function openHead(head: Uint8Array): Head {
  const bytes = new ByteReader(head);
  const version = bytes.byte();
  if (version !== VERSION) {
    throw new CodecError("unsupported", `A block must have version ${VERSION}: it has ${version}`);
  }
  const content = bytes.byte();
  const offset_bytes = bytes.byte();
  const axes_count = bytes.byte();
  const rows = bytes.word(4);
  const cells = bytes.word(4);
  const body_crc = bytes.word(4);
  if (bytes.word(4) !== headCrc(head)) {
    throw new CodecError("corrupt", "A block's head does not have its checksum");
  }
  if (
    rows > ROWS_MAX || cells > CELLS_MAX || axes_count > AXES_MAX ||
    offset_bytes < 2 || offset_bytes > 4
  ) {
    throw new CodecError(
      "corrupt",
      `A block has ${rows} rows, ${cells} cells, ${axes_count} axes, offsets of ${offset_bytes} bytes`,
    );
  }
  const axes: Uint8Array[] = [];
  for (let i = 0; i < axes_count; i++) axes.push(bytes.take(bytes.varint()));
  if (bytes.left > 0) throw new CodecError("corrupt", `A head has ${bytes.left} bytes too many`);
  return { content, offset_bytes, rows, cells, axes: new Axes(axes, rows), body_crc };
}

/** Where a cell is in `data`: a half-open range of bytes. */
export interface CellRange {
  start: number;
  end: number;
}

/**
 * Looks a cell up.
 * @throws {RangeError} when there is no such cell.
 * @throws {CodecError} when `offsets` is damaged.
 */
export function cellRange(head: Head, offsets: Uint8Array, cell: number): CellRange {
  if (!Number.isInteger(cell) || cell < 0 || cell >= head.cells) {
    throw new RangeError(`cell must be from 0 to ${head.cells - 1}: current value is ${cell}`);
  }
  const width = head.offset_bytes;
  if (offsets.length !== (head.cells + 1) * width) {
    throw new CodecError("corrupt", `Offsets of ${head.cells} cells have ${offsets.length} bytes`);
  }
  const words = new ByteReader(offsets.subarray(cell * width, (cell + 2) * width));
  const start = words.word(width);
  const end = words.word(width);
  if (start > end) throw new CodecError("corrupt", `Cell ${cell} ends before it begins`);
  return { start, end };
}

/** Reads and verifies a whole block. The cells are views of `data`. */
export function unpackBlock(block: Block): Head & { slices: Uint8Array[] } {
  const head = openHead(block.head);
  if (bodyCrc(block) !== head.body_crc) {
    throw new CodecError("corrupt", "A block's offsets and data do not have their checksum");
  }
  const slices: Uint8Array[] = [];
  let expected = 0;
  for (let cell = 0; cell < head.cells; cell++) {
    const { start, end } = cellRange(head, block.offsets, cell);
    if (start !== expected || end > block.data.length) {
      throw new CodecError("corrupt", `Cell ${cell} is not where the one before it ends`);
    }
    slices.push(block.data.subarray(start, end));
    expected = end;
  }
  if (expected !== block.data.length) {
    throw new CodecError("corrupt", `Cells end at ${expected} of ${block.data.length} bytes`);
  }
  return { ...head, slices };
}

/** Bytes of a block at rest, without what the database adds. */
export function blockBytes({ head, offsets, data }: Block): number {
  return head.length + offsets.length + data.length;
}

function bodyCrc({ offsets, data }: Omit<Block, "head">): number {
  return crc32(data, crc32(offsets));
}

function headCrc(head: Uint8Array): number {
  return crc32(head.subarray(HEAD_BYTES_MIN), crc32(head.subarray(0, HEAD_CRC_AT)));
}
