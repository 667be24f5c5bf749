import assert from "node:assert/strict";
import fc from "fast-check";
import {
  isCronPattern,
  isZone,
  occurrenceAfter,
  occurrenceAt,
} from "../../../server/alerts/calendar.ts";

const HOUR_MS = 3_600_000;
const at = (text: string) => Date.parse(text);
const shown = (ms: number | undefined) => ms === undefined ? undefined : new Date(ms).toISOString();

Deno.test("occurrenceAt(): begins by the wall clock, lasts by the stopwatch, over both changes of the clocks", () => {
  const night = { pattern: "0 2 * * *", duration_ms: 3 * HOUR_MS, zone: "Europe/Berlin" };
  const cases: [string, string | undefined, string | undefined][] = [
    // winter: two o'clock is 01:00 UTC
    ["2025-01-15T00:59:59Z", undefined, undefined],
    ["2025-01-15T01:00:00Z", "2025-01-15T01:00:00.000Z", "2025-01-15T04:00:00.000Z"],
    ["2025-01-15T03:59:59Z", "2025-01-15T01:00:00.000Z", "2025-01-15T04:00:00.000Z"],
    ["2025-01-15T04:00:00Z", undefined, undefined],
    // forward at two: the leap ends at three, 01:00 UTC; three hours later it is six
    ["2025-03-30T01:00:00Z", "2025-03-30T01:00:00.000Z", "2025-03-30T04:00:00.000Z"],
    // summer: two o'clock is 00:00 UTC
    ["2025-07-01T00:00:00Z", "2025-07-01T00:00:00.000Z", "2025-07-01T03:00:00.000Z"],
    // back at three: two o'clock comes twice and counts the first time
    ["2025-10-26T00:00:00Z", "2025-10-26T00:00:00.000Z", "2025-10-26T03:00:00.000Z"],
    ["2025-10-26T02:30:00Z", "2025-10-26T00:00:00.000Z", "2025-10-26T03:00:00.000Z"],
    ["2025-10-26T03:00:00Z", undefined, undefined],
  ];
  for (const [time, start, end] of cases) {
    const occurrence = occurrenceAt(night, at(time));
    assert.deepEqual([shown(occurrence?.start_ms), shown(occurrence?.end_ms)], [start, end], time);
  }
});

Deno.test("occurrenceAfter(): strictly after, and undefined when none comes any more", () => {
  const sundays = { pattern: "0 0 3 * * SUN", duration_ms: HOUR_MS, zone: "America/New_York" };
  const first = occurrenceAfter(sundays, at("2025-01-15T12:00:00Z"));
  assert.equal(shown(first?.start_ms), "2025-01-19T08:00:00.000Z");
  const second = occurrenceAfter(sundays, first?.start_ms ?? 0);
  assert.equal(shown(second?.start_ms), "2025-01-26T08:00:00.000Z");
  const once = { ...sundays, pattern: "2025-01-15T12:00:00" };
  assert.equal(occurrenceAfter(once, at("2025-01-16T00:00:00Z")), undefined);
});

Deno.test("occurrenceAt() finds the same as walking from beginning to beginning", () => {
  const zones = [
    "UTC",
    "Europe/Berlin",
    "America/Sao_Paulo",
    "Australia/Lord_Howe",
    "Asia/Kolkata",
  ];
  const patterns = ["*/20 * * * *", "30 2 * * *", "0 0 * * 0", "15 30 1 1,15 * *", "0 0 L * *"];
  const begin_ms = at("2025-03-20T00:00:00Z");
  fc.assert(
    fc.property(
      fc.constantFrom(...zones),
      fc.constantFrom(...patterns),
      fc.integer({ min: 1, max: 50 }),
      fc.integer({ min: 0, max: 20 * 24 * 3_600 }),
      (zone, pattern, hours, after_s) => {
        const recurrence = { pattern, zone, duration_ms: hours * HOUR_MS };
        const time_ms = begin_ms + after_s * 1000;
        let walked = occurrenceAfter(recurrence, time_ms - recurrence.duration_ms - 24 * HOUR_MS);
        let newest: number | undefined;
        while (walked !== undefined && walked.start_ms <= time_ms) {
          newest = walked.start_ms;
          walked = occurrenceAfter(recurrence, walked.start_ms);
        }
        const isIn = newest !== undefined && newest + recurrence.duration_ms > time_ms;
        assert.equal(occurrenceAt(recurrence, time_ms)?.start_ms, isIn ? newest : undefined);
      },
    ),
    { numRuns: 150 },
  );
});

Deno.test("isZone(), isCronPattern() know what can be used", () => {
  assert.deepEqual(["Europe/Berlin", "UTC", "Mars/Base", ""].map(isZone), [
    true,
    true,
    false,
    false,
  ]);
  assert.deepEqual(["0 2 * * *", "61 * * * *", "0 0 30 2 *", ""].map(isCronPattern), [
    true,
    false,
    false,
    false,
  ]);
});
