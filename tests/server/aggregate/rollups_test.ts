import assert from "node:assert/strict";
import fc from "fast-check";
import type { Rollups } from "../../../db/codec/rollup_block.ts";
import { compareRollups } from "../../../server/aggregate/compare.ts";
import {
  concatRollups,
  kindsDiffer,
  rollUpAgain,
  rollUpReports,
  sliceRollups,
  updateRollups,
} from "../../../server/aggregate/rollups.ts";

const FIVE_MINUTES_MS = 300_000;
const HOUR_MS = 3_600_000;

/** A gauge and a counter, a report every minute or a few, over some hours. */
const reports = fc.array(
  fc.record({
    gap: fc.integer({ min: 1, max: 30 }),
    values: fc.tuple(fc.integer({ min: -99, max: 99 }), fc.nat(9)),
  }),
  { minLength: 1, maxLength: 60 },
).map((rows) => {
  let at_ms = 0;
  return {
    times_ms: Float64Array.from(rows, ({ gap }) => at_ms += gap * 60_000),
    columns: [0, 1].map((metric) => Float64Array.from(rows, ({ values }) => values[metric] ?? 0)),
  };
});

function rolled(given: { times_ms: Float64Array; columns: Float64Array[] }): Rollups {
  return rollUpReports(given, { bucket_ms: FIVE_MINUTES_MS, kinds: ["gauge", "counter"] });
}

Deno.test("concatRollups() of the slices is the whole", () => {
  fc.assert(fc.property(reports, fc.nat(30), (given, cut) => {
    const whole = rolled(given);
    const border_ms = cut * HOUR_MS;
    const parts = [
      sliceRollups(whole, { from_ms: -Infinity, before_ms: border_ms }),
      sliceRollups(whole, { from_ms: border_ms, before_ms: Infinity }),
    ];
    assert.deepEqual(compareRollups(whole, concatRollups(parts)), []);
  }));
});

Deno.test("updateRollups() with hours made anew is the whole, in any order", () => {
  fc.assert(fc.property(reports, fc.nat(30), (given, cut) => {
    const whole = rolled(given);
    const early = sliceRollups(whole, { from_ms: -Infinity, before_ms: cut * HOUR_MS });
    const late = sliceRollups(whole, { from_ms: cut * HOUR_MS, before_ms: Infinity });
    for (const [kept, fresh] of [[early, late], [late, early], [whole, early], [early, whole]]) {
      if (kept === undefined || fresh === undefined) continue;
      assert.deepEqual(compareRollups(whole, updateRollups(kept, fresh)), []);
    }
    assert.equal(updateRollups(undefined, whole), whole);
  }));
});

Deno.test("rollUpAgain() of five minutes is the rollup of the reports", () => {
  fc.assert(fc.property(reports, (given) => {
    const hours = rollUpReports(given, { bucket_ms: HOUR_MS, kinds: ["gauge", "counter"] });
    assert.deepEqual(compareRollups(hours, rollUpAgain(rolled(given), HOUR_MS)), []);
  }));
});

Deno.test("kindsDiffer() sees that a series would lose what it keeps", () => {
  const times_ms = Float64Array.of(0, 60_000);
  const columns = [Float64Array.of(1, 2), Float64Array.of(3, 4)];
  const of = (kinds: ("gauge" | "counter")[]) =>
    rollUpReports({ times_ms, columns }, { bucket_ms: FIVE_MINUTES_MS, kinds });
  assert.equal(kindsDiffer(of(["gauge", "counter"]), of(["gauge", "counter"])), false);
  assert.equal(kindsDiffer(of(["gauge", "counter"]), of(["gauge", "gauge"])), true);
  // a series that is always 0 keeps both, and can go on as either
  const both = of(["gauge", "counter"]);
  const series = both.series.map((one) => ({ ...one, sum: one.first, lost: one.first }));
  assert.equal(kindsDiffer({ ...both, series }, of(["counter", "gauge"])), false);
});

Deno.test("compareRollups() tells bucket, metric, what it is and what it should be", () => {
  const given = {
    times_ms: Float64Array.of(0, FIVE_MINUTES_MS),
    columns: [Float64Array.of(1, 2), Float64Array.of(3, 4)],
  };
  const expected = rolled(given);
  const found = rolled({ ...given, columns: [Float64Array.of(1, 2.5), Float64Array.of(3, 4)] });
  const of_metric = { bucket_ms: FIVE_MINUTES_MS, metric: 0, expected: 2, found: 2.5 };
  assert.deepEqual(
    compareRollups(expected, found),
    ["first", "last", "min", "max", "sum"].map((what) => ({ ...of_metric, what })),
  );
  const half = sliceRollups(expected, { from_ms: 0, before_ms: 1 });
  assert.deepEqual(compareRollups(expected, half), [
    { bucket_ms: FIVE_MINUTES_MS, what: "bucket", expected: FIVE_MINUTES_MS },
  ]);
  assert.deepEqual(compareRollups(half, expected), [
    { bucket_ms: FIVE_MINUTES_MS, what: "bucket", found: FIVE_MINUTES_MS },
  ]);
});
