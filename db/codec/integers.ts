/**
 * The integers of a column out of its bits: reads the codes (golomb.ts) and adds up what they say in
 * one loop, since most of what a question about history costs is spent here. Nearly every code is
 * within the next 32 bits and far from the end of the bytes; those are read with a few operations on
 * integers, 4 ns each. Whatever else there is takes the careful way, code by code.
 *
 * `!` after an index: positions are below `fast_bits`, places below the array's length.
 */
import type { BitReader } from "./bits.ts";
import { INTEGER_MAX } from "./bytes.ts";
import { CodecError } from "./error.ts";
import { readCode } from "./golomb.ts";

/** How codes become integers: see column.ts. */
export interface Course {
  /** Of the codes. */
  order: number;
  /** Common divisor of the differences. */
  step: number;
  /** Codes are differences of slopes, not of integers. */
  is_bent: boolean;
}

/** Bytes that a window of 32 bits may touch. */
const WINDOW_BYTES = 5;
/** Codes of 32 bits and such an order are numbers below 2^29: the bit operators' integers. */
const SMALL_ORDER_MAX = 24;
/** Integers below are what the bit operators work on. */
const BITS_LIMIT = 2 ** 31;

/**
 * Fills `integers`, whose first is given, from the bits of all others; zeros at the end, which are
 * not written, go on as those before.
 *
 * @throws {CodecError} when the bits end inside a number, say more than there are places, or leave
 *   the integers up to 2^53
 */
export function fillIntegers(bits: BitReader, integers: Float64Array, course: Course): void {
  const { order, step, is_bent } = course;
  const { bytes } = bits;
  const count = integers.length;
  const is_small = order <= SMALL_ORDER_MAX;
  const base = is_small ? 1 << order : 0;
  const fast_bits = is_small ? (bytes.length - WINDOW_BYTES + 1) * 8 : 0;
  let { position } = bits;
  let integer = integers[0]!;
  let slope = 0;
  let at = 1;
  for (;;) {
    // bits that were looked at: those of `left` from the top are still to be read
    let word = 0;
    let left = 0;
    while (at < count) {
      let length = 2 * Math.clz32(word) + order + 1;
      if (length > left) {
        if (position >= fast_bits) break;
        word = windowAt(bytes, position);
        left = 32;
        length = 2 * Math.clz32(word) + order + 1;
        if (length > left) break;
      }
      const residual = ((word >>> (32 - length)) - base) | 0;
      if (residual === 0) break;
      word <<= length;
      left -= length;
      position += length;
      const signed = (residual >>> 1) ^ -(residual & 1);
      slope = is_bent ? slope + signed : signed;
      integer += slope * step;
      if (integer > INTEGER_MAX || integer < -INTEGER_MAX) throw leaves();
      integers[at++] = integer;
    }
    bits.position = position;
    const residual = readCode(bits, order);
    // at the end of the bits all others are zeros
    const zeros = residual === -1 ? count - at : residual === 0 ? runLength(bits) : 0;
    if (residual === -1 && zeros <= 0) return;
    position = bits.position;
    if (at + Math.max(1, zeros) > count) throw tooMany(count - 1);
    if (zeros === 0) {
      const signed = signedOf(residual);
      slope = is_bent ? slope + signed : signed;
      integer += slope * step;
      if (integer > INTEGER_MAX || integer < -INTEGER_MAX) throw leaves();
      integers[at++] = integer;
      continue;
    }
    if (!is_bent) slope = 0;
    const stride = slope * step;
    if (Math.abs(integer + stride * zeros) > INTEGER_MAX) throw leaves();
    for (const end = at + zeros; at < end; at++) integers[at] = integer += stride;
    if (residual === -1) return;
  }
}

/** 32 bits from a position on, as a 32-bit integer; five bytes from there on exist. */
function windowAt(bytes: Uint8Array, position: number): number {
  const index = position >>> 3;
  const used = position & 7;
  const word = bytes[index]! << 24 | bytes[index + 1]! << 16 | bytes[index + 2]! << 8 |
    bytes[index + 3]!;
  return word << used | bytes[index + 4]! >>> (8 - used);
}

/** Zeros in a row, of which the first was read. */
function runLength(bits: BitReader): number {
  const more = readCode(bits, 0);
  if (more === -1) throw new CodecError("truncated", "A run of zeros has no length");
  return more + 1;
}

/** Undoes the making of residuals. The remainder of a double is a call, bits of an integer are not. */
function signedOf(residual: number): number {
  if (residual < BITS_LIMIT) return (residual >>> 1) ^ -(residual & 1);
  return residual % 2 === 0 ? residual / 2 : -(residual + 1) / 2;
}

function leaves(): CodecError {
  return new CodecError("corrupt", "A column leaves the integers up to 2^53");
}

function tooMany(count: number): CodecError {
  return new CodecError("corrupt", `A column has more than its ${count} differences`);
}
