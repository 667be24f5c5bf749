import assert from "node:assert/strict";
import fc from "fast-check";
import { SeqRanges } from "../../../agent/spool/ranges.ts";

Deno.test("SeqRanges is a set of numbers, in as few ranges as there are", () => {
  const any_range = fc.tuple(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 0, max: 6 }));
  fc.assert(fc.property(fc.array(any_range), fc.integer({ min: 1, max: 50 }), (added, from) => {
    const ranges = new SeqRanges();
    const model = new Set<number>();
    for (const [first, more] of added) {
      const before = model.size;
      for (let seq = first; seq <= first + more; seq++) model.add(seq);
      assert.equal(ranges.add(first, first + more), model.size - before);
    }
    assert.equal(ranges.count, model.size);
    const all = Array.from({ length: 60 }, (_, at) => at + 1);
    assert.deepEqual(all.filter((seq) => ranges.has(seq)), all.filter((seq) => model.has(seq)));
    assert.deepEqual(
      [...ranges.missing(from, 55)],
      all.filter((seq) => seq >= from && seq <= 55 && !model.has(seq)),
    );
    const ends = all.filter((seq) => model.has(seq) && !model.has(seq + 1));
    assert.deepEqual(ranges.ranges.map(([, last]) => last), ends);
    assert.deepEqual(new SeqRanges(ranges.ranges.toReversed()).ranges, ranges.ranges);
  }));
});
