import assert from "node:assert/strict";
import { formatAge, formatTime, parseDuration, parseInstant } from "../../../server/cli/instant.ts";

const NOW_MS = Date.UTC(2026, 0, 31, 12, 0, 0);
const HOUR_MS = 3_600_000;

Deno.test("parseDuration() reads numbers with units, one after the other", () => {
  const cases: [string, number | undefined][] = [
    ["1h", HOUR_MS],
    ["15m", 900_000],
    ["7d", 7 * 24 * HOUR_MS],
    ["2w", 14 * 24 * HOUR_MS],
    ["1h30m", 1.5 * HOUR_MS],
    ["1.5d", 36 * HOUR_MS],
    ["250ms", 250],
    ["1m250ms", 60_250],
    ["", undefined],
    ["1", undefined],
    ["h", undefined],
    ["1 h", undefined],
    ["-1h", undefined],
    ["1M", undefined],
    ["1y", undefined],
    ["1h foo", undefined],
  ];
  for (const [text, expected] of cases) assert.equal(parseDuration(text), expected, text);
});

Deno.test("parseInstant() reads every form the help names", () => {
  const local = (text: string) => new Date(text).getTime();
  const cases: [string, number | undefined][] = [
    ["now", NOW_MS],
    ["now-6h", NOW_MS - 6 * HOUR_MS],
    ["now+1h", NOW_MS + HOUR_MS],
    ["15m", NOW_MS - 900_000],
    ["1h30m", NOW_MS - 1.5 * HOUR_MS],
    ["2026-01-31", local("2026-01-31T00:00:00")],
    ["2026-01-31T12:00", local("2026-01-31T12:00:00")],
    ["2026-01-31 12:00:05", local("2026-01-31T12:00:05")],
    ["2026-01-31T12:00Z", NOW_MS],
    ["2026-01-31T13:00:00.250+01:00", NOW_MS + 250],
    ["1769860800", NOW_MS],
    ["1769860800.5", NOW_MS + 500],
    ["  now ", NOW_MS],
  ];
  for (const [text, expected] of cases) assert.equal(parseInstant(text, NOW_MS), expected, text);
});

Deno.test("parseInstant() refuses what is no point in time", () => {
  const cases = [
    "",
    "yesterday",
    "60",
    "now-",
    "now-6",
    "nowadays",
    "2026-02-30",
    "2026-13-01",
    "2026-01-31T25:00",
    "2026-01-31T12:00:61",
    "31.01.2026",
    "1769860800000",
    "-1h",
  ];
  for (const text of cases) assert.equal(parseInstant(text, NOW_MS), undefined, text);
});

Deno.test("formatAge() uses one unit", () => {
  const cases: [number, string][] = [
    [-5_000, "now"],
    [400, "now"],
    [1_000, "1 s"],
    [119_000, "119 s"],
    [120_000, "2 min"],
    [2 * HOUR_MS, "2 h"],
    [47 * HOUR_MS, "47 h"],
    [48 * HOUR_MS, "2 d"],
  ];
  for (const [age_ms, expected] of cases) assert.equal(formatAge(age_ms), expected);
});

Deno.test("formatTime() is local and sorts as text", () => {
  assert.equal(formatTime(new Date(2026, 0, 3, 4, 5, 6).getTime()), "2026-01-03 04:05:06");
});
