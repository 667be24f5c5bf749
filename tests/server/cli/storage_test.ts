import assert from "node:assert/strict";
import { diskSentence, storageLines } from "../../../server/cli/storage.ts";
import type { StorageAnswer } from "../../../server/wire/storage.ts";

const AT = Date.UTC(2025, 0, 15, 12) / 1000;
const GIB = 1024 ** 3;

const tier = { partitions: 1, heap_bytes: 1024, index_bytes: 2048, rows: 1, retention_days: 30 };
const ANSWER: StorageAnswer = {
  at: AT,
  database_bytes: 20 * GIB,
  wal_bytes: 1024 ** 2,
  disk: { free_bytes: 100 * GIB, size_bytes: 200 * GIB },
  tiers: [
    {
      ...tier,
      name: "hot",
      toast_bytes: 0,
      bytes: 3072,
      samples: 500,
      samples_are_exact: true,
      bytes_per_sample: 6.144,
      oldest: AT,
      newest: AT,
      growth_bytes_per_day: null,
    },
    {
      ...tier,
      name: "raw",
      toast_bytes: 10 * GIB,
      bytes: 10 * GIB,
      samples: 25e9,
      samples_are_exact: false,
      bytes_per_sample: 0.42949,
      oldest: null,
      newest: null,
      growth_bytes_per_day: GIB,
    },
  ],
  other: [{ name: "host", bytes: 8192 }],
  host_count: 7,
  hosts: [{ hostname: "evil\x1b[2J", samples: 12e6, bytes: 5 * 1024 ** 2 }],
  hosts_are_exact: false,
  forecast: { growth_bytes_per_day: GIB, still_to_come_bytes: null, full_in_days: 100.2 },
};

Deno.test("storageLines() shows every tier, marks estimates, and lets no name steer the terminal", () => {
  const [tiers = [], facts = [], hosts = []] = storageLines(ANSWER, Infinity);
  assert.deepEqual(tiers.map((line) => line.split(/ {2,}/).slice(0, 7)), [
    ["TIER", "BYTES", "HEAP", "TOAST", "INDEX", "SAMPLES", "B/SAMPLE"],
    ["hot", "3 KiB", "1 KiB", "0 B", "2 KiB", "500", "6.14"],
    ["raw", "10 GiB", "1 KiB", "10 GiB", "2 KiB", "~25G", "0.429"],
  ]);
  assert.match(tiers[0] ?? "", /OLDEST +NEWEST +A DAY +KEPT$/);
  assert.match(tiers[2] ?? "", / ~1 GiB +30 d$/);
  assert.deepEqual(facts.slice(0, 2), [
    "database: 20 GiB, and 1 MiB of its log",
    "other: host 8 KiB, catalogs 10 GiB",
  ]);
  assert.deepEqual(hosts, [
    "HOST            BYTES  SAMPLES  B/SAMPLE",
    "evil\\u{1b}[2J  ~5 MiB     ~12M     0.437",
    "the largest 1 of 7",
  ]);
  assert.equal(storageLines({ ...ANSWER, hosts: [] }, 80).length, 2);
});

Deno.test("diskSentence() says when the disk is full, that it never is, or why that is not known", () => {
  const free = "disk: 100 GiB of 200 GiB free";
  const forecast = { growth_bytes_per_day: GIB, still_to_come_bytes: 5 * GIB, full_in_days: null };
  assert.equal(
    diskSentence(ANSWER),
    `${free}; grows by ~1 GiB a day: full in ~100 d, on 2025-04-25`,
  );
  assert.equal(
    diskSentence({ ...ANSWER, forecast }),
    `${free}; grows by ~1 GiB a day, ~5 GiB more until as much is dropped as comes: enough`,
  );
  assert.equal(
    diskSentence({ ...ANSWER, forecast: { ...forecast, still_to_come_bytes: null } }),
    `${free}; grows by ~1 GiB a day: enough for a hundred years`,
  );
  assert.equal(
    diskSentence({ ...ANSWER, forecast: null }),
    `${free}; how fast it fills is known after an hour in blocks`,
  );
  assert.match(diskSentence({ ...ANSWER, disk: null }), /^disk: the database is elsewhere/);
});
