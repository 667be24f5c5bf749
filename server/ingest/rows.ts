/**
 * Reports as rows of PostgreSQL's binary COPY, from the moment they are parsed: there is no second
 * form in memory, so a row costs one copy of its bytes and no garbage, and the queue's bound in
 * bytes is exact.
 *
 * One row of table `report` (all numbers big-endian):
 *
 *   int16  4                               columns
 *   int32  4   int32  host_id
 *   int32  4   int32  shape_id
 *   int32  8   int64  at                   microseconds since 2000-01-01
 *   int32  20 + 12 n                       the array: header, then n elements
 *     int32 1, int32 0, int32 701          dimensions, no nulls, float8
 *     int32 n, int32 1                     length, lower bound
 *     n × (int32 8, float8)
 *
 * (PostgreSQL documentation: "COPY", section "Binary Format"; arrays as in `array_send()`.)
 */

/** Bytes of a row before its first value. */
const ROW_HEAD_BYTES = 54;
/** Bytes of one value: its length word and the float8. */
const VALUE_BYTES = 12;
const FLOAT8_OID = 701;
/** 2000-01-01 in milliseconds since 1970: PostgreSQL's epoch. */
const POSTGRES_EPOCH_MS = 946_684_800_000;
const TWO_32 = 2 ** 32;

const SHAPE_OFFSET = 14;
const AT_OFFSET = 22;
const LENGTH_OFFSET = 46;

/** Signature, flags and extension length that open a binary COPY. */
const COPY_HEAD = new Uint8Array([
  ...new TextEncoder().encode("PGCOPY\n"),
  ...[0xff, 0x0d, 0x0a, 0x00],
  ...[0, 0, 0, 0],
  ...[0, 0, 0, 0],
]);
/** The trailer: a column count of -1. */
const COPY_TAIL = new Uint8Array([0xff, 0xff]);
/** Where the first row begins. */
const FIRST = COPY_HEAD.length;

/** Bytes of a row with `length` values. */
export function rowBytes(length: number): number {
  return ROW_HEAD_BYTES + VALUE_BYTES * length;
}

/** The row of a host and a shape without time and values, to be copied and filled in. */
export function rowPrototype(shape_id: number, length: number): Uint8Array {
  const bytes = new Uint8Array(rowBytes(length));
  const view = new DataView(bytes.buffer);
  view.setInt16(0, 4);
  view.setInt32(2, 4);
  view.setInt32(10, 4);
  view.setInt32(SHAPE_OFFSET, shape_id);
  view.setInt32(18, 8);
  view.setInt32(30, 20 + VALUE_BYTES * length);
  view.setInt32(34, 1);
  view.setInt32(42, FLOAT8_OID);
  view.setInt32(LENGTH_OFFSET, length);
  view.setInt32(50, 1);
  for (let i = 0; i < length; i++) view.setInt32(ROW_HEAD_BYTES + VALUE_BYTES * i, 8);
  return bytes;
}

/** Where a row lies in a buffer, and what identifies it. */
export interface RowKey {
  host_id: number;
  shape_id: number;
  at_ms: number;
}

/**
 * A growing run of rows. Rows are appended, or taken back to an earlier end; never changed. The head
 * of the COPY stands before them all the time, so that the whole can be sent in one piece: each
 * piece costs a turn of the event loop, which is long when thousands of requests wait.
 */
export class RowBuffer {
  #bytes: Uint8Array;
  #view: DataView;
  #end = FIRST;
  #rows = 0;
  #at_ms_min = Infinity;

  constructor(capacity_bytes = 64 * 1024) {
    this.#bytes = new Uint8Array(Math.max(capacity_bytes, FIRST));
    this.#bytes.set(COPY_HEAD);
    this.#view = new DataView(this.#bytes.buffer);
  }

  /** Bytes of all rows. */
  get bytes(): number {
    return this.#end - FIRST;
  }

  /** Number of rows. */
  get rows(): number {
    return this.#rows;
  }

