import assert from "node:assert/strict";
import fc from "fast-check";
import { RowDigest } from "../../../db/transfer/digest.ts";

const HEADER = [
  ...new TextEncoder().encode("PGCOPY\n\xff\r\n\0").slice(0, 11),
  0,
  0,
  0,
  0,
  0,
  0,
  0,
  0,
];

/** A stream as PostgreSQL sends it. */
function stream(rows: (Uint8Array | null)[][]): Uint8Array {
  const bytes = [...HEADER];
  const int = (value: number, length: number) => {
    for (let at = length - 1; at >= 0; at--) bytes.push(value >> (8 * at) & 255);
  };
  for (const row of rows) {
    int(row.length, 2);
    for (const field of row) {
      int(field === null ? -1 : field.length, 4);
      if (field !== null) bytes.push(...field);
    }
  }
  int(-1, 2);
  return Uint8Array.from(bytes);
}

function digestOf(bytes: Uint8Array, cuts: number[] = []) {
  const digest = new RowDigest();
  const ends = [...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
  let start = 0;
  for (const end of ends) {
    digest.push(bytes.subarray(start, end));
    start = end;
  }
  return digest.end();
}

const rows = fc.array(
  fc.array(fc.option(fc.uint8Array({ maxLength: 30 })), { maxLength: 4 }),
  { maxLength: 12 },
);

Deno.test("RowDigest is the same wherever the stream is cut, and in whatever order the rows are", () => {
  fc.assert(fc.property(rows, fc.array(fc.nat(), { maxLength: 8 }), (rows, cuts) => {
    const whole = digestOf(stream(rows));
    assert.equal(whole.rows, rows.length);
    assert.deepEqual(digestOf(stream(rows), cuts), whole);
    assert.deepEqual(digestOf(stream(rows.toReversed())), whole);
  }));
});

Deno.test("RowDigest differs when a value, a null or the number of equal rows does", () => {
  const a = Uint8Array.of(1), none = new Uint8Array();
  const digests = [[[a]], [[a], [a]], [[null]], [[none]], [[a, null]], [[null, a]], []]
    .map((rows) => digestOf(stream(rows)).checksum);
  assert.equal(new Set(digests).size, digests.length);
});

Deno.test("RowDigest does not take a stream for complete that is not", () => {
  const bytes = stream([[Uint8Array.of(1, 2, 3)]]);
  for (let length = 0; length < bytes.length; length++) {
    assert.throws(() => digestOf(bytes.subarray(0, length)), /in the middle of its rows/);
  }
  assert.throws(() => digestOf(Uint8Array.of(...bytes, 0)), /in the middle/);
});
