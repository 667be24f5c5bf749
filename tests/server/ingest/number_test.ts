import assert from "node:assert/strict";
import fc from "fast-check";
import { NumberReader } from "../../../server/ingest/number.ts";

const encoder = new TextEncoder();

function read(text: string, after = ","): { value: number; end: number } {
  const reader = new NumberReader();
  const value = reader.read(encoder.encode(` ${text}${after}`), 1);
  return { value, end: reader.end - 1 };
}

const jsonNumber = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => JSON.stringify(value)),
  fc.integer().map(String),
  fc.tuple(fc.boolean(), fc.bigInt({ min: 0n, max: 10n ** 25n }), fc.nat(30))
    .map(([negative, digits, point]) => {
      const text = digits.toString().padStart(point + 1, "0");
      const whole = text.slice(0, text.length - point).replace(/^0+(?=\d)/, "");
      const fraction = point > 0 ? `.${text.slice(text.length - point)}` : "";
      return `${negative ? "-" : ""}${whole}${fraction}`;
    }),
  fc.tuple(fc.integer({ min: -999, max: 999 }), fc.integer({ min: -400, max: 300 }))
    .map(([mantissa, exponent]) => `${mantissa}e${exponent}`),
);

Deno.test("NumberReader.read() reads every JSON number as JSON.parse does, bit for bit", () => {
  fc.assert(
    fc.property(jsonNumber, (text) => {
      const { value, end } = read(text);
      const expected: unknown = JSON.parse(text);
      assert.ok(Object.is(value, expected), `${text} is ${expected}, was read as ${value}`);
      assert.equal(end, text.length);
    }),
    { numRuns: 5_000 },
  );
});

Deno.test("NumberReader.read() finds no number where JSON has none", () => {
  for (
    const text of ["", "-", "+1", ".5", "1.", "-.5", "1.e3", "1e", "1e+", "NaN", "true", '"1"']
  ) {
    assert.ok(Number.isNaN(read(text).value), `${text} was read as ${read(text).value}`);
  }
});

Deno.test("NumberReader.read() leaves what JSON does not allow after a number unread", () => {
  // the literal piece that must follow will not match
  assert.deepEqual(read("01"), { value: 0, end: 1 });
  assert.deepEqual(read("1x"), { value: 1, end: 1 });
});

Deno.test("NumberReader.read() takes a number beyond any double for none", () => {
  assert.ok(Number.isNaN(read("1e999").value));
  assert.ok(Number.isNaN(read("-1e999").value));
});

Deno.test("NumberReader.read() stops at the end of the bytes", () => {
  assert.deepEqual(read("12.5", ""), { value: 12.5, end: 4 });
});
