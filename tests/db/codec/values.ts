/**
 * Columns as they come, and as they come once in a lifetime: generators for the property tests, and
 * the comparison that knows 0 from -0.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import type { Reports } from "../../../db/codec/reports.ts";

/** Where formats change, and where doubles are odd. */
const ODD_DOUBLES = [
  0,
  -0,
  1,
  -1,
  0.1,
  0.30000000000000004,
  5e-324,
  -5e-324,
  2 ** -1022,
  2 ** -1022 - 5e-324,
  Number.MAX_VALUE,
  -Number.MAX_VALUE,
  2 ** 51,
  2 ** 52 - 1,
  2 ** 53 - 1,
  2 ** 53,
  -(2 ** 53),
  2 ** 53 + 2,
  2 ** 63,
  2 ** 64,
  1e22,
  1e23,
  1e300,
  1.5e-19,
  1.7953302405481e9,
];

const anyDouble = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.constantFrom(...ODD_DOUBLES),
);

const integer = fc.oneof(
  fc.integer({ min: -5, max: 5 }),
  fc.integer(),
  fc.maxSafeInteger(),
);

/** Most columns are tables of a few values in many orders; the length is drawn on its own. */
function column(value: fc.Arbitrary<number>, rows_max: number): fc.Arbitrary<Float64Array> {
  const runs = fc.array(fc.tuple(value, fc.integer({ min: 1, max: rows_max })), {
    maxLength: rows_max,
  });
  return fc.oneof(
    fc.array(value, { maxLength: rows_max }),
    runs.map((runs) =>
      runs.flatMap(([value, count]) => new Array<number>(count).fill(value)).slice(0, rows_max)
    ),
  ).map((values) => Float64Array.from(values));
}

/** Integers through one of the ways programs make doubles of them. */
function scaledColumn(rows_max: number): fc.Arbitrary<Float64Array> {
  const exponent = fc.integer({ min: 0, max: 22 });
  const way = fc.oneof(
    exponent.map((k) => (whole: number) => whole / Number(`1e${k}`)),
    exponent.map((k) => (whole: number) => whole * Number(`1e${k}`)),
    exponent.map((k) => (whole: number) => whole * Number(`1e-${k}`)),
    fc.constant((whole: number) => whole / 1000 / 1000),
    fc.constant((whole: number) => whole * 4096),
  );
  return fc.tuple(column(integer, rows_max), way).map(([values, scale]) => values.map(scale));
}

/** Sums of small steps, beginning anew now and then. */
function counterColumn(rows_max: number): fc.Arbitrary<Float64Array> {
  const step = fc.oneof(
    { weight: 9, arbitrary: fc.integer({ min: 0, max: 2000 }) },
    { weight: 1, arbitrary: fc.constant("reset" as const) },
  );
  return fc.tuple(fc.array(step, { maxLength: rows_max }), fc.constantFrom(1, 10, 1000, 3))
    .map(([steps, divisor]) => {
      let total = 0;
      return Float64Array.from(steps, (step) => {
        total = step === "reset" ? 0 : total + step;
        return total / divisor;
      });
    });
}

/** Any finite doubles, biased towards what metrics look like. */
export function anyColumn(rows_max = 80): fc.Arbitrary<Float64Array> {
  return fc.oneof(
    column(anyDouble, rows_max),
    scaledColumn(rows_max),
    counterColumn(rows_max),
  );
}

/** Doubles that are decimals with at most two digits after the point, and sums of them too. */
export function decimalColumn(rows_max = 80): fc.Arbitrary<Float64Array> {
  return fc.oneof(
    column(fc.integer({ min: -100_000, max: 100_000 }).map((whole) => whole / 100), rows_max),
    counterColumn(rows_max).map((values) => values.map((value) => Math.floor(value * 10) / 10)),
  );
}

/** Ascending times: regular, jittering, or anything. */
export function anyTimes(rows_max = 40): fc.Arbitrary<Float64Array> {
  const gap_ms = fc.oneof(fc.constant(10_000), fc.integer({ min: 1, max: 1_000_000 }));
  return fc.tuple(fc.integer({ min: 0, max: 2e12 }), fc.array(gap_ms, { maxLength: rows_max }))
    .map(([start_ms, gaps_ms]) => {
      let at_ms = start_ms;
      return Float64Array.from(gaps_ms, (gap_ms) => at_ms += gap_ms);
    });
}

/** Reports of a shape with `metrics` metrics. */
export function anyReports(metrics: number, rows_max = 20): fc.Arbitrary<Reports> {
  return anyTimes(rows_max).chain((times_ms) =>
    fc.tuple(
      ...Array.from({ length: metrics }, () =>
        fc.array(anyDouble, { minLength: times_ms.length, maxLength: times_ms.length })),
    ).map((columns) => ({
      times_ms,
      columns: columns.map((values) =>
        Float64Array.from(values)
      ),
    }))
  );
}

/** Bit for bit: a deep comparison of typed arrays takes 0 and -0 for equal in some runtimes. */
export function assertSameDoubles(actual: Float64Array, expected: Float64Array): void {
  assert.equal(actual.length, expected.length);
  for (let i = 0; i < expected.length; i++) {
    assert.ok(
      Object.is(actual[i], expected[i]),
      `row ${i}: expected ${expected[i]}, got ${actual[i]}`,
    );
  }
}
