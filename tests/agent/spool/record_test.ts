/** What can be read of a segment that was cut or damaged at any of its bytes. */
import assert from "node:assert/strict";
import fc from "fast-check";
import {
  encodeReport,
  encodeState,
  isForeignSegment,
  readSegment,
  SEGMENT_HEAD,
  type SpooledReport,
} from "../../../agent/spool/record.ts";

interface Part {
  bytes: Uint8Array;
  report?: SpooledReport;
  state?: string;
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

function partOf(report: SpooledReport | string): Part {
  return typeof report === "string"
    ? { bytes: encodeState(report), state: report }
    : { bytes: encodeReport(report), report };
}

const anyReport = fc.record({
  seq: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  at_ms: fc.integer({ min: 0, max: 2 ** 45 }),
  samples: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  text: fc.string({ unit: "binary" }).map((text) => text.toWellFormed()),
}, { noNullPrototype: true });
const anyParts = fc.array(fc.oneof(anyReport, fc.json()), { maxLength: 12 })
  .map((records) => records.map(partOf));

function read(bytes: Uint8Array) {
  const { reports, state, ...rest } = readSegment(bytes);
  return { ...rest, state, reports: reports.map((report) => ({ ...report, text: report.text() })) };
}

/** What should be found of these. */
function expected(parts: readonly Part[]) {
  return {
    reports: parts.flatMap(({ report }) => report ?? []),
    state: parts.flatMap(({ state }) => state ?? []).at(-1),
  };
}

Deno.test("readSegment() finds what was written, in its order", () => {
  fc.assert(fc.property(anyParts, (parts) => {
    const bytes = joined([SEGMENT_HEAD, ...parts.map(({ bytes }) => bytes)]);
    assert.deepEqual(read(bytes), { ...expected(parts), end: bytes.length, damaged_bytes: 0 });
  }));
});

const report = (seq: number, text: string) => partOf({ seq, at_ms: 5, samples: 1, text });
/** With text that looks like a record, and one that is empty. */
const PARTS = [
  report(1, '{"hostname":"a"}'),
  partOf('{"state":1}'),
  report(2, ""),
  report(3, "\u00f5\u00ff\u0001\u0000 äö 😀"),
  partOf('{"state":2}'),
  report(4, "x".repeat(70)),
];
const SEGMENT = joined([SEGMENT_HEAD, ...PARTS.map(({ bytes }) => bytes)]);
/** Where each part ends. */
const ENDS = PARTS.map((_, at) =>
  PARTS.slice(0, at + 1).reduce((sum, { bytes }) => sum + bytes.length, SEGMENT_HEAD.length)
);

Deno.test("readSegment(): a segment that was cut at any byte has all that was whole", () => {
  for (let length = 0; length <= SEGMENT.length; length++) {
    const whole = PARTS.filter((_, at) => (ENDS[at] ?? Infinity) <= length);
    const found = read(SEGMENT.slice(0, length));
    const { reports, state } = found;
    assert.deepEqual({ reports, state }, expected(whole), `cut at ${length}`);
    const end = length < SEGMENT_HEAD.length ? 0 : ENDS[whole.length - 1] ?? SEGMENT_HEAD.length;
    assert.equal(found.end, end, `cut at ${length}`);
  }
});

Deno.test("readSegment(): a wrong byte anywhere costs the record it is in, and no other", () => {
  for (let at = 0; at < SEGMENT.length; at++) {
    for (const wrong of [0, 0xff, 0xf5, (SEGMENT[at] ?? 0) ^ 1]) {
      const bytes = SEGMENT.slice();
      bytes[at] = wrong;
      if (wrong === SEGMENT[at]) continue;
      const hit = ENDS.findIndex((end) => at < end);
      const rest = at < SEGMENT_HEAD.length ? PARTS : PARTS.filter((_, index) => index !== hit);
      const { reports, state } = read(bytes);
      assert.deepEqual({ reports, state }, expected(rest), `${wrong} at ${at}`);
    }
  }
});

Deno.test("readSegment(): whatever stands between good records, they are found", () => {
  const anyJunk = fc.uint8Array({ maxLength: 40 });
  fc.assert(fc.property(anyParts, fc.array(anyJunk, { minLength: 13 }), (parts, junk) => {
    const pieces = parts.flatMap(({ bytes }, at) => [junk[at] ?? new Uint8Array(), bytes]);
    const { reports, state, damaged_bytes } = read(joined([SEGMENT_HEAD, ...pieces]));
    assert.deepEqual({ reports, state }, expected(parts));
    const between = junk.slice(0, parts.length).reduce((sum, { length }) => sum + length, 0);
    assert.equal(damaged_bytes, between);
  }));
});

Deno.test("readSegment(): random bytes are no record", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
    assert.deepEqual(read(bytes).reports, []);
  }));
});

Deno.test("isForeignSegment() knows a newer program's, and takes damage for nothing", () => {
  const head = (text: string) => isForeignSegment(new TextEncoder().encode(text));
  assert.deepEqual([head("MSPOOL2\nxyz"), head("MSPOOL1\n"), head("MSPOOL"), head("\0\0")], [
    true,
    false,
    false,
    false,
  ]);
});
