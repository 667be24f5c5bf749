/**
 * Chance without a state: the same place always has the same number. So any value of a simulation can
 * be made alone, in any order, and made again.
 */

/** Mixes 32 bits so that neighbours have nothing in common (the "lowbias32" of C. Wellons). */
export function mix(bits: number): number {
  let hash = bits | 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x7feb352d);
  hash = Math.imul(hash ^ (hash >>> 15), 0x846ca68b);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** 32 bits for a place that is named by several numbers. */
export function hashOf(...place: number[]): number {
  let hash = 0;
  // a time in milliseconds has more than 32 bits
  for (const part of place) hash = mix(mix(hash ^ part) ^ Math.floor(part / 2 ** 32));
  return hash;
}

const UNIT = 2 ** -32;

/** Number `index` of the row that `seed` names: evenly in [0, 1). */
export function chance(seed: number, index: number): number {
  return mix(seed + Math.imul(index, 0x9e3779b1)) * UNIT;
}
