import assert from "node:assert/strict";
import fc from "fast-check";
import { forecast, type GrowingTier, growthPerDay } from "../../../server/query/forecast.ts";

const DAY_MS = 86_400_000;
const NOW_MS = Date.UTC(2025, 0, 15, 12);

const tier = (growth: number, age_days = 0, retention_days: number | null = null): GrowingTier => ({
  growth_bytes_per_day: growth,
  age_days,
  retention_days,
});

Deno.test("forecast(): the day on which growth has used what is free", () => {
  assert.deepEqual(forecast([tier(10), tier(5)], 300), {
    growth_bytes_per_day: 15,
    still_to_come_bytes: null,
    full_in_days: 20,
  });
  // 10 a day for 10 days, then 5 a day
  assert.equal(forecast([tier(5), tier(5, 20, 30)], 150).full_in_days, 20);
  assert.equal(forecast([tier(5, 20, 30), tier(5)], 100).full_in_days, 10);
});

Deno.test("forecast(): a disk is never full where as much is dropped as comes", () => {
  assert.deepEqual(forecast([tier(10, 25, 30), tier(1, 0, 180)], 231), {
    growth_bytes_per_day: 11,
    still_to_come_bytes: 230,
    full_in_days: null,
  });
  assert.equal(forecast([tier(10, 25, 30), tier(1, 0, 180)], 229).full_in_days, 179);
  assert.equal(forecast([tier(10, 40, 30)], 0).full_in_days, null);
  assert.deepEqual(forecast([], 0), {
    growth_bytes_per_day: 0,
    still_to_come_bytes: 0,
    full_in_days: null,
  });
  assert.equal(forecast([tier(1)], 1e9).full_in_days, null, "not within a hundred years");
});

Deno.test("forecast() agrees with counting day by day", () => {
  const tiers = fc.array(
    fc.record({
      growth_bytes_per_day: fc.nat(100),
      age_days: fc.nat(50),
      retention_days: fc.option(fc.nat(100)),
    }),
    { maxLength: 4 },
  );
  fc.assert(fc.property(tiers, fc.nat(5_000), (all, free) => {
    let used = 0;
    let day = 0;
    for (; day < 1_000 && used <= free; day++) {
      for (const { growth_bytes_per_day, age_days, retention_days } of all) {
        const grows = retention_days === null || age_days + day < retention_days;
        used += grows ? growth_bytes_per_day : 0;
      }
    }
    const { full_in_days } = forecast(all, free);
    if (used <= free) assert.ok(full_in_days === null || full_in_days >= 1_000);
    else assert.equal(Math.floor(full_in_days ?? NaN) + 1, day);
  }));
});

Deno.test("growthPerDay() takes the newest partitions that hold a day, and only their used part", () => {
  const partition = (days_ago: number, bytes: number, days = 1) => {
    const start_ms = NOW_MS - NOW_MS % DAY_MS - days_ago * DAY_MS;
    return { start_ms, end_ms: start_ms + days * DAY_MS, bytes };
  };
  const times = { oldest_ms: NOW_MS - 10 * DAY_MS, newest_ms: NOW_MS, now_ms: NOW_MS };
  // half of today and all of yesterday
  const daily = [partition(2, 7_777), partition(0, 100), partition(1, 200)];
  assert.equal(growthPerDay(daily, times), 200);
  // a month that began ten days ago
  assert.equal(growthPerDay([partition(10, 1_050, 31)], { ...times, oldest_ms: 0 }), 100);
  // data begins in the middle of a partition
  const young = { ...times, oldest_ms: NOW_MS - DAY_MS / 4 };
  assert.equal(growthPerDay([partition(0, 100)], young), 400);
  assert.equal(
    growthPerDay([partition(0, 100)], { ...times, oldest_ms: NOW_MS - 60_000 }),
    undefined,
  );
  const old = { ...times, newest_ms: NOW_MS - 3 * DAY_MS };
  assert.equal(growthPerDay(daily, old), 0, "nothing has come for days");
});
