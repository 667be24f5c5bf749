/** Downtimes in the page: what the fields ask for, and times as people name them. */
import assert from "node:assert/strict";
import { Cron } from "croner";
import fc from "fast-check";
import { bodyOf, type DowntimeFields, readLasting } from "../../../server/web/downtime_fields.ts";
import {
  dayAt,
  localText,
  nextWeekday,
  quickMoments,
  readLocal,
} from "../../../server/web/moments.ts";
import { type Every, patternOf, patternText } from "../../../server/web/recurrence.ts";

const FIELDS: DowntimeFields = {
  ...{ hosts: "", tags: "", rules: "", all: false, is_recurring: false, from: "", until: "" },
  ...{ every: "week", days: [0, 3], day_of_month: 1, time: "02:30", pattern: "", lasts: "2h" },
  ...{ zone: "Europe/Berlin", last_day: "", note: " new kernel " },
};

Deno.test("bodyOf() asks for what the fields say, and for nothing when a part is missing", () => {
  const until = "2026-01-31T14:00";
  assert.equal(bodyOf(FIELDS), undefined);
  assert.equal(bodyOf({ ...FIELDS, until }), undefined);
  assert.deepEqual(bodyOf({ ...FIELDS, hosts: "web-*, db-1 x", tags: "env=test, role", until }), {
    hosts: ["web-*", "db-1", "x"],
    tags: { env: "test", role: "*" },
    rules: [],
    note: "new kernel",
    start: undefined,
    end: new Date(2026, 0, 31, 14).getTime() / 1000,
  });
  // whoever names something does not mean everything
  assert.equal(bodyOf({ ...FIELDS, hosts: "a", all: true, until })?.all, undefined);
  assert.equal(bodyOf({ ...FIELDS, all: true, until })?.all, true);
  const weekly = { ...FIELDS, rules: "Disk full", is_recurring: true, last_day: "2026-02-01" };
  assert.deepEqual(bodyOf(weekly), {
    ...{ hosts: [], tags: {}, rules: ["Disk full"], note: "new kernel", start: undefined },
    end: new Date(2026, 1, 1, 23, 59, 59).getTime() / 1000,
    ...{ pattern: "30 2 * * 0,3", duration_s: 7_200, zone: "Europe/Berlin" },
  });
  assert.equal(bodyOf({ ...weekly, lasts: "long" }), undefined);
  assert.equal(bodyOf({ ...weekly, days: [] }), undefined);
});

Deno.test("readLasting() reads lengths of time", () => {
  assert.deepEqual(["2h", "1h 30min", "90", "1d", "", "0", "2 hours?", "x"].map(readLasting), [
    7_200,
    5_400,
    90,
    86_400,
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
});

Deno.test("patternOf() makes patterns that croner takes, patternText() says them", () => {
  const choice = fc.record({
    every: fc.constantFrom<Every>("day", "weekdays", "week", "month"),
    days: fc.uniqueArray(fc.integer({ min: 0, max: 6 }), { minLength: 1 }),
    day_of_month: fc.integer({ min: 1, max: 28 }),
    hour: fc.integer({ min: 0, max: 23 }),
    minute: fc.integer({ min: 0, max: 59 }),
  });
  fc.assert(fc.property(choice, ({ hour, minute, ...one }) => {
    const time = `${String(hour).padStart(2, "0")}:${String(minute).padStart(2, "0")}`;
    const pattern = patternOf({ ...one, time, pattern: "" });
    assert(pattern !== undefined);
    const next = new Cron(pattern, { timezone: "UTC", paused: true }).nextRun(new Date(0));
    assert.deepEqual([next?.getUTCHours(), next?.getUTCMinutes()], [hour, minute]);
    if (one.every === "week") assert(one.days.includes(next?.getUTCDay() ?? -1));
    assert(patternText(pattern).endsWith(` at ${time}`), patternText(pattern));
  }));
  assert.equal(patternText("0 2 * * SUN,WED"), "every Sunday and Wednesday at 02:00");
  assert.equal(patternText("0 2 * * 1-5"), "Monday to Friday at 02:00");
  assert.equal(patternText("*/5 * * * *"), "at */5 * * * *");
  assert.equal(patternText("0 0 2 * * SUN"), "at 0 0 2 * * SUN");
});

Deno.test("quickMoments() are in the future, in order, and Monday is never today", () => {
  fc.assert(fc.property(fc.integer({ min: 0, max: 4e9 }), (now_s) => {
    const moments = quickMoments(now_s);
    for (const { at_s } of moments) assert(at_s > now_s);
    const monday_s = nextWeekday(now_s, 1, 8);
    const monday = new Date(monday_s * 1000);
    assert.deepEqual([monday.getDay(), monday.getHours()], [1, 8]);
    assert(monday_s - now_s <= 8 * 86_400);
    assert(monday.toDateString() !== new Date(now_s * 1000).toDateString());
    assert.equal(readLocal(localText(now_s)), Math.floor(now_s / 60) * 60);
  }));
  const sunday_s = new Date(2026, 0, 4, 12).getTime() / 1000;
  assert.deepEqual(quickMoments(sunday_s).map(({ name }) => name), ["h1", "h2", "h8", "tomorrow"]);
  assert.equal(dayAt(sunday_s, 1, 8), new Date(2026, 0, 5, 8).getTime() / 1000);
  assert.equal(readLocal("2026-01"), undefined);
});
