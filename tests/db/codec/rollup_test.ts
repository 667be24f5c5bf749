import assert from "node:assert/strict";
import fc from "fast-check";
import { groupBuckets, type Grouping, groupReports } from "../../../db/codec/buckets.ts";
import { CodecError } from "../../../db/codec/error.ts";
import {
  increases,
  type Rollup,
  type RollupKind,
  rollupRollup,
  rollupSamples,
} from "../../../db/codec/rollup.ts";
import {
  decodeRollupBlock,
  decodeRollupCell,
  encodeRollupBlock,
  type Rollups,
} from "../../../db/codec/rollup_block.ts";
import { exactSum } from "../../../db/codec/sum.ts";
import { cellRange, openHead } from "../../../db/codec/block.ts";
import { anyColumn, anyTimes, assertSameDoubles, decimalColumn } from "./values.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const anyKind = fc.constantFrom<RollupKind>("gauge", "counter");
const COLUMNS = ["first", "last", "min", "max", "sum", "lost"] as const;

interface Series {
  times_ms: Float64Array;
  values: Float64Array;
}

function seriesOf(column: fc.Arbitrary<Float64Array>): fc.Arbitrary<Series> {
  return fc.tuple(anyTimes(60), column).map(([times_ms, values]) => {
    const rows = Math.min(times_ms.length, values.length);
    return { times_ms: times_ms.slice(0, rows), values: values.slice(0, rows) };
  });
}

function assertSameRollup(actual: Rollup, expected: Rollup): void {
  for (const name of COLUMNS) {
    const [one, other] = [actual[name], expected[name]];
    assert.equal(
      one === undefined,
      other === undefined,
      `${name} is kept in one and not the other`,
    );
    if (one !== undefined && other !== undefined) assertSameDoubles(one, other);
  }
}

/** Integers of hundredths, so that the expected sums are made without any floating point. */
const hundredths = fc.array(fc.integer({ min: -100_000, max: 100_000 }), { maxLength: 60 });

Deno.test("rollupSamples() is what a loop over every sample finds", () => {
  fc.assert(fc.property(anyTimes(60), hundredths, (times, integers) => {
    const rows = Math.min(times.length, integers.length);
    const times_ms = times.slice(0, rows);
    const values = Float64Array.from(integers.slice(0, rows), (whole) => whole / 100);
    const grouping = groupReports(times_ms, 5 * MINUTE_MS);
    const rollup = rollupSamples(values, grouping, "gauge");
    const naive = new Map<number, number[]>();
    times_ms.forEach((at_ms, row) => {
      const start_ms = at_ms - at_ms % (5 * MINUTE_MS);
      naive.set(start_ms, [...naive.get(start_ms) ?? [], row]);
    });
    const { start_ms, count, first_ms, last_ms } = grouping.buckets;
    assert.deepEqual([...start_ms], [...naive.keys()]);
    [...naive.values()].forEach((rows, i) => {
      const inside = rows.map((row) => integers[row] ?? 0);
      assert.equal(count[i], rows.length);
      assert.equal(first_ms[i], times_ms[rows.at(0) ?? -1]);
      assert.equal(last_ms[i], times_ms[rows.at(-1) ?? -1]);
      assert.equal(rollup.first[i], (inside.at(0) ?? NaN) / 100);
      assert.equal(rollup.last[i], (inside.at(-1) ?? NaN) / 100);
      assert.equal(rollup.min[i], Math.min(...inside) / 100);
      assert.equal(rollup.max[i], Math.max(...inside) / 100);
      assert.equal(rollup.sum?.[i], inside.reduce((sum, whole) => sum + whole, 0) / 100);
    });
  }));
});

/** Integer steps; undefined is a reset. */
const counterSteps = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.integer({ min: 0, max: 5000 }) },
    { weight: 1, arbitrary: fc.constant(undefined) },
  ),
  { maxLength: 60 },
);

