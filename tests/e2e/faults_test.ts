/**
 * Rows of `deno task bench faults` that no other test has, in their shortest form. The others: kill -9 in
 * crash_test.ts, aggregate_crash_test.ts and spool_kill_test.ts, a full disk in disk_full_test.ts.
 */
import assert from "node:assert/strict";
import { ROWS, runRow } from "../bench/faults.ts";

const NAMES = [
  "PostgreSQL stopped",
  "connections cut",
  "one of two servers kill -9",
  "clock back 1 h, forward 1 day",
];

for (const name of NAMES) {
  Deno.test(`${name}: nothing acknowledged is lost, and nothing doubled`, async () => {
    const row = ROWS[name];
    assert.ok(row !== undefined);
    const times = { peace_ms: 1_000, fault_ms: 1_500, outage_ms: 2_000 };
    const outcome = await runRow(row, { ...times, rate: 3_000 });
    const { acknowledged, stored, lost, doubled, made_up } = outcome;
    assert.deepEqual({ lost, doubled, made_up }, { lost: 0, doubled: 0, made_up: 0 });
    assert.equal(stored, acknowledged);
    assert.ok(acknowledged >= 60, "too few to show anything");
  });
}
