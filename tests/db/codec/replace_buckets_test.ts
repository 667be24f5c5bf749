import assert from "node:assert/strict";
import fc from "fast-check";
import { groupReports } from "../../../db/codec/buckets.ts";
import { type RollupKind, rollupSamples } from "../../../db/codec/rollup.ts";
import { encodeRollupBlock, type Rollups } from "../../../db/codec/rollup_block.ts";
import { replaceBuckets } from "../../../db/codec/replace_buckets.ts";
import { mergeReports, type Reports } from "../../../db/codec/reports.ts";
import { anyReports } from "./values.ts";

const KINDS: RollupKind[] = ["gauge", "counter"];
const BUCKET_MS = 300_000;

function rollupsOf({ times_ms, columns }: Reports): Rollups {
  const grouping = groupReports(times_ms, BUCKET_MS);
  const series = columns.map((column, i) =>
    rollupSamples(column, grouping, KINDS[i % KINDS.length] ?? "gauge")
  );
  return { buckets: grouping.buckets, series };
}

/** Times near each other, so that two have buckets in common. */
const nearby = anyReports(2).map(({ times_ms, columns }): Reports => ({
  times_ms: times_ms.map((at_ms, i) => i * 100_000 + at_ms % 100_000),
  columns,
}));

/** The rows of `all` whose bucket has a row in `some`. */
function touched(all: Reports, some: Reports): Reports {
  const buckets = new Set(some.times_ms.map((at_ms) => Math.floor(at_ms / BUCKET_MS)));
  const rows = [...all.times_ms.keys()].filter((row) =>
    buckets.has(Math.floor((all.times_ms[row] ?? NaN) / BUCKET_MS))
  );
  const pick = (values: Float64Array) => Float64Array.from(rows, (row) => values[row] ?? NaN);
  return { times_ms: pick(all.times_ms), columns: all.columns.map(pick) };
}

Deno.test("replaceBuckets() of what late reports touch is the rollup of all reports", () => {
  fc.assert(fc.property(nearby, nearby, (early, late) => {
    const all = mergeReports(early, late);
    const expected = encodeRollupBlock(rollupsOf(all));
    const once = replaceBuckets(rollupsOf(early), rollupsOf(touched(all, late)));
    assert.deepEqual(encodeRollupBlock(once), expected);
    const twice = replaceBuckets(once, rollupsOf(touched(all, late)));
    assert.deepEqual(encodeRollupBlock(twice), expected);
  }));
});

Deno.test("replaceBuckets() drops what only one side keeps", () => {
  const grouping = groupReports(Float64Array.of(0), BUCKET_MS);
  const one = (kind: RollupKind): Rollups => ({
    buckets: grouping.buckets,
    series: [rollupSamples(Float64Array.of(5), grouping, kind)],
  });
  const [series] = replaceBuckets(one("gauge"), one("counter")).series;
  assert.equal(series?.sum, undefined);
  assert.equal(series?.lost, undefined);
  assert.equal(series?.first[0], 5);
});

Deno.test("replaceBuckets() refuses other shapes", () => {
  const { buckets } = groupReports(new Float64Array(), BUCKET_MS);
  const rollup = rollupSamples(new Float64Array(), groupReports(new Float64Array(), 1), "gauge");
  assert.throws(
    () => replaceBuckets({ buckets, series: [rollup] }, { buckets, series: [] }),
    RangeError,
  );
});
