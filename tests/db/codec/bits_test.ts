import assert from "node:assert/strict";
import fc from "fast-check";
import { BitReader, BitWriter } from "../../../db/codec/bits.ts";
import { ByteReader, ByteWriter } from "../../../db/codec/bytes.ts";
import { CodecError } from "../../../db/codec/error.ts";
import {
  chooseOrder,
  ORDER_MAX,
  readCode,
  residualBits,
  writeResiduals,
} from "../../../db/codec/golomb.ts";

Deno.test("ByteReader reads what ByteWriter wrote", () => {
  const unsigned = fc.oneof(fc.nat(300), fc.maxSafeInteger().map(Math.abs), fc.constant(2 ** 53));
  const signed = fc.oneof(
    fc.integer({ min: -300, max: 300 }),
    fc.maxSafeInteger(),
    fc.constantFrom(2 ** 53, -(2 ** 53)),
  );
  fc.assert(fc.property(fc.array(unsigned), fc.array(signed), (unsigned, signed) => {
    const writer = new ByteWriter();
    for (const value of unsigned) writer.varint(value);
    for (const value of signed) writer.signedVarint(value);
    writer.word(0xfedcba98, 4);
    const reader = new ByteReader(writer.toBytes());
    for (const value of unsigned) assert.equal(reader.varint(), value);
    for (const value of signed) assert.equal(reader.signedVarint(), value + 0);
    assert.equal(reader.word(4), 0xfedcba98);
    assert.equal(reader.left, 0);
  }));
});

Deno.test("ByteReader refuses an endless varint", () => {
  const endless = new Uint8Array(1000).fill(0x80);
  assert.throws(() => new ByteReader(endless).varint(), CodecError);
  assert.throws(() => new ByteReader(endless.fill(0xff)).signedVarint(), CodecError);
});

Deno.test("BitReader reads what BitWriter wrote", () => {
  const item = fc.integer({ min: 1, max: 53 }).chain((bits) =>
    fc.tuple(
      fc.bigInt({ min: 0n, max: 2n ** BigInt(bits) - 1n }).map(Number),
      fc.constant(bits),
      fc.nat(70),
    )
  );
  fc.assert(fc.property(fc.array(item), (items) => {
    const writer = new BitWriter();
    for (const [value, bits, zeros] of items) {
      writer.zeros(zeros);
      writer.write(1, 1);
      writer.write(value, bits);
    }
    const reader = new BitReader(writer.toBytes());
    for (const [value, bits, zeros] of items) {
      assert.equal(reader.zeros(), zeros);
      assert.equal(reader.read(1), 1);
      assert.equal(reader.read(bits), value);
    }
    assert.equal(reader.zeros(), -1);
  }));
});

const anyResiduals = fc.array(
  fc.oneof(
    fc.constant(0),
    fc.nat(9),
    fc.bigInt({ min: 0n, max: 2n ** 52n - 1n }).map(Number),
  ),
  { maxLength: 60 },
).map((residuals) => Float64Array.from(residuals));

/** Code by code, zeros after the end of the bits included. */
function readResiduals(bits: BitReader, count: number, order: number): Float64Array {
  const residuals = new Float64Array(count);
  for (let at = 0;;) {
    const residual = readCode(bits, order);
    if (residual === -1) return residuals;
    if (residual === 0) at += readCode(bits, 0) + 1;
    else residuals[at++] = residual;
  }
}

Deno.test("readCode() reads what writeResiduals() wrote, in any order of the codes", () => {
  fc.assert(fc.property(anyResiduals, fc.nat(ORDER_MAX), (residuals, order) => {
    const bits = new BitWriter();
    writeResiduals(bits, residuals, order);
    const bytes = bits.toBytes();
    assert.equal(bytes.length, Math.ceil(residualBits(residuals, order) / 8));
    assert.deepEqual(readResiduals(new BitReader(bytes), residuals.length, order), residuals);
  }));
});

Deno.test("writeResiduals() writes order 0 as its table says", () => {
  const bits = new BitWriter();
  // 1 2 3, then 0 0 0 (a zero and "two more"), then 4; the zeros at the end are left out
  writeResiduals(bits, Float64Array.of(1, 2, 3, 0, 0, 0, 4, 0, 0), 0);
  assert.equal(
    [...bits.toBytes()].map((byte) => byte.toString(2).padStart(8, "0")).join(""),
    "010" + "011" + "00100" + "1" + "011" + "00101" + "0000",
  );
});

Deno.test("chooseOrder() finds an order that costs little more than the best", () => {
  fc.assert(fc.property(anyResiduals, (residuals) => {
    const bits = residualBits(residuals, chooseOrder(residuals));
    for (let order = 0; order <= ORDER_MAX; order++) {
      // neglecting the carry can cost a bit a number, not more
      assert.ok(bits <= residualBits(residuals, order) + residuals.length);
    }
  }));
});