Deno.test("increases() add up to all that was counted, resets and gaps included", () => {
  fc.assert(
    fc.property(
      anyTimes(60),
      counterSteps,
      fc.integer({ min: 1, max: 50 }),
      (times, steps, unit) => {
        const rows = Math.min(times.length, steps.length);
        let [level, counted] = [700, 0];
        const integers = steps.slice(0, rows).map((step) => {
          // after a reset the counter shows less than before, or the reset cannot be seen
          const next = step ?? Math.floor(level / 2);
          counted += next;
          level = step === undefined ? next : level + next;
          return level;
        });
        const values = Float64Array.from(integers, (whole) => whole * unit / 100);
        const grouping = groupReports(times.slice(0, rows), MINUTE_MS);
        const rollup = rollupSamples(values, grouping, "counter");
        const found = increases(rollup, 700 * unit / 100);
        assert.ok(found !== undefined);
        assert.equal(exactSum(found), counted * unit / 100);
        const coarser = rollupRollup(rollup, groupBuckets(grouping.buckets, DAY_MS));
        const found_coarser = increases(coarser, 700 * unit / 100);
        assert.equal(exactSum(found_coarser ?? new Float64Array()), counted * unit / 100);
      },
    ),
  );
});

Deno.test("increases() counts from the first sample when nothing came before", () => {
  const grouping = groupReports(Float64Array.of(0, 1, 60_000, 120_000), MINUTE_MS);
  const rollup = rollupSamples(Float64Array.of(5, 7, 12, 3), grouping, "counter");
  assert.deepEqual([...increases(rollup) ?? []], [2, 5, 3]);
  assert.deepEqual([...increases(rollup, 1) ?? []], [6, 5, 3]);
  assert.deepEqual([...increases(rollup, 6) ?? []], [7, 5, 3]);
});

Deno.test("increases() does not invent one for a gauge", () => {
  const grouping = groupReports(Float64Array.of(0, 1), MINUTE_MS);
  assert.equal(increases(rollupSamples(Float64Array.of(5, 7), grouping, "gauge")), undefined);
});

Deno.test("rollupRollup() of decimals is the rollup of the samples", () => {
  fc.assert(fc.property(seriesOf(decimalColumn()), anyKind, ({ times_ms, values }, kind) => {
    const fine = groupReports(times_ms, 5 * MINUTE_MS);
    const hours = groupBuckets(fine.buckets, HOUR_MS);
    const days = groupBuckets(hours.buckets, DAY_MS);
    const direct = groupReports(times_ms, DAY_MS);
    assert.deepEqual(days.buckets, direct.buckets);
    const hourly = rollupRollup(rollupSamples(values, fine, kind), hours);
    assertSameRollup(rollupRollup(hourly, days), rollupSamples(values, direct, kind));
  }));
});

Deno.test("rollupRollup() of any doubles differs from the samples' in rounding only", () => {
  fc.assert(fc.property(seriesOf(anyColumn()), anyKind, ({ times_ms, values }, kind) => {
    const fine = groupReports(times_ms, 5 * MINUTE_MS);
    const hours = groupBuckets(fine.buckets, HOUR_MS);
    const actual = rollupRollup(rollupSamples(values, fine, kind), hours);
    const expected = rollupSamples(values, groupReports(times_ms, HOUR_MS), kind);
    for (const name of ["first", "last", "min", "max"] as const) {
      assertSameDoubles(actual[name], expected[name]);
    }
    // the error of a sum is bounded by the size of its terms, not by its own
    const size = Math.min(
      Number.MAX_VALUE,
      values.reduce((size, value) => size + Math.abs(value), 0),
    );
    for (const name of ["sum", "lost"] as const) {
      actual[name]?.forEach((value, i) => {
        const exact = expected[name]?.[i] ?? NaN;
        assert.ok(Math.abs(value - exact) <= size * 1e-14, `${name}: ${value} and ${exact}`);
      });
    }
  }));
});

Deno.test("groupReports() splits at borders of UTC, before 1970 too", () => {
  const grouping = groupReports(Float64Array.of(-1, 0, DAY_MS - 1, DAY_MS, 3 * DAY_MS), DAY_MS);
  assert.deepEqual([...grouping.buckets.start_ms], [-DAY_MS, 0, DAY_MS, 3 * DAY_MS]);
  assert.deepEqual([...grouping.buckets.count], [1, 2, 1, 1]);
  assert.deepEqual([...grouping.edges], [0, 1, 3, 4, 5]);
  for (const bucket_ms of [0, -1, 0.5, NaN]) {
    assert.throws(() => groupReports(new Float64Array(), bucket_ms), RangeError);
  }
});

