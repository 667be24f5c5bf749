/**
 * Reading and writing single bytes, big-endian words and varints.
 *
 * varint         7 bits a byte, lowest first; bit 7 says that another byte follows. At most 2^53, in
 *                the fewest bytes.
 * signed varint  the first byte holds the sign in bit 0 (1 is negative) and the lowest 6 bits of the
 *                magnitude in bits 1–6; further bytes are as above. The same as a varint of
 *                `magnitude * 2 + sign`, but never larger than a double can hold exactly.
 *
 * `!` after an index: the index is bounded on the lines before, which the compiler cannot see.
 */
import { CodecError } from "./error.ts";

/** The largest magnitude up to which every integer is a double. */
export const INTEGER_MAX = 2 ** 53;

const CAPACITY_BYTES = 64;

/** A growing array of bytes. */
export class ByteWriter {
  #bytes = new Uint8Array(CAPACITY_BYTES);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = value;
  }

  /** An unsigned integer of `width` bytes, highest byte first. */
  word(value: number, width: number): void {
    for (let shift = width - 1; shift >= 0; shift--) this.byte(Math.floor(value / 256 ** shift));
  }

  bytes(part: Uint8Array): void {
    this.#reserve(part.length);
    this.#bytes.set(part, this.#length);
    this.#length += part.length;
  }

  /** `value` is an integer from 0 to 2^53. */
  varint(value: number): void {
    let rest = value;
    while (rest >= 128) {
      this.byte((rest % 128) | 128);
      rest = Math.floor(rest / 128);
    }
    this.byte(rest);
  }

  /** `value` is an integer from -2^53 to 2^53; -0 is written as 0. */
  signedVarint(value: number): void {
    const magnitude = Math.abs(value);
    const first = (magnitude % 64) * 2 + (value < 0 ? 1 : 0);
    if (magnitude < 64) {
      this.byte(first);
    } else {
      this.byte(first | 128);
      this.varint(Math.floor(magnitude / 64));
    }
  }

  /** The bytes written so far, as a copy. */
  toBytes(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  #reserve(count: number): void {
    if (this.#length + count <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + count));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }
}

/** A cursor over bytes. Every method throws a `CodecError` at the end of them. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  #position = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get left(): number {
    return this.#bytes.length - this.#position;
  }

  byte(): number {
    if (this.left < 1) throw new CodecError("truncated", "Cannot read a byte: the bytes end here");
    return this.#bytes[this.#position++]!;
  }

  word(width: number): number {
    let value = 0;
    for (let i = 0; i < width; i++) value = value * 256 + this.byte();
    return value;
  }

  /** A view of the next `count` bytes, not a copy. */
  take(count: number): Uint8Array {
    if (this.left < count) {
      throw new CodecError("truncated", `Cannot read ${count} bytes: only ${this.left} are left`);
    }
    this.#position += count;
    return this.#bytes.subarray(this.#position - count, this.#position);
  }

  varint(): number {
    return this.#groups(0, 1);
  }

  signedVarint(): number {
    const first = this.byte();
    const low = (first & 127) >> 1;
    const magnitude = first < 128 ? low : this.#groups(low, 64);
    if (first >= 128 && magnitude < 64) throw new CodecError("corrupt", "A varint is too long");
    if (first === 1) throw new CodecError("corrupt", "A varint is -0");
    return (first & 1) === 0 ? magnitude : -magnitude;
  }

  #groups(start: number, unit: number): number {
    let value = start;
    for (let scale = unit;; scale *= 128) {
      const next = this.byte();
      value += (next & 127) * scale;
      if (value > INTEGER_MAX) throw new CodecError("corrupt", "A varint is above 2^53");
      if (next < 128) {
        if (next === 0 && scale > unit) throw new CodecError("corrupt", "A varint is too long");
        return value;
      }
      // a chain of 0x80 adds nothing to the value, so only the number of bytes can stop it
      if (scale > INTEGER_MAX) throw new CodecError("corrupt", "A varint is too long");
    }
  }
}
