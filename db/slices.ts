/**
 * Slices of stored history on their way out of PostgreSQL: the cells of blocks, and single values of
 * hot rows. There are thousands of them in an answer about all hosts, so they come strung together
 * by `string_agg`, a row for each key and source:
 *
 *   cells        for each block: int4 bytes of its head, int4 bytes of the cell, head, cell
 *   hot samples  int4 key, int8 time (microseconds since 2000-01-01), float8 value; all keys' in one
 *
 * All numbers are big-endian, as PostgreSQL's `…send()` functions write them. A key is the place of
 * its `CellKey` in the question.
 *
 * Two ways lead out. A prepared statement with bound parameters, and the strings as hexadecimal text:
 * 0.4 ms for one series. And COPY in binary, with the numbers written into its text: for 7,000 slices
 * the detour by text takes PostgreSQL as long as finding them, and rows can be worked on while it
 * is still looking for the next.
 */
import { Buffer } from "node:buffer";
import { cancelledBy, requireWanted } from "./cancel.ts";
import type { Sql } from "./connect.ts";
import { copyOut } from "./copy_out.ts";
import { readingTransaction } from "./transaction.ts";

/** Where slices come from: hot rows, or blocks of a tier. */
export const SOURCES = ["hot", "raw", "5m", "1h", "1d"] as const;
export type Source = typeof SOURCES[number];

/** The slices of one key out of one source; of all keys, when they are hot samples. */
export interface SliceRow {
  source: Source;
  key: number;
  bytes: Uint8Array;
}

/** The cell of one metric in one block. */
export interface CellSlice {
  head: Uint8Array;
  cell: Uint8Array;
}

/** Values out of hot rows, in no order. All arrays are of one length. */
export interface HotSamples {
  keys: Int32Array;
  times_ms: Float64Array;
  values: Float64Array;
}

/** A statement that answers with rows of a source (its place in `SOURCES`), a key, and slices or null. */
export interface Question {
  /** Without what is asked for: `$1` and so on. */
  text: string;
  /** Numbers and arrays of numbers, in the order of their places. */
  parameters: readonly (number | readonly number[])[];
}

/** 2000-01-01 in milliseconds since 1970: PostgreSQL's epoch. */
const POSTGRES_EPOCH_MS = 946_684_800_000;
const TWO_32 = 2 ** 32;
const CELL_HEAD_BYTES = 8;
const HOT_BYTES = 20;
/** Signature, flags and length of an extension that there is none of. */
const COPY_HEAD_BYTES = 19;
/** Before the slices: the number of columns, two integers and a length. */
const COPY_ROW_BYTES = 22;
const COPY_COLUMNS = 3;

/** Asks with a prepared statement; the rows come at once. */
export async function askPrepared(
  sql: Sql,
  { text, parameters }: Question,
  signal?: AbortSignal,
): Promise<SliceRow[]> {
  requireWanted(signal);
  const query = sql.unsafe<{ source: number; key: number; slices: string | null }[]>(
    `select source, key, encode(slices, 'hex') as slices
     from (${text}) as answer (source, key, slices)`,
    // a copy: the driver's type does not say that it leaves them alone
    parameters.map((value) => typeof value === "number" ? value : [...value]),
    { prepare: true },
  );
  using _cancelled = cancelledBy(query, signal);
  const rows = await query;
  const found = rows.flatMap(({ source, key, slices }) => {
    const name = SOURCES[source];
    return name === undefined
      ? []
      : [{ source: name, key, bytes: Buffer.from(slices ?? "", "hex") }];
  });
  // the driver's result outlives its time (until a whole collection), and the slices' text with it
  rows.length = 0;
  return found;
}

/** Asks with COPY; rows come as PostgreSQL finds them. `text` holds its numbers already. */
export async function* askCopy(
  sql: Sql,
  text: string,
  signal?: AbortSignal,
): AsyncGenerator<SliceRow> {
  requireWanted(signal);
  // a connection of its own until the end (see copyOut), also when it is lost
  yield* readingTransaction(sql, async function* (tx) {
    requireWanted(signal);
    const reader = new CopySliceReader();
    const copy = tx`copy (${tx.unsafe(text)}) to stdout (format binary)`;
    // the connection is given back when no request to cancel is under way any more
    await using _cancelled = cancelledBy(copy, signal);
    for await (const chunk of copyOut(copy)) {
      requireWanted(signal);
      yield* reader.push(chunk);
    }
  });
}

/** A number as it stands in a statement. */
export function numberLiteral(value: number): string {
  return `'${Number(value)}'`;
}

/** An array of integers as it stands in a statement. */
export function integersLiteral(values: readonly number[]): string {
  return `'{${values.map((value) => String(value | 0)).join()}}'`;
}

/** Rows of `(integer, integer, bytea)` out of the pieces of a binary COPY. */
class CopySliceReader {
  #rest: Uint8Array = new Uint8Array();
  #skip = COPY_HEAD_BYTES;

  push(chunk: Uint8Array): SliceRow[] {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const rows: SliceRow[] = [];
    let at = this.#skip;
    while (at + COPY_ROW_BYTES <= bytes.length && view.getInt16(at) === COPY_COLUMNS) {
      const start = at + COPY_ROW_BYTES;
      const end = start + Math.max(0, view.getInt32(start - 4));
      if (end > bytes.length) break;
      const source = SOURCES[view.getInt32(at + 6)];
      const key = view.getInt32(at + 14);
      if (source !== undefined) rows.push({ source, key, bytes: bytes.subarray(start, end) });
      at = end;
    }
    this.#skip = Math.max(0, at - bytes.length);
    this.#rest = bytes.subarray(at);
    return rows;
  }
}

/** The cells of one row. They are views of it, not copies. */
export function parseCells(bytes: Uint8Array): CellSlice[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  // a Buffer's own `subarray` takes three times as long
  const part = (start: number, end: number) =>
    new Uint8Array(bytes.buffer, bytes.byteOffset + start, end - start);
  const slices: CellSlice[] = [];
  for (let at = 0; at < bytes.length;) {
    const head_at = at + CELL_HEAD_BYTES;
    const cell_at = head_at + view.getInt32(at);
    const end = cell_at + view.getInt32(at + 4);
    slices.push({ head: part(head_at, cell_at), cell: part(cell_at, end) });
    at = end;
  }
  return slices;
}

/** The hot samples of a row. */
export function parseHot(bytes: Uint8Array): HotSamples {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = bytes.length / HOT_BYTES;
  const hot = {
    keys: new Int32Array(length),
    times_ms: new Float64Array(length),
    values: new Float64Array(length),
  };
  for (let i = 0, at = 0; i < length; i++, at += HOT_BYTES) {
    const at_us = view.getInt32(at + 4) * TWO_32 + view.getUint32(at + 8);
    hot.keys[i] = view.getInt32(at);
    hot.times_ms[i] = at_us / 1000 + POSTGRES_EPOCH_MS;
    hot.values[i] = view.getFloat64(at + 12);
  }
  return hot;
}
