import assert from "node:assert/strict";
import { activeOccurrence, isAbout, nextOccurrences } from "../../../server/alerts/downtime.ts";

const at = (text: string) => Date.parse(`2025-01-${text}Z`);
const shown = (ms: number) => new Date(ms).toISOString().slice(8, 16);

type Times = Parameters<typeof activeOccurrence>[0];

const ONCE: Times = {
  start_ms: at("15T10:00:00"),
  end_ms: at("15T12:00:00"),
  pattern: null,
  duration_ms: null,
  zone: null,
  ended_ms: null,
};
const NIGHTLY: Times = {
  ...ONCE,
  end_ms: null,
  pattern: "0 22 * * *",
  duration_ms: 4 * 3_600_000,
  zone: "UTC",
};

const isActive = (times: Times, text: string) => activeOccurrence(times, at(text)) !== undefined;

Deno.test("activeOccurrence(): a one-off downtime is in force from its start until before its end", () => {
  const times = ["15T09:59:59", "15T10:00:00", "15T11:59:59", "15T12:00:00"];
  assert.deepEqual(times.map((text) => isActive(ONCE, text)), [false, true, true, false]);
  const ended = { ...ONCE, ended_ms: at("15T11:00:00") };
  assert.equal(activeOccurrence(ended, at("15T11:30:00")), undefined);
});

Deno.test("activeOccurrence(): a recurring one goes over midnight, ends early once, and comes again", () => {
  const times = ["15T21:59:00", "15T23:00:00", "16T01:59:00", "16T02:00:00"];
  assert.deepEqual(times.map((text) => isActive(NIGHTLY, text)), [false, true, true, false]);
  const ended = { ...NIGHTLY, ended_ms: at("15T23:30:00") };
  const later = ["15T23:45:00", "16T01:00:00", "16T22:00:00"];
  assert.deepEqual(later.map((text) => isActive(ended, text)), [false, false, true]);
});

Deno.test("activeOccurrence(): what began before the start does not count, and the end cuts", () => {
  const late = { ...NIGHTLY, start_ms: at("15T22:30:00") };
  assert.equal(isActive(late, "15T23:00:00"), false);
  assert.equal(isActive(late, "16T22:00:00"), true);
  const cut = { ...NIGHTLY, end_ms: at("16T00:00:00") };
  assert.deepEqual([isActive(cut, "15T23:59:00"), isActive(cut, "16T00:00:00")], [true, false]);
});

Deno.test("nextOccurrences(): those to come, cut at the end", () => {
  const list = (times: Times, text: string, count = 3) =>
    nextOccurrences(times, { at_ms: at(text), count })
      .map(({ start_ms, end_ms }) => `${shown(start_ms)} ${shown(end_ms)}`);
  assert.deepEqual(list(ONCE, "15T08:00:00"), ["15T10:00 15T12:00"]);
  assert.deepEqual(list(ONCE, "15T10:00:00"), []);
  assert.deepEqual(list({ ...NIGHTLY, end_ms: at("16T23:00:00") }, "15T00:00:00"), [
    "15T22:00 16T02:00",
    "16T22:00 16T23:00",
  ]);
  // exactly at the start
  assert.equal(
    list({ ...NIGHTLY, start_ms: at("17T22:00:00") }, "15T00:00:00")[0]?.slice(0, 8),
    "17T22:00",
  );
  assert.equal(
    list({ ...NIGHTLY, ended_ms: at("15T23:00:00") }, "15T12:00:00")[0]?.slice(0, 8),
    "16T22:00",
  );
});

Deno.test("isAbout(): everything that is given has to fit", () => {
  const subject = { hostname: "web-1", tags: { env: "prod" }, rule: "cpu high" };
  const nothing = { hostname: null, hosts: [], tags: {}, rules: [] };
  const cases: [object, boolean][] = [
    [{}, true],
    [{ hostname: "web-1" }, true],
    [{ hostname: "web-*" }, false],
    [{ hosts: ["db-?", "web-*"] }, true],
    [{ hosts: ["db-?"] }, false],
    [{ tags: { env: "p*" } }, true],
    [{ tags: { env: "p*", site: "*" } }, false],
    [{ tags: { constructor: "*" } }, false],
    [{ rules: ["cpu*"] }, true],
    [{ hostname: "web-1", rules: ["disk*"] }, false],
  ];
  for (const [given, expected] of cases) {
    assert.equal(isAbout({ ...nothing, ...given }, subject), expected, JSON.stringify(given));
  }
});
