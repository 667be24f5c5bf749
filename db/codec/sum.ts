/**
 * Sums that do not depend on the order of their terms, and stay decimal where the terms are.
 *
 * 0.1 + 0.2 is 0.30000000000000004 in doubles: a sum of decimals is no decimal any more, takes eight
 * bytes where two were enough, and adding in another order gives another number. So:
 *
 *   1. When all terms are the doubles nearest to m / 10^k (decimal.ts) and the sum of all |m| is
 *      below 2^53, the result is the double nearest to (sum of m) / 10^k, with one rounding.
 *   2. Otherwise it is the double nearest to the exact sum of the terms (Shewchuk 1997, with the last
 *      rounding as in Python's `math.fsum`).
 *
 * Either is a function of the set of terms alone. In the first case m is limited to 2^51: below that
 * no two decimals of the same k are the same double, so a sum can be taken apart into the same
 * integer again, and the sum of sums is exactly the sum of all terms: a day's sum made from hours
 * made from five minutes is the one made from the samples. In the second case each level rounds
 * once more.
 */
import { INTEGER_MAX } from "./bytes.ts";
import { findQuotients } from "./decimal.ts";
import { POWERS_OF_TEN } from "./scale.ts";

/** Up to here decimals and doubles correspond one to one, whatever the exponent. */
const DECIMAL_MAX = 2 ** 51;
/** Terms that could add up to more than a double holds are added at 2^-64 of their size. */
const SCALE_DOWN = 2 ** -64;

/**
 * The sum of finite numbers; 0 for none, never -0. Sums beyond the largest double are cut to it, so
 * that the result is finite.
 */
export function exactSum(terms: Float64Array): number {
  const decimal = findQuotients(terms, DECIMAL_MAX);
  if (decimal !== undefined) {
    let sum = 0;
    let magnitude = 0;
    for (const mantissa of decimal.mantissas) {
      sum += mantissa;
      magnitude += Math.abs(mantissa);
    }
    // below, not at: 2^53 may be a larger sum, rounded. `!`: an index that findQuotients found.
    if (magnitude < INTEGER_MAX) return sum / POWERS_OF_TEN[decimal.exponent]! + 0;
  }
  const largest = terms.reduce((largest, term) => Math.max(largest, Math.abs(term)), 0);
  if (largest * terms.length < Number.MAX_VALUE) return roundedSum(terms) + 0;
  const sum = roundedSum(terms.map((term) => term * SCALE_DOWN)) / SCALE_DOWN;
  return Math.min(Number.MAX_VALUE, Math.max(-Number.MAX_VALUE, sum)) + 0;
}

/** The double nearest to the exact sum; no partial sum may overflow. */
function roundedSum(terms: Float64Array): number {
  // the exact sum so far, as doubles that do not overlap, smallest first
  const partials: number[] = [];
  for (const term of terms) {
    let rest = term;
    let kept = 0;
    for (const partial of partials) {
      const [large, small] = Math.abs(rest) < Math.abs(partial) ? [partial, rest] : [rest, partial];
      const sum = large + small;
      const error = small - (sum - large);
      if (error !== 0) partials[kept++] = error;
      rest = sum;
    }
    partials.length = kept;
    partials.push(rest);
  }
  let sum = partials.pop() ?? 0;
  let error = 0;
  while (partials.length > 0 && error === 0) {
    const next = partials.pop() ?? 0;
    const before = sum;
    sum = before + next;
    error = next - (sum - before);
  }
  // half-way cases are decided by the sign of what is left below
  const below = partials.pop() ?? 0;
  if (error !== 0 && below !== 0 && Math.sign(error) === Math.sign(below)) {
    const twice = error * 2;
    const moved = sum + twice;
    if (moved - sum === twice) sum = moved;
  }
  return sum;
}
