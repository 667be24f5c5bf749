import assert from "node:assert/strict";
import {
  bytesText,
  countLines,
  differenceText,
  stepText,
} from "../../../server/aggregate/step_text.ts";
import { noCounts } from "../../../server/aggregate/work.ts";

const DAY = Date.UTC(2026, 10, 22);
const TEN_MINUTES_MS = 600_000;

Deno.test("stepText() says what, of when, and what is dropped", () => {
  assert.equal(
    stepText({
      ...{ kind: "merge_slots", starts_ms: [DAY, DAY + TEN_MINUTES_MS], rows: 120, drop: true },
    }),
    "merge   about 120 reports of 2026-11-22 00:00 00:10, drop these hot tables",
  );
  const partition = {
    table: "block_raw",
    name: "block_raw_20261022",
    start_ms: Date.UTC(2026, 9, 22),
    end_ms: Date.UTC(2026, 9, 23),
    bytes: 12_345_678,
  } as const;
  assert.equal(
    stepText({ kind: "drop_partition", partition }),
    "drop    block_raw_20261022, 2026-10-22 to before 2026-10-23, 12 MB",
  );
  assert.equal(
    stepText({ kind: "roll_days", month_ms: Date.UTC(2026, 10), before_ms: DAY, groups: 4 }),
    "roll up hours and days of 2026-11, up to 2026-11-22",
  );
});

Deno.test("bytesText() has two digits or three", () => {
  const given = [0, 999, 999.6, 1_234, 99_999, 999_700, 5e9, 7e15];
  assert.deepEqual(given.map(bytesText), [
    ...["0 B", "999 B", "1.0 kB", "1.2 kB", "100 kB", "1.0 MB", "5.0 GB", "7000 TB"],
  ]);
});

Deno.test("countLines() says what was done and nothing else", () => {
  assert.deepEqual(countLines(noCounts()), []);
  assert.deepEqual(countLines({ ...noCounts(), reports_merged: 12, failures: 1 }), [
    "merged     12 reports",
    "FAILED     1 blocks, left as they are: see the log",
  ]);
});

Deno.test("differenceText() names host, metric, time, what is and what must be", () => {
  const names = { host: (id: number) => `host-${id}`, metric: (_: number, i: number) => `m${i}` };
  const where = { host_id: 3, shape_id: 9 };
  assert.equal(
    differenceText({
      ...{ ...where, tier: "5m", bucket_ms: DAY, metric: 1, what: "max", found: 2, expected: 4 },
    }, names),
    "5m  host-3, shape 9, 2026-11-22 00:00 m1: max is 2, must be 4",
  );
  assert.equal(
    differenceText({ ...where, tier: "1h", bucket_ms: DAY, what: "bucket", expected: DAY }, names),
    "1h  host-3, shape 9, 2026-11-22 00:00: is missing",
  );
  assert.equal(
    differenceText({ ...where, tier: "raw", what: "block", start_ms: DAY, problem: "Bad" }, names),
    "raw host-3, shape 9, block of 2026-11-22 00:00: Bad",
  );
});
