import assert from "node:assert/strict";
import fc from "fast-check";
import { isSegmentDone, type Segment, segmentsToDrop } from "../../../agent/spool/plan.ts";

const MIB = 1024 * 1024;
const limits = { bytes_max: 64 * MIB, age_ms_max: 16_000 };

function segment(number: number, options: Partial<Segment> & { at_ms?: number } = {}): Segment {
  const { at_ms = 0, bytes = MIB } = options;
  const span = {
    first_seq: number * 10,
    last_seq: number * 10 + 9,
    oldest_at_ms: at_ms,
    newest_at_ms: at_ms,
  };
  return { number, bytes, span: "span" in options ? options.span : span };
}

Deno.test("isSegmentDone() by bytes, by age, and never without a report", () => {
  assert.equal(isSegmentDone(segment(1, { bytes: MIB - 1 }), 1_000, limits), false);
  assert.equal(isSegmentDone(segment(1, { bytes: MIB }), 1_000, limits), true);
  assert.equal(isSegmentDone(segment(1, { bytes: 5 }), 1_001, limits), true);
  assert.equal(isSegmentDone(segment(1, { bytes: MIB, span: undefined }), 9e9, limits), false);
  const small = { ...limits, bytes_max: MIB };
  assert.equal(isSegmentDone(segment(1, { bytes: MIB / 16 }), 0, small), true);
});

const options = { limits, bytes: 3 * MIB, incoming_bytes: 0, now_ms: 0, held: new Set<number>() };

Deno.test("segmentsToDrop() drops nothing that fits", () => {
  assert.deepEqual(segmentsToDrop([segment(1), segment(2)], options), []);
});

Deno.test("segmentsToDrop() drops what is too old, also behind what is not", () => {
  const old = segment(2, { at_ms: -20_000 });
  assert.deepEqual(segmentsToDrop([segment(1), old], options), [{ segment: old, reason: "age" }]);
});

Deno.test("segmentsToDrop() makes room with the oldest, but not with what is being sent", () => {
  const segments = [1, 2, 3, 4].map((number) => segment(number, { bytes: 20 * MIB }));
  const full = { ...options, bytes: 80 * MIB, incoming_bytes: MIB };
  const numbers = (held: number[]) =>
    segmentsToDrop(segments, { ...full, held: new Set(held) })
      .map(({ segment, reason }) => [segment.number, reason]);
  assert.deepEqual(numbers([]), [[1, "full"]]);
  assert.deepEqual(numbers([15, 99]), [[2, "full"]]);
});

Deno.test("segmentsToDrop(): what is left fits, or is all held", () => {
  const anySegments = fc.array(fc.integer({ min: 1, max: 30 }), { maxLength: 20 });
  fc.assert(fc.property(anySegments, fc.integer({ min: 0, max: 64 }), (sizes, incoming) => {
    const segments = sizes.map((size, at) => segment(at + 1, { bytes: size * MIB }));
    const bytes = sizes.reduce((sum, size) => sum + size * MIB, 0);
    const held = new Set([10]);
    const incoming_bytes = incoming * MIB;
    const drops = segmentsToDrop(segments, { ...options, bytes, incoming_bytes, held });
    const dropped = drops.reduce((sum, { segment }) => sum + segment.bytes, 0);
    const kept = segments.filter((one) => !drops.some(({ segment }) => segment === one));
    assert.ok(bytes - dropped + incoming_bytes <= limits.bytes_max || kept.length <= 1);
    // no more than needed: without the last one it would not fit
    const last = drops.at(-1);
    if (last === undefined) return;
    assert.ok(bytes - dropped + last.segment.bytes + incoming_bytes > limits.bytes_max);
  }));
});
