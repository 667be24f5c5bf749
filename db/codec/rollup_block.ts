/**
 * Rollups as a block: some buckets of one tier, of one host and one shape. Its axes are when the
 * buckets begin (milliseconds since 1970), how many reports each has, and how many milliseconds after
 * the begin the first and the last of them came. Each cell is the rollup of one metric:
 *
 *   no byte at all   every value of every column is 0, sum and lost among them
 *   otherwise        3 bytes: six codes of 4 bits, in the order first, last, min, max, sum, lost
 *                      0       not kept
 *                      1       a column of its own
 *                      2 + i   the same as column i of this list, which comes before it
 *                    then each column of its own: its length as a varint, its bytes (column.ts)
 *
 * So a series that does not change is one column and its sum, and a counter without resets is two.
 *
 * `!` after an index: the index is bounded on the lines before.
 */
import type { Axes } from "./axes.ts";
import {
  type Block,
  CONTENT_ROLLUPS,
  type Head,
  openHead,
  packBlock,
  unpackBlock,
} from "./block.ts";
import type { Buckets } from "./buckets.ts";
import { ByteReader, ByteWriter } from "./bytes.ts";
import { decodeColumn, encodeColumn } from "./column.ts";
import { CodecError } from "./error.ts";
import type { Rollup } from "./rollup.ts";
import type { Scratch } from "./scratch.ts";

/** The rollups of one host and one shape, on their side. */
export interface Rollups {
  buckets: Buckets;
  /** One per metric, in the order of the shape; each with a value per bucket. */
  series: Rollup[];
}

const COLUMNS = ["first", "last", "min", "max", "sum", "lost"] as const;
const LACKING = "A rollup lacks first, last, min or max";
const CODE_ABSENT = 0;
const CODE_OWN = 1;
const CODE_SAME = 2;

/**
 * The block of `rollups`: equal rollups are equal bytes.
 * @throws {RangeError} when a value is not finite.
 */
export function encodeRollupBlock({ buckets, series }: Rollups): Block {
  const { start_ms, count, first_ms, last_ms } = buckets;
  const sinceStart = (times_ms: Float64Array) => times_ms.map((at_ms, i) => at_ms - start_ms[i]!);
  return packBlock({
    content: CONTENT_ROLLUPS,
    rows: start_ms.length,
    axes: [start_ms, count, sinceStart(first_ms), sinceStart(last_ms)],
    cells: series.map(encodeCell),
  });
}

/**
 * All of a block's rollups, after verifying its checksums.
 * @throws {CodecError} when the block is damaged or holds something else.
 */
export function decodeRollupBlock(block: Block): Rollups {
  const { slices, ...head } = unpackBlock(block);
  return {
    buckets: bucketsOf(head).all(),
    series: slices.map((slice) => decodeCell(slice, head.rows)),
  };
}

/**
 * The rollup of one metric from a block's head and that metric's cell alone.
 * @throws {CodecError} when they are damaged; a damaged cell is found only when it is not well-formed.
 */
export function decodeRollupCell(
  head: Uint8Array,
  cell: Uint8Array,
): { buckets: Buckets; rollup: Rollup } {
  const opened = openHead(head);
  return { buckets: bucketsOf(opened).all(), rollup: decodeCell(cell, opened.rows) };
}

/**
 * The same, but each column is decoded when it is first asked for: an average over many hosts needs
 * one of the five. Damage is told then.
 * @param scratch Where the columns may lie; otherwise they get memory of their own.
 */
export function openRollupCell(
  head: Uint8Array,
  cell: Uint8Array,
  scratch?: Scratch,
): { buckets: Buckets; rollup: Rollup } {
  const opened = openHead(head);
  const rollup = new RollupCell(cell, opened.rows, scratch);
  return { buckets: bucketsOf(opened, scratch), rollup };
}

class RollupCell implements Rollup {
  readonly #rows: number;
  readonly #scratch: Scratch | undefined;
  /** The bytes of each column kept; an alias is the same bytes. */
  readonly #bytes: (Uint8Array | undefined)[];
  readonly #columns: (Float64Array | undefined)[] = [];

  constructor(cell: Uint8Array, rows: number, scratch?: Scratch) {
    this.#rows = rows;
    this.#scratch = scratch;
    this.#bytes = columnsOfCell(cell);
  }

  get first(): Float64Array {
    return this.#kept(0);
  }

  get last(): Float64Array {
    return this.#kept(1);
  }

  get min(): Float64Array {
    return this.#kept(2);
  }

  get max(): Float64Array {
    return this.#kept(3);
  }

  get sum(): Float64Array | undefined {
    return this.#column(4);
  }

