/**
 * One column: the values of one series in the rows of a block, as bytes that can be read alone. The
 * number of rows is not in it; the block knows.
 *
 *   no byte at all   every value is 0
 *   otherwise        1 byte: bits 7–6 the format, bits 5–0 the scale (a code of scale.ts)
 *
 *   format 0, delta, and 1, delta of delta
 *     signed varint  the first integer (value = scale of the integer)
 *     ── end here: the others are the same ──
 *     1 byte         k, the order of the codes (golomb.ts)
 *     varint         step, the greatest common divisor of the differences between neighbours
 *     bits           one code per row after the first: u, read as a signed number s (u even: u / 2;
 *                    odd: -(u + 1) / 2). Format 0: integer += s * step. Format 1: slope += s, integer
 *                    += slope * step, the slope being 0 at first.
 *   format 2, XOR    scale 0; see xor.ts
 *   format 3         unused: the way in for formats to come
 *
 * Delta or delta of delta, whichever is shorter, is taken; a column without integers, or with
 * differences of 2^51 steps and more, is XORed. The step is what makes memory sizes (always whole
 * pages) and timestamps cheap: without it the real columns take 16 % more.
 *
 * Encoding is a pure function of the values: equal columns are equal bytes.
 * `!` after an index: loops run over the array's own length.
 */
import { BitReader, BitWriter } from "./bits.ts";
import { ByteReader, ByteWriter, INTEGER_MAX } from "./bytes.ts";
import { type Decimal, findDecimal } from "./decimal.ts";
import { CodecError } from "./error.ts";
import { chooseOrder, ORDER_MAX, RESIDUAL_LIMIT, residualBits, writeResiduals } from "./golomb.ts";
import { fillIntegers } from "./integers.ts";
import { isScale, scaleAll, scaleOf } from "./scale.ts";
import type { Scratch } from "./scratch.ts";
import { readXor, writeXor } from "./xor.ts";

/**
 * The most rows a column can have. An hour of reports every 5 ms; also what a damaged block can make
 * a reader allocate, 8 bytes each.
 */
export const ROWS_MAX = 720_000;

const FORMAT_DELTA = 0;
const FORMAT_DELTA_OF_DELTA = 1;
const FORMAT_XOR = 2;

interface Plan {
  format: number;
  order: number;
  step: number;
  residuals: Float64Array;
  bits: number;
}

/**
 * The bytes of a column.
 * @throws {RangeError} when a value is NaN or infinite, or there are more than `ROWS_MAX`.
 */
export function encodeColumn(values: Float64Array): Uint8Array {
  if (values.length > ROWS_MAX) {
    throw new RangeError(`A column must have at most ${ROWS_MAX} rows: it has ${values.length}`);
  }
  let same = true;
  for (const value of values) {
    if (!Number.isFinite(value)) {
      throw new RangeError(`A column must hold finite numbers only: current value is ${value}`);
    }
    same &&= Object.is(value, values[0]);
  }
  if (values.length === 0 || (same && Object.is(values[0], 0))) return new Uint8Array();
  const decimal = findDecimal(same ? values.subarray(0, 1) : values);
  const bytes = new ByteWriter();
  if (decimal === undefined || !writeDecimal(bytes, decimal)) {
    bytes.byte(FORMAT_XOR << 6);
    writeXor(bytes, values);
  }
  return bytes.toBytes();
}

/**
 * The values of a column of `rows` rows, bit for bit what `encodeColumn` was given.
 * @param scratch Where the values may lie; otherwise they get memory of their own.
 * @throws {CodecError} when the bytes are not such a column.
 * @throws {RangeError} when `rows` is not an integer from 0 to `ROWS_MAX`.
 */
export function decodeColumn(
  column: Uint8Array,
  rows: number,
  scratch?: Scratch,
): Float64Array {
  if (!Number.isInteger(rows) || rows < 0 || rows > ROWS_MAX) {
    throw new RangeError(`rows must be an integer from 0 to ${ROWS_MAX}: current value is ${rows}`);
  }
  if (column.length === 0) return scratch?.take(rows).fill(0) ?? new Float64Array(rows);
  if (rows === 0) throw new CodecError("corrupt", "A column without rows has bytes");
  const bytes = new ByteReader(column);
  const head = bytes.byte();
  const format = head >>> 6;
  const scale = head & 63;
  if (format === FORMAT_XOR && scale === 0) return readXor(bytes, rows);
  if (format > FORMAT_DELTA_OF_DELTA || !isScale(scale)) {
    throw new CodecError("unsupported", `A column has format ${format} and scale ${scale}`);
  }
  const values = scratch?.take(rows) ?? new Float64Array(rows);
  return readDecimal(bytes, values, { format, scale });
}

