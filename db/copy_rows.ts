/**
 * Reads rows of table `report` out of PostgreSQL's binary COPY, piece by piece. Parsing a `float8[]`
 * from its text costs some 100 ns a value; reading a double where it lies costs 3.
 *
 *   header  11 bytes signature, int32 flags, int32 length of what follows, that many bytes
 *   row     int16 4; then each column as int32 length and its bytes:
 *           int32 host_id, int32 shape_id, int64 at (microseconds since 2000-01-01), and vals:
 *           int32 dimensions (1, or 0 when it is empty), int32 flags, int32 type (701, float8),
 *           int32 n, int32 lower bound, then n times int32 8 and a double
 *   end     int16 -1
 *
 * All numbers are big-endian. (PostgreSQL documentation: "COPY", section "Binary Format"; arrays as
 * in `array_send()`.)
 */

/** One report of the hot table. */
export interface HotRow {
  host_id: number;
  shape_id: number;
  at_ms: number;
  /** In the order of the shape. */
  values: Float64Array;
}

const HEADER_BYTES = 19;
const COLUMNS = 4;
const END = -1;
/** PostgreSQL has no larger value. */
const FIELD_BYTES_MAX = 2 ** 30;
const FLOAT8_OID = 701;
/** Of an array without elements, and of one with them before the first. */
const EMPTY_ARRAY_BYTES = 12;
const ARRAY_HEAD_BYTES = 20;
/** Of a row before `vals`: the count, and three columns with their lengths. */
const KEY_BYTES = 2 + 8 + 8 + 12;
/** 2000-01-01 in milliseconds since 1970: PostgreSQL's epoch. */
const POSTGRES_EPOCH_MS = 946_684_800_000;
const TWO_32 = 2 ** 32;

export class CopyRowReader {
  /** What does not make a whole row yet. */
  #rest = new Uint8Array();
  #state: "header" | "rows" | "ended" = "header";

  /**
   * The rows that `chunk` completes. Nothing of the chunk is referred to afterwards.
   * @throws {Error} when the bytes are not what the statement must have sent (a bug of ours)
   */
  push(chunk: Uint8Array): HotRow[] {
    const bytes = this.#rest.length === 0 ? chunk : join(this.#rest, chunk);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const rows: HotRow[] = [];
    let at = this.#state === "header" ? this.#readHeader(view) : 0;
    while (this.#state === "rows") {
      if (at + 2 > view.byteLength) break;
      if (view.getInt16(at) === END) {
        this.#state = "ended";
        break;
      }
      if (at + KEY_BYTES + 4 > view.byteLength) break;
      const end = at + KEY_BYTES + 4 + lengthAt(view, at + KEY_BYTES);
      if (end > view.byteLength) break;
      rows.push(readRow(view, at));
      at = end;
    }
    this.#rest = this.#state === "ended" ? new Uint8Array() : bytes.slice(at);
    return rows;
  }

  /** @throws {Error} when the end has not come */
  end(): void {
    if (this.#state !== "ended") throw new Error("BUG: a COPY ended in the middle of its rows");
  }

  /** Where the first row begins; 0 as long as the header is not complete. */
  #readHeader(view: DataView): number {
    if (view.byteLength < HEADER_BYTES) return 0;
    const end = HEADER_BYTES + lengthAt(view, HEADER_BYTES - 4);
    if (view.byteLength < end) return 0;
    this.#state = "rows";
    return end;
  }
}

/** Of what follows. A wrong one must neither lead backwards nor be waited for in vain for ever. */
function lengthAt(view: DataView, at: number): number {
  const length = view.getInt32(at);
  if (length >= 0 && length <= FIELD_BYTES_MAX) return length;
  throw new Error(`BUG: a COPY of reports has a field of ${length} bytes`);
}

function readRow(view: DataView, at: number): HotRow {
  const bytes = view.getInt32(at + KEY_BYTES);
  const dimensions = bytes < EMPTY_ARRAY_BYTES ? NaN : view.getInt32(at + KEY_BYTES + 4);
  const count = dimensions === 1 && bytes >= ARRAY_HEAD_BYTES
    ? view.getInt32(at + KEY_BYTES + 16)
    : 0;
  const isReport = view.getInt16(at) === COLUMNS && view.getInt32(at + 2) === 4 &&
    view.getInt32(at + 10) === 4 && view.getInt32(at + 18) === 8 &&
    (dimensions === 0 && bytes === EMPTY_ARRAY_BYTES ||
      dimensions === 1 && bytes === ARRAY_HEAD_BYTES + 12 * count &&
        view.getInt32(at + KEY_BYTES + 12) === FLOAT8_OID);
  if (!isReport) throw new Error("BUG: a COPY of reports has other columns");
  const at_us = view.getInt32(at + 22) * TWO_32 + view.getUint32(at + 26);
  const values = new Float64Array(count);
  // each double is preceded by its length
  let value_at = at + KEY_BYTES + 28;
  for (let i = 0; i < values.length; i++, value_at += 12) values[i] = view.getFloat64(value_at);
  return {
    host_id: view.getInt32(at + 6),
    shape_id: view.getInt32(at + 14),
    // times are whole milliseconds; beyond the year 2285 a double does not hold their microseconds
    at_ms: Math.round(at_us / 1000) + POSTGRES_EPOCH_MS,
    values,
  };
}

function join(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(a.length + b.length);
  joined.set(a);
  joined.set(b, a.length);
  return joined;
}
