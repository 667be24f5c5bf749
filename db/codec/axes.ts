/**
 * The axes of a block, each decoded when it is first asked for. Questions about many hosts open
 * thousands of heads, and need one or two of a head's four axes: an average needs no time of a first
 * report. What is decoded is also remembered by its bytes: agents collect at the same ticks, so the
 * blocks of one hour have nearly all the same axes, and comparing bytes costs a tenth of decoding.
 *
 * What is handed out is shared by everybody who has asked: it must not be written to.
 */
import { decodeColumn } from "./column.ts";
import { CodecError } from "./error.ts";

/** Enough for the four axes of three blocks of a day's edge. */
const REMEMBERED = 12;
/** Longer axes than any regular block has are not kept: together they stay below 400 kB. */
const REMEMBERED_ROWS_MAX = 4_096;

interface Remembered {
  bytes: Uint8Array;
  rows: number;
  values: Float64Array;
}

const remembered: Remembered[] = [];
let next_place = 0;

export class Axes {
  readonly #parts: readonly Uint8Array[];
  readonly #rows: number;

  /** @param parts The bytes of each axis. They may be overwritten after the head is done with. */
  constructor(parts: readonly Uint8Array[], rows: number) {
    this.#parts = parts;
    this.#rows = rows;
  }

  get length(): number {
    return this.#parts.length;
  }

  /**
   * The values of an axis, not to be written to.
   * @throws {CodecError} when it is damaged, or there is none.
   */
  at(index: number): Float64Array {
    const bytes = this.#parts[index];
    if (bytes === undefined) throw new CodecError("corrupt", `A block has no axis ${index}`);
    return decodeAxis(bytes, this.#rows);
  }
}

function decodeAxis(bytes: Uint8Array, rows: number): Float64Array {
  for (const known of remembered) {
    if (known.rows === rows && areEqual(known.bytes, bytes)) return known.values;
  }
  const values = decodeColumn(bytes, rows);
  if (rows <= REMEMBERED_ROWS_MAX) {
    // a copy: the bytes are a view of what came from the database
    remembered[next_place] = { bytes: bytes.slice(), rows, values };
    next_place = (next_place + 1) % REMEMBERED;
  }
  return values;
}

function areEqual(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
