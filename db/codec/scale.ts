/**
 * How an integer becomes a double: 64 codes, each a fixed sequence of correctly rounded IEEE 754
 * operations, so that every decoder in every language gets the same bits.
 *
 *    code    value of the integer m          what has such values
 *    0–22    m / 10^code                     decimal fractions, and integers (code 0)
 *   23–44    m * 10^(code - 22)              round and very large numbers
 *   45–56    m * c, c the double nearest     programs that convert units by multiplying:
 *            to 10^-(code - 44)              7 * 0.001 is not the double 0.007
 *   57       m / 1000 / 1000                 programs that convert microseconds in two steps
 *   58–63    unused
 *
 * Powers of ten are exact doubles up to 10^22, and integers up to 2^53; beyond nothing is promised.
 * The last two lines are not decimals; in real data of node_exporter they are nearly all of the
 * columns that are not, and cost 0.74 instead of 2.05 bytes a value this way.
 *
 * `!` after an index: `isScale` holds for every code that gets here.
 */

/** Powers of ten that are exact doubles. */
export const POWERS_OF_TEN: readonly number[] = Array.from(
  { length: 23 },
  (_, exponent) => Number(`1e${exponent}`),
);
const FRACTIONS_OF_TEN: readonly number[] = Array.from(
  { length: 13 },
  (_, exponent) => Number(`1e-${exponent}`),
);

export const SCALE_MULTIPLY = 22;
export const SCALE_FRACTION = 44;
export const SCALE_THOUSAND_TWICE = 57;
export const FRACTION_EXPONENT_MAX = FRACTIONS_OF_TEN.length - 1;

export function isScale(code: number): boolean {
  return code >= 0 && code <= SCALE_THOUSAND_TWICE;
}

/** The function from the integer to the double. `code` must satisfy `isScale`. */
export function scaleOf(code: number): (mantissa: number) => number {
  if (code === SCALE_THOUSAND_TWICE) return (mantissa) => mantissa / 1000 / 1000;
  if (code > SCALE_FRACTION) {
    const fraction = FRACTIONS_OF_TEN[code - SCALE_FRACTION]!;
    return (mantissa) => mantissa * fraction;
  }
  if (code > SCALE_MULTIPLY) {
    const power = POWERS_OF_TEN[code - SCALE_MULTIPLY]!;
    return (mantissa) => mantissa * power;
  }
  if (code === 0) return (mantissa) => mantissa;
  const power = POWERS_OF_TEN[code]!;
  return (mantissa) => mantissa / power;
}

/**
 * The same for all integers of an array, which become their doubles. One loop for each kind of
 * scale: a call per value would cost three times what all else of decoding a column does.
 */
export function scaleAll(integers: Float64Array, code: number): Float64Array {
  if (code === 0) return integers;
  if (code <= SCALE_MULTIPLY) {
    const power = POWERS_OF_TEN[code]!;
    for (let i = 0; i < integers.length; i++) integers[i] = integers[i]! / power;
    return integers;
  }
  const valueOf = scaleOf(code);
  for (let i = 0; i < integers.length; i++) integers[i] = valueOf(integers[i]!);
  return integers;
}
