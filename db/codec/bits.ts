/**
 * A string of bits in bytes, highest bit of a byte first; the last byte is filled up with zeros.
 *
 * Everything stored as bits here is built so that each item contains at least one 1. A reader that
 * finds no further 1 is therefore at the end, and nobody has to store how many items there are.
 *
 * `!` after an index: the index is bounded on the lines before, which the compiler cannot see.
 */
import { CodecError } from "./error.ts";

/** The widest item: the integers up to here are exact in a double. */
export const ITEM_BITS_MAX = 53;

/** Wider items are handled in two parts: the bit operators know 32 bits, with a sign. */
const HALF_BITS = 30;

const CAPACITY_BYTES = 256;

export class BitWriter {
  #bytes = new Uint8Array(CAPACITY_BYTES);
  #length_bits = 0;

  get length_bytes(): number {
    return (this.#length_bits + 7) >>> 3;
  }

  /** The lowest `count` bits of the non-negative integer `value`; `count` is at most 53. */
  write(value: number, count: number): void {
    this.#reserve(count);
    if (count > HALF_BITS) {
      this.#put(Math.floor(value / 2 ** HALF_BITS), count - HALF_BITS);
      this.#put(value % 2 ** HALF_BITS, HALF_BITS);
    } else this.#put(value, count);
  }

  /** `count` zeros. */
  zeros(count: number): void {
    this.#reserve(count);
    this.#length_bits += count;
  }

  toBytes(): Uint8Array {
    return this.#bytes.slice(0, this.length_bytes);
  }

  #put(value: number, count: number): void {
    let left = count;
    while (left > 0) {
      const free = 8 - (this.#length_bits & 7);
      const taken = Math.min(free, left);
      left -= taken;
      const chunk = (value >>> left) & ((1 << taken) - 1);
      const index = this.#length_bits >>> 3;
      this.#bytes[index] = this.#bytes[index]! | (chunk << (free - taken));
      this.#length_bits += taken;
    }
  }

  #reserve(count: number): void {
    const needed = (this.#length_bits + count + 7) >>> 3;
    if (needed <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, needed));
    grown.set(this.#bytes);
    this.#bytes = grown;
  }
}

export class BitReader {
  readonly #bytes: Uint8Array;
  #position = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** For those that read in a loop of their own (integers.ts), and say afterwards how far they came. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }

  /** In bits. */
  get position(): number {
    return this.#position;
  }

  set position(bits: number) {
    this.#position = bits;
  }

  /**
   * Moves to the next 1 (which stays unread) and says how many zeros were skipped, or -1 when no 1 is
   * left: the end. Throws a `CodecError` when what is left then is more than the filling of a byte.
   */
  zeros(): number {
    const start = this.#position;
    let index = start >>> 3;
    let byte = (this.#bytes[index] ?? 0) & (255 >>> (start & 7));
    while (byte === 0) {
      index++;
      if (index >= this.#bytes.length) {
        const left = this.#bytes.length * 8 - start;
        if (left < 8) return -1;
        throw new CodecError("corrupt", `A string of bits ends in ${left} zeros: at most 7 can be`);
      }
      byte = this.#bytes[index]!;
    }
    this.#position = index * 8 + Math.clz32(byte) - 24;
    return this.#position - start;
  }

  /** The next `count` bits (at most 53) as an integer. Throws a `CodecError` past the end. */
  read(count: number): number {
    if (this.#position + count > this.#bytes.length * 8) {
      throw new CodecError("truncated", "A string of bits ends inside an item");
    }
    if (count <= HALF_BITS) return this.#get(count);
    const high = this.#get(count - HALF_BITS);
    return high * 2 ** HALF_BITS + this.#get(HALF_BITS);
  }

  #get(count: number): number {
    let value = 0;
    let left = count;
    while (left > 0) {
      const free = 8 - (this.#position & 7);
      const taken = Math.min(free, left);
      const byte = this.#bytes[this.#position >>> 3]!;
      value = (value << taken) | ((byte >>> (free - taken)) & ((1 << taken) - 1));
      this.#position += taken;
      left -= taken;
    }
    return value;
  }
}
