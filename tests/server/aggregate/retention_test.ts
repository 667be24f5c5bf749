import assert from "node:assert/strict";
import fc from "fast-check";
import type { Partition } from "../../../db/block_partitions.ts";
import { DAY_MS, endOf, startOf } from "../../../db/tiers.ts";
import { lateHorizon, planRemovals } from "../../../server/aggregate/retention.ts";

const RETENTION = { raw_days: 30, five_minutes_days: 60, one_hour_days: 365, one_day_days: null };
const NOW = Date.UTC(2025, 6, 15, 12);

function partition(table: Partition["table"], unit: "day" | "month" | "year", at_ms: number) {
  const start_ms = startOf(unit, at_ms);
  return { table, name: `${table} ${start_ms}`, start_ms, end_ms: endOf(unit, at_ms), bytes: 0 };
}

function expired(partitions: Partition[]): string[] {
  return planRemovals({ partitions }, { now_ms: NOW, retention: RETENTION })
    .map(({ partition: { start_ms } }) => new Date(start_ms).toISOString().slice(0, 10));
}

Deno.test("planRemovals() keeps a day of samples until all of it is past, and one day more", () => {
  const days = [30, 31, 32, 33].map((ago) => partition("block_raw", "day", NOW - ago * DAY_MS));
  assert.deepEqual(expired(days), ["2025-06-13", "2025-06-12"]);
});

Deno.test("planRemovals() keeps a month and a year until all of it is past", () => {
  const months = [3, 4, 5].map((month) => partition("block_5m", "month", Date.UTC(2025, month)));
  assert.deepEqual(expired(months), ["2025-04-01"]);
  const years = [2022, 2023, 2024].map((year) => partition("block_1h", "year", Date.UTC(year, 5)));
  assert.deepEqual(expired(years), ["2022-01-01", "2023-01-01"]);
});

Deno.test("planRemovals() keeps for ever what has no limit", () => {
  assert.deepEqual(expired([partition("block_1d", "year", 0)]), []);
});

Deno.test("planRemovals() lets annotations go with their samples", () => {
  assert.deepEqual(expired([partition("annotation", "day", NOW - 32 * DAY_MS)]), ["2025-06-13"]);
});

Deno.test("lateHorizon() never refuses what ingest takes", () => {
  fc.assert(fc.property(
    fc.integer({ min: 1, max: 400 }),
    fc.integer({ min: 0, max: Date.UTC(2100, 0) }),
    (raw_days, now_ms) => {
      const retention = { ...RETENTION, raw_days };
      assert.ok(lateHorizon([], { now_ms, retention }) <= now_ms - raw_days * DAY_MS);
    },
  ));
});

Deno.test("lateHorizon() never lets an hour lose the samples it was made of", () => {
  fc.assert(fc.property(
    fc.array(fc.integer({ min: 0, max: 400 })),
    fc.integer({ min: 0, max: 400 }),
    (ages, age) => {
      const days = ages.map((ago) => partition("block_raw", "day", NOW - ago * DAY_MS));
      const options = { now_ms: NOW, retention: RETENTION };
      const gone = planRemovals({ partitions: days }, options).map(({ partition }) => partition);
      const kept = days.filter((day) => !gone.includes(day));
      const at_ms = NOW - age * DAY_MS;
      const day = days.find(({ start_ms }) => start_ms === startOf("day", at_ms));
      // what was there and has been dropped is past the horizon of the next run
      if (day !== undefined && !kept.includes(day)) {
        assert.ok(at_ms < lateHorizon(kept, options));
      }
      // what is there is not
      if (day !== undefined) assert.ok(day.start_ms >= lateHorizon(days, options));
    },
  ));
});

Deno.test("planRemovals() thins a partition of shapes that are kept for other times", () => {
  const short = { ...RETENTION, raw_days: 7 };
  const long = { ...RETENTION, raw_days: 400 };
  const shape_days = new Map([[1, RETENTION], [2, short], [3, long]]);
  const removals = (ago: number, shapes: number[]) => {
    const day = partition("block_raw", "day", NOW - ago * DAY_MS);
    return planRemovals(
      { partitions: [day], shape_days, contents: new Map([[day.name, shapes]]) },
      { now_ms: NOW, retention: RETENTION },
    ).map((one) => one.kind === "thin_partition" ? one.shape_ids : one.kind);
  };
  assert.deepEqual(removals(8, [1, 2, 3]), []);
  assert.deepEqual(removals(9, [1, 2, 3]), [[2]]);
  // done before
  assert.deepEqual(removals(9, [1, 3]), []);
  assert.deepEqual(removals(9, [2]), ["drop_partition"]);
  assert.deepEqual(removals(32, [1, 3]), [[1]]);
  assert.deepEqual(removals(402, [3]), ["drop_partition"]);
  // without a block it is as old as any
  assert.deepEqual(removals(31, []), []);
  assert.deepEqual(removals(32, []), ["drop_partition"]);
});
