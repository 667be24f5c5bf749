import assert from "node:assert/strict";
import fc from "fast-check";
import { blockPartitionName } from "../../db/block_partitions.ts";
import { type CalendarUnit, endOf, startOf } from "../../db/tiers.ts";

const UNITS: CalendarUnit[] = ["hour", "day", "month", "year"];

Deno.test("startOf() and endOf() at the borders of UTC", () => {
  const at = Date.UTC(2024, 1, 29, 23, 59, 59, 999);
  const shown = UNITS.map((unit) =>
    [startOf(unit, at), endOf(unit, at)].map((ms) => new Date(ms).toISOString().slice(0, 13))
  );
  assert.deepEqual(shown, [
    ["2024-02-29T23", "2024-03-01T00"],
    ["2024-02-29T00", "2024-03-01T00"],
    ["2024-02-01T00", "2024-03-01T00"],
    ["2024-01-01T00", "2025-01-01T00"],
  ]);
});

Deno.test("startOf() and endOf() enclose every time, and units lie in larger ones", () => {
  fc.assert(fc.property(fc.integer({ min: 0, max: Date.UTC(9999, 0) }), (at_ms) => {
    UNITS.forEach((unit, i) => {
      const [start_ms, end_ms] = [startOf(unit, at_ms), endOf(unit, at_ms)];
      assert.ok(start_ms <= at_ms && at_ms < end_ms);
      assert.equal(startOf(unit, end_ms), end_ms);
      assert.equal(startOf(unit, end_ms - 1), start_ms);
      const larger = UNITS[i + 1];
      if (larger !== undefined) assert.equal(startOf(larger, start_ms), startOf(larger, at_ms));
    });
  }));
});

Deno.test("blockPartitionName() tells tier and time", () => {
  const at = Date.UTC(2026, 10, 22, 13);
  assert.deepEqual(
    (["raw", "5m", "1h", "1d"] as const).map((tier) => blockPartitionName(tier, at)),
    ["block_raw_20261122", "block_5m_202611", "block_1h_2026", "block_1d_2026"],
  );
});
