/**
 * Finds integers behind doubles. A collector reads `12.34` from a text, and the double nearest to it
 * is all that is left; but 1234 and "divide by 100" give back exactly that double, and differences
 * of integers are small where differences of doubles are noise.
 *
 * A column has one scale (scale.ts). It is searched in this order, and the first one that gives
 * back every value bit for bit is taken:
 *
 *   1. m / 10^k. The smallest k is found in one pass: a value that is right for k is right for every
 *      larger k, as both are the correctly rounded quotient of the same two numbers. Integers (k = 0)
 *      that all end in zeros lose them: m * 10^k.
 *   2. m * 10^k, for numbers above 2^53.
 *   3. m * c for c the double nearest to 10^-k, smallest k first.
 *   4. m / 1000 / 1000.
 *
 * Candidates are verified by computing the value again, so rounding in the search itself can only
 * miss a scale, never give a wrong one. -0 has no integer; a column with one is not decimal.
 *
 * `!` after an index: loops run over the array's own length.
 */
import { INTEGER_MAX } from "./bytes.ts";
import {
  FRACTION_EXPONENT_MAX,
  POWERS_OF_TEN,
  SCALE_FRACTION,
  SCALE_MULTIPLY,
  SCALE_THOUSAND_TWICE,
  scaleOf,
} from "./scale.ts";

export interface Decimal {
  /** A code of scale.ts. */
  scale: number;
  /** Integers with a magnitude of at most 2^53, one a value. */
  mantissas: Float64Array;
}

/** The scale and integers of `values`, all finite, or undefined when there are none. */
export function findDecimal(values: Float64Array): Decimal | undefined {
  for (const value of values) if (Object.is(value, -0)) return undefined;
  return divided(values) ?? multiplied(values) ?? converted(values);
}

/**
 * The integers m and the smallest exponent k for which every value is the double nearest to
 * m / 10^k with |m| at most `limit`, or undefined. -0 counts as 0.
 */
export function findQuotients(
  values: Float64Array,
  limit: number,
): { exponent: number; mantissas: Float64Array } | undefined {
  let exponent = 0;
  for (const value of values) {
    for (;; exponent++) {
      const power = POWERS_OF_TEN[exponent];
      if (power === undefined) return undefined;
      const mantissa = Math.round(value * power);
      if (Math.abs(mantissa) > limit) return undefined;
      if (mantissa / power === value) break;
    }
  }
  const power = POWERS_OF_TEN[exponent]!;
  const mantissas = new Float64Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const mantissa = Math.round(values[i]! * power);
    if (Math.abs(mantissa) > limit || mantissa / power !== values[i]) return undefined;
    mantissas[i] = mantissa;
  }
  return { exponent, mantissas };
}

function divided(values: Float64Array): Decimal | undefined {
  const found = findQuotients(values, INTEGER_MAX);
  if (found === undefined) return undefined;
  const { exponent, mantissas } = found;
  if (exponent > 0) return { scale: exponent, mantissas };
  const zeros = trailingZeros(mantissas);
  if (zeros === 0) return { scale: 0, mantissas };
  const power = POWERS_OF_TEN[zeros]!;
  return { scale: SCALE_MULTIPLY + zeros, mantissas: mantissas.map((whole) => whole / power) };
}

/** How many decimal zeros all of the integers end in; 0 when all of them are 0. */
function trailingZeros(integers: Float64Array): number {
  if (integers.every((integer) => integer === 0)) return 0;
  let zeros = 0;
  // ends: an integer up to 2^53 that is not 0 has at most 15
  while (integers.every((integer) => integer % POWERS_OF_TEN[zeros + 1]! === 0)) zeros++;
  return zeros;
}

function multiplied(values: Float64Array): Decimal | undefined {
  for (let exponent = 1; exponent < POWERS_OF_TEN.length; exponent++) {
    const power = POWERS_OF_TEN[exponent]!;
    const found = verified(values, SCALE_MULTIPLY + exponent, (value) => value / power);
    if (found !== undefined) return found;
  }
  return undefined;
}

function converted(values: Float64Array): Decimal | undefined {
  for (let exponent = 1; exponent <= FRACTION_EXPONENT_MAX; exponent++) {
    const power = POWERS_OF_TEN[exponent]!;
    const found = verified(values, SCALE_FRACTION + exponent, (value) => value * power);
    if (found !== undefined) return found;
  }
  return verified(values, SCALE_THOUSAND_TWICE, (value) => value * 1e6);
}

function verified(
  values: Float64Array,
  scale: number,
  guess: (value: number) => number,
): Decimal | undefined {
  const valueOf = scaleOf(scale);
  for (const value of values) {
    const mantissa = Math.round(guess(value));
    if (Math.abs(mantissa) > INTEGER_MAX || valueOf(mantissa) !== value) return undefined;
  }
  return { scale, mantissas: values.map((value) => Math.round(guess(value))) };
}
