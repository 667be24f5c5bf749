import assert from "node:assert/strict";
import fc from "fast-check";
import { sortSamples } from "../../../server/query/samples.ts";

const anySamples = fc.oneof(
  fc.array(fc.tuple(fc.nat(40), fc.constantFrom(0, -0, 1, 2.5, -3)), { maxLength: 60 }),
  fc.array(fc.tuple(fc.nat(400), fc.constantFrom(0, -0, 1)), { minLength: 120, maxLength: 200 }),
);

Deno.test("sortSamples() keeps each time once, with its largest value, few samples or many", () => {
  fc.assert(fc.property(anySamples, (pairs) => {
    const expected = new Map<number, number>();
    for (const [at_ms, value] of pairs.toSorted(([a], [b]) => a - b)) {
      const known = expected.get(at_ms);
      // Math.max knows that 0 is above -0
      expected.set(at_ms, known === undefined ? value : Math.max(known, value));
    }
    const sorted = sortSamples({
      times_ms: Float64Array.from(pairs, ([at_ms]) => at_ms),
      values: Float64Array.from(pairs, ([, value]) => value),
    });
    assert.deepEqual([...sorted.times_ms], [...expected.keys()]);
    assert.ok([...expected.values()].every((value, i) => Object.is(sorted.values[i], value)));
  }));
});
