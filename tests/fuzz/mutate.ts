/**
 * Changes bytes so that they are nearly what they were: a bit, a byte, a piece that is lost, doubled or
 * comes from elsewhere, a word of the format in the wrong place, a number at a limit.
 */
import type { Rng } from "./rng.ts";
import { NUMBERS, TEXTS } from "./words.ts";

const encoder = new TextEncoder();
/** No input becomes longer. */
const BYTES_MAX = 64 * 1024;
/** Bytes that begin or end something in most formats, and those that nobody expects. */
const SIGNS = [0, 1, 9, 10, 13, 32, 34, 35, 39, 44, 45, 46, 48, 57, 58, 61, 91, 92, 93, 123, 125]
  .concat([0x7f, 0x80, 0xbf, 0xc0, 0xe2, 0xef, 0xf0, 0xfe, 0xff]);

function joined(...pieces: Uint8Array[]): Uint8Array {
  const all = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}

function replaced(bytes: Uint8Array, from: number, to: number, by: Uint8Array): Uint8Array {
  return joined(bytes.subarray(0, from), by, bytes.subarray(to));
}

/** A run of digits, signs and points; undefined when none is near. */
function numberNear(bytes: Uint8Array, at: number): [number, number] | undefined {
  const isDigit = (byte = 0) => (byte >= 48 && byte <= 57) || byte === 45 || byte === 46;
  let from = at;
  while (from < bytes.length && !isDigit(bytes[from])) from++;
  if (from === bytes.length) return undefined;
  let to = from;
  while (to < bytes.length && isDigit(bytes[to])) to++;
  return [from, to];
}

interface Surroundings {
  /** Other inputs, to take pieces from. */
  others: readonly Uint8Array[];
  /** Words of the format. */
  dictionary: readonly string[];
}

function mutateOnce(bytes: Uint8Array, rng: Rng, near: Surroundings): Uint8Array {
  const at = rng.below(bytes.length + 1);
  const end = Math.min(bytes.length, at + (rng.chance(0.7) ? rng.int(1, 8) : rng.int(1, 400)));
  switch (rng.below(11)) {
    case 0: {
      const copy = bytes.slice();
      if (at < copy.length) copy[at] = (copy[at] ?? 0) ^ (1 << rng.below(8));
      return copy;
    }
    case 1: {
      const copy = bytes.slice();
      if (at < copy.length) copy[at] = rng.chance(0.5) ? rng.pick(SIGNS) : rng.below(256);
      return copy;
    }
    case 2:
      return replaced(bytes, at, at, Uint8Array.of(rng.pick(SIGNS)));
    case 3:
      return replaced(bytes, at, end, new Uint8Array());
    case 4: {
      // doubled, now and then many times
      const times = rng.chance(0.1) ? rng.int(2, 300) : 1;
      const piece = bytes.subarray(at, end);
      return replaced(bytes, at, at, joined(...Array.from({ length: times }, () => piece)));
    }
    case 5: {
      const other = near.others.length === 0 ? bytes : rng.pick(near.others);
      const from = rng.below(other.length + 1);
      const piece = other.subarray(from, from + rng.int(1, 100));
      return replaced(bytes, at, rng.chance(0.5) ? at : end, piece);
    }
    case 6:
      return bytes.slice(0, at);
    case 7:
    case 8: {
      const words = near.dictionary.length > 0 && rng.chance(0.8) ? near.dictionary : TEXTS;
      return replaced(bytes, at, rng.chance(0.6) ? at : end, encoder.encode(rng.pick(words)));
    }
    case 9: {
      const found = numberNear(bytes, at);
      if (found === undefined) return bytes.slice(0, at);
      return replaced(bytes, found[0], found[1], encoder.encode(rng.pick(NUMBERS)));
    }
    default: {
      // a number of a binary format
      const copy = bytes.slice();
      const width = rng.pick([2, 4, 8]);
      const value = rng.pick([0, 1, 0x7f, 0xff, 0xffff, 0x7fffffff, 0xffffffff, copy.length]);
      for (let i = 0; i < width && at + i < copy.length; i++) {
        copy[at + i] = Math.floor(value / 256 ** i) & 0xff;
      }
      return copy;
    }
  }
}

/** One to a few changes; few are more likely. */
export function mutate(bytes: Uint8Array, rng: Rng, near: Surroundings): Uint8Array {
  let changed = bytes;
  const times = rng.chance(0.6) ? 1 : rng.int(2, 8);
  for (let i = 0; i < times; i++) changed = mutateOnce(changed, rng, near);
  return changed.length > BYTES_MAX ? changed.slice(0, BYTES_MAX) : changed;
}
