import assert from "node:assert/strict";
import fc from "fast-check";
import { exactSum } from "../../../db/codec/sum.ts";
import { anyColumn } from "./values.ts";

function sumOf(...terms: number[]): number {
  return exactSum(Float64Array.from(terms));
}

Deno.test("exactSum() adds decimals as people do", () => {
  assert.equal(sumOf(0.1, 0.2), 0.3);
  assert.equal(sumOf(1.1, 2.2, -3.3), 0);
  assert.equal(sumOf(...new Array(10).fill(0.1)), 1);
  assert.equal(sumOf(19.99, 0.01), 20);
});

Deno.test("exactSum() of nothing and of -0 is 0", () => {
  assert.ok(Object.is(sumOf(), 0));
  assert.ok(Object.is(sumOf(-0, -0), 0));
});

Deno.test("exactSum() loses nothing between large and small", () => {
  assert.equal(sumOf(1e300, 1, -1e300), 1);
  assert.equal(sumOf(Math.SQRT2, 1e16, -1e16), Math.SQRT2);
  assert.equal(sumOf(2 ** 53, 1, 1), 2 ** 53 + 2);
  // half-way between two doubles, and a little more
  assert.equal(sumOf(2 ** 53, 1, 2 ** -60), 2 ** 53 + 2);
  assert.equal(sumOf(2 ** 53, 1, -(2 ** -60)), 2 ** 53);
});

Deno.test("exactSum() stays finite", () => {
  assert.equal(sumOf(Number.MAX_VALUE, Number.MAX_VALUE), Number.MAX_VALUE);
  assert.equal(sumOf(-Number.MAX_VALUE, -Number.MAX_VALUE), -Number.MAX_VALUE);
  assert.equal(sumOf(Number.MAX_VALUE, Number.MAX_VALUE, -Number.MAX_VALUE), Number.MAX_VALUE);
});

/** The exact sum as an integer of 2^-1074, then the double nearest to it. */
function roundedExactly(terms: Float64Array): number {
  const view = new DataView(new ArrayBuffer(8));
  let total = 0n;
  for (const term of terms) {
    view.setFloat64(0, term);
    const bits = view.getBigUint64(0);
    const exponent = (bits >> 52n) & 2047n;
    const fraction = bits & (2n ** 52n - 1n);
    const magnitude = exponent === 0n ? fraction : (fraction | 2n ** 52n) << (exponent - 1n);
    total += bits >> 63n === 1n ? -magnitude : magnitude;
  }
  const negative = total < 0n;
  let magnitude = negative ? -total : total;
  let shift = 0n;
  const excess = BigInt(magnitude.toString(2).length) - 53n;
  if (excess > 0n) {
    const half = 1n << (excess - 1n);
    const rest = magnitude & ((1n << excess) - 1n);
    magnitude >>= excess;
    if (rest > half || (rest === half && magnitude % 2n === 1n)) magnitude++;
    shift = excess;
  }
  // 2^-1074 times a power is exact in two steps where one would overflow
  const value = Number(magnitude) * 2 ** -1074 * 2 ** Math.min(Number(shift), 1000) *
    2 ** Math.max(0, Number(shift) - 1000);
  return negative ? -value : value;
}

Deno.test("exactSum() is the nearest double to the exact sum where terms are no decimals", () => {
  // odd multiples of 2^-60 above 1 have more than 53 bits of a decimal
  const term = fc.double({ min: -1e9, max: 1e9, noNaN: true }).map((value) => value * Math.SQRT2);
  fc.assert(
    fc.property(fc.array(term, { minLength: 1, maxLength: 40 }), (terms) => {
      const all = Float64Array.from([...terms, Math.SQRT2 * 1e-9]);
      assert.equal(exactSum(all), roundedExactly(all));
    }),
    { numRuns: 1000 },
  );
});

Deno.test("exactSum() does not depend on the order", () => {
  fc.assert(
    fc.property(anyColumn(), fc.infiniteStream(fc.nat()), (terms, random) => {
      const shuffled = [...terms]
        .map((term): [number, number] => [random.next().value ?? 0, term])
        .sort(([a], [b]) => a - b)
        .map(([, term]) => term);
      assert.ok(Object.is(exactSum(Float64Array.from(shuffled)), exactSum(terms)));
    }),
    { numRuns: 1000 },
  );
});