/** Writes formats 0 and 1. False, with nothing written, when the differences are too large. */
function writeDecimal(bytes: ByteWriter, { scale, mantissas }: Decimal): boolean {
  const first = mantissas[0]!;
  if (mantissas.every((mantissa) => mantissa === first)) {
    bytes.byte(FORMAT_DELTA << 6 | scale);
    bytes.signedVarint(first);
    return true;
  }
  const deltas = neighbourDifferences(mantissas);
  if (deltas === undefined) return false;
  const step = commonDivisor(deltas);
  const slopes = step === 1 ? deltas : deltas.map((delta) => delta / step);
  // the slope before the first one is 0; not a spread, which would put every row on the stack
  const from_level = new Float64Array(slopes.length + 1);
  from_level.set(slopes, 1);
  const bends = neighbourDifferences(from_level);
  const delta = planOf(FORMAT_DELTA, step, slopes);
  const bent = bends === undefined ? undefined : planOf(FORMAT_DELTA_OF_DELTA, step, bends);
  const plan = bent !== undefined && bent.bits < (delta?.bits ?? Infinity) ? bent : delta;
  if (plan === undefined) return false;
  bytes.byte(plan.format << 6 | scale);
  bytes.signedVarint(first);
  bytes.byte(plan.order);
  bytes.varint(plan.step);
  const bits = new BitWriter();
  writeResiduals(bits, plan.residuals, plan.order);
  bytes.bytes(bits.toBytes());
  return true;
}

/** What each integer is above the one before it, or undefined when that is not exact. */
function neighbourDifferences(integers: Float64Array): Float64Array | undefined {
  const differences = new Float64Array(integers.length - 1);
  for (let i = 0; i < differences.length; i++) {
    const difference = integers[i + 1]! - integers[i]!;
    // at 2^53 it may have been rounded to that
    if (Math.abs(difference) >= INTEGER_MAX) return undefined;
    differences[i] = difference;
  }
  return differences;
}

/** Of integers that are not all 0. */
function commonDivisor(integers: Float64Array): number {
  let divisor = 0;
  for (const integer of integers) {
    let rest = Math.abs(integer);
    while (rest !== 0) [divisor, rest] = [rest, divisor % rest];
    if (divisor === 1) break;
  }
  return divisor;
}

/** Signed numbers become u (see above), or undefined when one is too large. */
function planOf(format: number, step: number, numbers: Float64Array): Plan | undefined {
  const residuals = new Float64Array(numbers.length);
  for (let i = 0; i < numbers.length; i++) {
    const number = numbers[i]!;
    const residual = number < 0 ? -2 * number - 1 : 2 * number;
    if (residual >= RESIDUAL_LIMIT) return undefined;
    residuals[i] = residual;
  }
  const order = chooseOrder(residuals);
  return { format, order, step, residuals, bits: residualBits(residuals, order) };
}

function readDecimal(
  bytes: ByteReader,
  values: Float64Array,
  { format, scale }: { format: number; scale: number },
): Float64Array {
  const integer = bytes.signedVarint();
  if (bytes.left === 0) return values.fill(finite(scaleOf(scale)(integer)));
  const order = bytes.byte();
  if (order > ORDER_MAX) throw new CodecError("corrupt", `A column has codes of order ${order}`);
  const step = bytes.varint();
  values[0] = integer;
  // in place: another array would cost as much as reading the bits
  const is_bent = format === FORMAT_DELTA_OF_DELTA;
  fillIntegers(new BitReader(bytes.take(bytes.left)), values, { order, step, is_bent });
  return scaleAll(values, scale);
}

function finite(value: number): number {
  if (Number.isFinite(value)) return value;
  throw new CodecError("corrupt", `A column holds ${value}: only finite numbers are stored`);
}