  get lost(): Float64Array | undefined {
    return this.#column(5);
  }

  #kept(index: number): Float64Array {
    const column = this.#column(index);
    if (column === undefined) throw new CodecError("corrupt", LACKING);
    return column;
  }

  #column(index: number): Float64Array | undefined {
    const bytes = this.#bytes[index];
    if (bytes === undefined) return undefined;
    return this.#columns[index] ??= decodeColumn(bytes, this.#rows, this.#scratch);
  }
}

function encodeCell(rollup: Rollup): Uint8Array {
  const columns = COLUMNS.map((name) => {
    const values = rollup[name];
    return values === undefined ? undefined : encodeColumn(values);
  });
  const bytes = new ByteWriter();
  if (columns.every((column) => column === undefined || column.length === 0)) {
    return bytes.toBytes();
  }
  const codes = columns.map((column, i) => {
    if (column === undefined) return CODE_ABSENT;
    // equal values are equal bytes
    const same = columns.findIndex((other) => other !== undefined && areEqual(other, column));
    return same < i ? CODE_SAME + same : CODE_OWN;
  });
  for (let i = 0; i < codes.length; i += 2) bytes.byte(codes[i]! << 4 | codes[i + 1]!);
  columns.forEach((column, i) => {
    if (column === undefined || codes[i] !== CODE_OWN) return;
    bytes.varint(column.length);
    bytes.bytes(column);
  });
  return bytes.toBytes();
}

function areEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

function decodeCell(cell: Uint8Array, rows: number): Rollup {
  const columns = columnsOfCell(cell).map((bytes) => bytes && decodeColumn(bytes, rows));
  const [first, last, min, max, sum, lost] = columns;
  if (first === undefined || last === undefined || min === undefined || max === undefined) {
    throw new CodecError("corrupt", LACKING);
  }
  return {
    first,
    last,
    min,
    max,
    ...(sum === undefined ? {} : { sum }),
    ...(lost === undefined ? {} : { lost }),
  };
}

/** The bytes of each of `COLUMNS`, undefined for one that is not kept. */
function columnsOfCell(cell: Uint8Array): (Uint8Array | undefined)[] {
  if (cell.length === 0) return COLUMNS.map(() => cell);
  const bytes = new ByteReader(cell);
  const codes = bytes.take(COLUMNS.length / 2);
  const columns: (Uint8Array | undefined)[] = [];
  for (let i = 0; i < COLUMNS.length; i++) {
    const code = i % 2 === 0 ? codes[i >> 1]! >> 4 : codes[i >> 1]! & 15;
    if (code === CODE_ABSENT) columns.push(undefined);
    else if (code === CODE_OWN) columns.push(bytes.take(bytes.varint()));
    else {
      const same = columns[code - CODE_SAME];
      if (same === undefined) throw new CodecError("corrupt", `A rollup has a column ${code}`);
      columns.push(same);
    }
  }
  if (bytes.left > 0) throw new CodecError("corrupt", `A rollup has ${bytes.left} bytes too many`);
  return columns;
}

function bucketsOf({ content, axes }: Head, scratch?: Scratch): BlockBuckets {
  if (content !== CONTENT_ROLLUPS || axes.length !== 4) {
    throw new CodecError("corrupt", `A block of rollups has content ${content}`);
  }
  return new BlockBuckets(axes, scratch);
}

/** Axes are shared with other blocks; what is handed out here belongs to whoever asks. */
class BlockBuckets implements Buckets {
  readonly #axes: Axes;
  readonly start_ms: Float64Array;
  readonly count: Float64Array;
  #first_ms: Float64Array | undefined;
  #last_ms: Float64Array | undefined;

  constructor(axes: Axes, scratch?: Scratch) {
    this.#axes = axes;
    this.start_ms = copyOf(axes.at(0), scratch);
    this.count = copyOf(axes.at(1), scratch);
  }

  get first_ms(): Float64Array {
    return this.#first_ms ??= this.#since(2);
  }

  get last_ms(): Float64Array {
    return this.#last_ms ??= this.#since(3);
  }

  /** As a plain object. */
  all(): Buckets {
    const { start_ms, count, first_ms, last_ms } = this;
    return { start_ms, count, first_ms, last_ms };
  }

  #since(axis: number): Float64Array {
    const after_ms = this.#axes.at(axis);
    return this.start_ms.map((at_ms, i) => at_ms + after_ms[i]!);
  }
}

function copyOf(values: Float64Array, scratch: Scratch | undefined): Float64Array {
  if (scratch === undefined) return values.slice();
  const copy = scratch.take(values.length);
  copy.set(values);
  return copy;
}