  /** No row is older than this; it is exact unless rows were taken back. */
  get at_ms_min(): number {
    return this.#at_ms_min;
  }

  /** Appends a row of a shape and returns where it starts, for `setValue` (and `setAt`, if 0). */
  add(prototype: Uint8Array, host_id: number, at_ms: number): number {
    const start = this.#end;
    const end = start + prototype.length;
    if (end > this.#bytes.length) this.#grow(end);
    this.#bytes.set(prototype, start);
    this.#view.setInt32(start + 6, host_id);
    if (at_ms > 0) this.setAt(start, at_ms);
    this.#end = end;
    this.#rows++;
    return start;
  }

  /** Sets value number `index` of the row that starts at `row_start`. */
  setValue(row_start: number, index: number, value: number): void {
    this.#view.setFloat64(row_start + ROW_HEAD_BYTES + 4 + VALUE_BYTES * index, value);
  }

  /** Sets the time of the row that starts at `row_start`, in milliseconds since 1970. */
  setAt(row_start: number, at_ms: number): void {
    if (at_ms < this.#at_ms_min) this.#at_ms_min = at_ms;
    // int64 in two halves: BigInt would allocate
    const at_us = (at_ms - POSTGRES_EPOCH_MS) * 1000;
    const high = Math.floor(at_us / TWO_32);
    this.#view.setInt32(row_start + AT_OFFSET, high);
    this.#view.setUint32(row_start + AT_OFFSET + 4, at_us - high * TWO_32);
  }

  /** Takes back everything after `bytes`, which held `rows` rows. */
  truncate(bytes: number, rows: number): void {
    this.#end = FIRST + bytes;
    this.#rows = rows;
    if (rows === 0) this.#at_ms_min = Infinity;
  }

  /** The rows with head and tail, as COPY wants them. Valid until the next change. */
  copyData(): Uint8Array {
    const end = this.#end + COPY_TAIL.length;
    if (end > this.#bytes.length) this.#grow(end);
    this.#bytes.set(COPY_TAIL, this.#end);
    return this.#bytes.subarray(0, end);
  }

  /** What identifies each row, in order. */
  keys(): RowKey[] {
    const keys: RowKey[] = [];
    for (let at = FIRST; at < this.#end;) {
      const view = this.#view;
      const at_us = view.getInt32(at + AT_OFFSET) * TWO_32 + view.getUint32(at + AT_OFFSET + 4);
      keys.push({
        host_id: view.getInt32(at + 6),
        shape_id: view.getInt32(at + SHAPE_OFFSET),
        at_ms: at_us / 1000 + POSTGRES_EPOCH_MS,
      });
      at += rowBytes(view.getInt32(at + LENGTH_OFFSET));
    }
    return keys;
  }

  /** A copy that leaves out the rows at the given positions. */
  without(positions: ReadonlySet<number>): RowBuffer {
    const rest = new RowBuffer(this.#end);
    let position = 0;
    for (let at = FIRST; at < this.#end; position++) {
      const end = at + rowBytes(this.#view.getInt32(at + LENGTH_OFFSET));
      if (!positions.has(position)) {
        rest.#bytes.set(this.#bytes.subarray(at, end), rest.#end);
        rest.#end += end - at;
        rest.#rows++;
      }
      at = end;
    }
    return rest;
  }

  /** Calls `visit` for each row in order; `value(i)` reads the row's i-th value. */
  forEach(visit: (row: RowKey & { length: number; value(index: number): number }) => void): void {
    const view = this.#view;
    const keys = this.keys();
    let at = FIRST;
    for (const key of keys) {
      const first = at + ROW_HEAD_BYTES + 4;
      const length = view.getInt32(at + LENGTH_OFFSET);
      visit({ ...key, length, value: (index) => view.getFloat64(first + VALUE_BYTES * index) });
      at += rowBytes(length);
    }
  }

  #grow(bytes_min: number): void {
    const bytes = new Uint8Array(Math.max(bytes_min, this.#bytes.length * 2));
    bytes.set(this.#bytes.subarray(0, this.#end));
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer);
  }
}
