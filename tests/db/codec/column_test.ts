import assert from "node:assert/strict";
import fc from "fast-check";
import { decodeColumn, encodeColumn, ROWS_MAX } from "../../../db/codec/column.ts";
import { CodecError } from "../../../db/codec/error.ts";
import { anyColumn, assertSameDoubles } from "./values.ts";

const FORMATS = ["delta", "delta of delta", "xor"];

function formatOf(column: Uint8Array): string | undefined {
  return FORMATS[(column[0] ?? 255) >> 6];
}

function column(...values: number[]): Uint8Array {
  return encodeColumn(Float64Array.from(values));
}

Deno.test("decodeColumn() gives back what encodeColumn() was given, bit for bit", () => {
  fc.assert(
    fc.property(anyColumn(), (values) => {
      assertSameDoubles(decodeColumn(encodeColumn(values), values.length), values);
    }),
    { numRuns: 2000 },
  );
});

Deno.test("encodeColumn() does not trust an integer that another value's digits made inexact", () => {
  // 418915730434719 / 10^6 is right, but times 10^7 it is rounded to …191 instead of …190
  const values = Float64Array.of(418915730.434719, 0.0000001);
  assertSameDoubles(decodeColumn(encodeColumn(values), 2), values);
});

Deno.test("encodeColumn() is a function of the values", () => {
  fc.assert(fc.property(anyColumn(), (values) => {
    assert.deepEqual(encodeColumn(values.slice()), encodeColumn(values));
  }));
});

Deno.test("encodeColumn() needs a few bytes for what does not change", () => {
  assert.equal(encodeColumn(new Float64Array(360)).length, 0);
  assert.equal(encodeColumn(new Float64Array(360).fill(1)).length, 2);
  assert.equal(encodeColumn(new Float64Array(360).fill(-0.25)).length, 2);
  assert.equal(encodeColumn(new Float64Array(360).fill(16e9)).length, 2);
  assert.equal(encodeColumn(new Float64Array(360).fill(Math.SQRT2)).length, 9);
});

Deno.test("encodeColumn() needs the same for a steady counter of any length", () => {
  const steady = (rows: number) => Float64Array.from({ length: rows }, (_, i) => 1e6 + 4096 * i);
  const short = encodeColumn(steady(3));
  assert.equal(formatOf(short), "delta of delta");
  assert.equal(encodeColumn(steady(360)).length, short.length);
});

Deno.test("encodeColumn() takes integers where there are some, and bits where not", () => {
  assert.equal(formatOf(column(0.1, 0.3, 0.2)), "delta");
  assert.equal(formatOf(column(1, 2, 3, 4.5)), "delta of delta");
  assert.equal(formatOf(column(7 * 0.001, 8 * 0.001, 3 * 0.001)), "delta");
  assert.equal(formatOf(column(13488655 / 1000 / 1000, 13488759 / 1000 / 1000)), "delta");
  assert.equal(formatOf(column(Math.SQRT2, 1e300)), "xor");
  assert.equal(formatOf(column(1, -0)), "xor");
  // the integers are there, but their difference is not exact
  assert.equal(formatOf(column(2 ** 53, -1)), "xor");
});

Deno.test("encodeColumn() refuses what is not finite", () => {
  for (const value of [NaN, Infinity, -Infinity]) {
    assert.throws(() => column(1, value), RangeError);
  }
  assert.throws(() => encodeColumn(new Float64Array(ROWS_MAX + 1)), RangeError);
});

Deno.test("decodeColumn() refuses impossible numbers of rows", () => {
  for (const rows of [-1, 1.5, NaN, ROWS_MAX + 1]) {
    assert.throws(() => decodeColumn(new Uint8Array(), rows), RangeError);
  }
});

/** Damaged bytes may decode to something, but only to `rows` finite numbers. */
function assertHarmless(bytes: Uint8Array, rows: number): void {
  let values: Float64Array;
  try {
    values = decodeColumn(bytes, rows);
  } catch (error) {
    assert.ok(error instanceof CodecError, `expected a CodecError, got ${error}`);
    return;
  }
  assert.equal(values.length, rows);
  assert.ok(values.every(Number.isFinite));
}

Deno.test("decodeColumn() makes rows or a CodecError of any bytes", () => {
  const anyBytes = fc.uint8Array({ maxLength: 60 });
  fc.assert(
    fc.property(anyBytes, fc.integer({ min: 0, max: 100 }), assertHarmless),
    { numRuns: 5000 },
  );
});

Deno.test("decodeColumn() makes rows or a CodecError of damaged and cut columns", () => {
  const place = fc.nat(), change = fc.integer({ min: 1, max: 255 });
  fc.assert(
    fc.property(anyColumn(), place, change, (values, place, change) => {
      const bytes = encodeColumn(values);
      fc.pre(bytes.length > 0);
      const at = place % bytes.length;
      assertHarmless(bytes.subarray(0, at), values.length);
      const damaged = bytes.slice();
      damaged[at] = (damaged[at] ?? 0) ^ change;
      assertHarmless(damaged, values.length);
      assertHarmless(bytes, Math.max(0, values.length - 1));
    }),
    { numRuns: 2000 },
  );
});

function assertFault(bytes: number[], fault: string, rows = 3): void {
  assert.throws(() => decodeColumn(Uint8Array.from(bytes), rows), (error) => {
    assert.ok(error instanceof CodecError, `expected a CodecError, got ${error}`);
    assert.equal(error.fault, fault, error.message);
    return true;
  });
}

Deno.test("decodeColumn() says what is wrong", () => {
  assertFault([0xc0, 2], "unsupported"); // format 3
  assertFault([63, 2], "unsupported"); // scale 63
  assertFault([0x81, 0, 0, 0, 0, 0, 0, 0, 0], "unsupported"); // XOR with a scale
  assertFault([0x80, 0], "truncated"); // a double of one byte
  assertFault([0x80, 0x7f, 0xf0, 0, 0, 0, 0, 0, 0], "corrupt"); // infinity
  assertFault([0, 0x80], "truncated"); // inside a varint
  assertFault([0, 0x80, 0x00], "corrupt"); // a varint with a byte too many
  assertFault([0, 0x01], "corrupt"); // -0
  assertFault([0, 2, 53, 1, 0xff], "corrupt"); // order 53
  assertFault([0, 2, 0, 1, 0b01101101, 0b10000000], "corrupt"); // three differences for three rows
  assertFault([0, 2, 0, 1, 0b10000000, 0], "corrupt"); // a zero, and too much filling
  assertFault([0, 2, 0, 1, 0b10000000], "truncated"); // a zero without the length of its run
  assertFault([0, 2, 8, 1, 0b10000000], "truncated"); // 9 bits, 8 there
  assertFault([0x80, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0b11111111, 0b10000000], "corrupt"); // again, XORed
  assertFault([0x80, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0b10000000], "corrupt"); // no length
  assertFault([0x80, 0, 0, 0, 0, 0, 0, 0, 0, 65, 0, 0b11000000], "corrupt"); // lengths above 64
  assertFault([0, 2], "corrupt", 0); // bytes without rows
});
