import assert from "node:assert/strict";
import fc from "fast-check";
import { LINE_BYTES_MAX, LineSplitter, type NumberedLine } from "../../../server/wire/lines.ts";

const encoder = new TextEncoder();

/** `bytes` in pieces that end at the given places. */
function split(bytes: Uint8Array, places: readonly number[] = []): NumberedLine[] {
  const splitter = new LineSplitter();
  const ends = [...places].map((at) => at % (bytes.length + 1)).sort((a, b) => a - b);
  let from = 0;
  const lines: NumberedLine[] = [];
  for (const end of [...ends, bytes.length]) {
    lines.push(...splitter.push(bytes.subarray(from, end)));
    from = end;
  }
  return [...lines, ...splitter.end()];
}

Deno.test("LineSplitter gives the same lines however the bytes come", () => {
  const text = fc.array(fc.constantFrom("a", "\n", "\r\n", "ü", "😀", "\u2028", "\ufffd", "")).map(
    (pieces) => pieces.join(""),
  );
  fc.assert(fc.property(text, fc.array(fc.nat(), { maxLength: 8 }), (all, places) => {
    const expected = all.split("\n");
    if (expected.at(-1) === "") expected.pop();
    const lines = split(encoder.encode(all), places);
    assert.deepEqual(lines, expected.map((line, i) => ({ number: i + 1, text: line })));
  }));
});

Deno.test("LineSplitter refuses bytes that are not UTF-8, and the line alone", () => {
  const bytes = new Uint8Array([...encoder.encode("a\n\ufffd\n"), 0xff, 0x0a, 0x62]);
  assert.deepEqual(split(bytes), [
    { number: 1, text: "a" },
    { number: 2, text: "\ufffd" },
    { number: 3, text: "", fault: "the line is not UTF-8" },
    { number: 4, text: "b" },
  ]);
});

Deno.test("LineSplitter skips a line that is too long, in one piece or in many", () => {
  const bytes = encoder.encode(`a\n${"x".repeat(LINE_BYTES_MAX + 1)}\nb`);
  const expected = [
    { number: 1, text: "a" },
    { number: 2, text: "", fault: `the line has more than ${LINE_BYTES_MAX} bytes` },
    { number: 3, text: "b" },
  ];
  assert.deepEqual(split(bytes), expected);
  assert.deepEqual(split(bytes, [1, 5, 1_000, 60_000, 65_000]), expected);
  const unfinished = encoder.encode("x".repeat(LINE_BYTES_MAX + 1));
  assert.equal(split(unfinished, [10])[0]?.fault, expected[1]?.fault);
});

Deno.test("LineSplitter takes a byte order mark from the first line only", () => {
  assert.deepEqual(split(encoder.encode("\ufeffa\n\ufeffb")).map(({ text }) => text), [
    "a",
    "\ufeffb",
  ]);
});