function rollupsOf(all: { series: Series; kind: RollupKind }[]): Rollups {
  const rows = Math.min(...all.map(({ series }) => series.values.length));
  const times_ms = all[0]?.series.times_ms.slice(0, rows) ?? new Float64Array();
  const grouping: Grouping = groupReports(times_ms, 5 * MINUTE_MS);
  return {
    buckets: grouping.buckets,
    series: all.map(({ series, kind }) =>
      rollupSamples(series.values.slice(0, rows), grouping, kind)
    ),
  };
}

const anyRollups = fc.array(
  fc.record({ series: seriesOf(anyColumn()), kind: anyKind }),
  { minLength: 1, maxLength: 4 },
).map(rollupsOf);

/** What is all zeros is stored as nothing, which is read as zeros in every column. */
function filled(rollup: Rollup): Rollup {
  const zeros = COLUMNS.every((name) =>
    rollup[name]?.every((value) => Object.is(value, 0)) ?? true
  );
  const nothing = new Float64Array(rollup.first.length);
  return zeros ? { ...rollup, sum: nothing, lost: nothing } : rollup;
}

Deno.test("decodeRollupBlock() gives back what encodeRollupBlock() was given", () => {
  fc.assert(fc.property(anyRollups, (rollups) => {
    const block = encodeRollupBlock(rollups);
    const decoded = decodeRollupBlock(block);
    assert.deepEqual(decoded.buckets, rollups.buckets);
    assert.equal(decoded.series.length, rollups.series.length);
    rollups.series.forEach((rollup, i) => {
      assertSameRollup(decoded.series[i] ?? rollup, filled(rollup));
      const { start, end } = cellRange(openHead(block.head), block.offsets, i);
      const one = decodeRollupCell(block.head, block.data.subarray(start, end));
      assert.deepEqual(one.buckets, rollups.buckets);
      assertSameRollup(one.rollup, filled(rollup));
    });
  }));
});

Deno.test("encodeRollupBlock() stores what is the same once", () => {
  const grouping = groupReports(Float64Array.from({ length: 360 }, (_, i) => i * 10_000), 300_000);
  const sizeOf = (values: Float64Array, kind: RollupKind) => {
    const series = [rollupSamples(values, grouping, kind)];
    return encodeRollupBlock({ buckets: grouping.buckets, series }).data.length;
  };
  const constant = new Float64Array(360);
  assert.equal(sizeOf(constant, "gauge"), 0);
  // 3 bytes of codes, a column and its sum (or what was lost), each with its length
  assert.equal(sizeOf(constant.fill(20), "gauge"), 3 + 3 + 3);
  assert.equal(sizeOf(constant, "counter"), 3 + 3 + 1);
  const steady = constant.map((_, i) => i * 10);
  const ends = encodeRollupBlock({
    buckets: grouping.buckets,
    series: [rollupSamples(steady, grouping, "counter")],
  });
  // min is first and max is last
  assert.deepEqual([...ends.data.subarray(0, 3)], [0x11, 0x23, 0x01]);
});

Deno.test("decodeRollupCell() makes a rollup or a CodecError of damaged cells", () => {
  const change = fc.integer({ min: 1, max: 255 });
  fc.assert(
    fc.property(anyRollups, fc.nat(), change, (rollups, place, change) => {
      const block = encodeRollupBlock(rollups);
      const { start, end } = cellRange(openHead(block.head), block.offsets, 0);
      fc.pre(end > start);
      const at = place % (end - start);
      const cell = block.data.slice(start, end);
      cell[at] = (cell[at] ?? 0) ^ change;
      for (const damaged of [cell, cell.subarray(0, at)]) {
        try {
          const { rollup } = decodeRollupCell(block.head, damaged);
          assert.equal(rollup.first.length, rollups.buckets.start_ms.length);
          assert.ok(rollup.last.every(Number.isFinite));
        } catch (error) {
          assert.ok(error instanceof CodecError, `expected a CodecError, got ${error}`);
        }
      }
    }),
    { numRuns: 1000 },
  );
});
