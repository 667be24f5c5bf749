import assert from "node:assert/strict";
import fc from "fast-check";
import { BitReader, BitWriter } from "../../../db/codec/bits.ts";
import { CodecError } from "../../../db/codec/error.ts";
import { ORDER_MAX, readCode, writeResiduals } from "../../../db/codec/golomb.ts";
import { type Course, fillIntegers } from "../../../db/codec/integers.ts";

/** What the head of column.ts says, a code at a time. */
function carefully(bytes: Uint8Array, integers: Float64Array, course: Course): void {
  const bits = new BitReader(bytes);
  const residuals: number[] = [];
  for (;;) {
    const residual = readCode(bits, course.order);
    if (residual === -1) break;
    residuals.push(residual);
    if (residual === 0) residuals.push(...new Array<number>(readCode(bits, 0)).fill(0));
  }
  let slope = 0;
  for (let i = 1; i < integers.length; i++) {
    const residual = residuals[i - 1] ?? 0;
    const signed = residual % 2 === 0 ? residual / 2 : -(residual + 1) / 2;
    slope = course.is_bent ? slope + signed : signed;
    integers[i] = (integers[i - 1] ?? 0) + slope * course.step;
  }
}

const anyResiduals = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: fc.nat(300) },
    { weight: 1, arbitrary: fc.constant(0) },
    { weight: 1, arbitrary: fc.nat(2 ** 31 - 1) },
    { weight: 1, arbitrary: fc.integer({ min: 2 ** 31 - 4, max: 2 ** 40 }) },
  ),
  { maxLength: 200 },
).map((residuals) => Float64Array.from(residuals));
const anyCourse = fc.record({
  order: fc.oneof(fc.nat(12), fc.nat(ORDER_MAX)),
  step: fc.constantFrom(1, 3, 4_096),
  is_bent: fc.boolean(),
});

Deno.test("fillIntegers() reads as one does code by code", () => {
  fc.assert(
    fc.property(anyResiduals, anyCourse, fc.integer(), (residuals, course, first) => {
      const bits = new BitWriter();
      writeResiduals(bits, residuals, course.order);
      const [fast, careful] = [0, 0].map(() => {
        const integers = new Float64Array(residuals.length + 1);
        integers[0] = first;
        return integers;
      }) as [Float64Array, Float64Array]; // map keeps the length
      carefully(bits.toBytes(), careful, course);
      fc.pre(careful.every((integer) => Math.abs(integer) <= 2 ** 53));
      fillIntegers(new BitReader(bits.toBytes()), fast, course);
      assert.deepEqual(fast, careful);
    }),
    { numRuns: 1_000 },
  );
});

Deno.test("fillIntegers() refuses bits of more numbers than there are places, or of too large ones", () => {
  const of = (residuals: number[], places: number, step = 1) => () => {
    const bits = new BitWriter();
    writeResiduals(bits, Float64Array.from(residuals), 2);
    const course = { order: 2, step, is_bent: false };
    fillIntegers(new BitReader(bits.toBytes()), new Float64Array(places), course);
  };
  const says = (message: RegExp) => (error: unknown) =>
    error instanceof CodecError && message.test(error.message);
  assert.throws(of([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14], 10), says(/more than its 9/));
  assert.throws(of([1, 0, 0, 0, 0, 7], 4), says(/more than its 3/));
  assert.throws(of([1, 2, 2 ** 40, 3, 4, 5, 6, 7], 20, 2 ** 20), says(/up to 2\^53/));
  of([1, 2, 0, 0, 0], 4)();
});
