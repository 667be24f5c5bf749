import assert from "node:assert/strict";
import fc from "fast-check";
import { alignedAfter, LATE_MS_MAX, plan, type Timetable, WAKE_MS_MAX } from "../../agent/plan.ts";

const NOON_MS = Date.UTC(2025, 0, 15, 12, 0, 0);

function timetable(entries: Record<string, [every_ms: number, next_ms: number]>): Timetable {
  return new Map(
    Object.entries(entries).map(([name, [every_ms, next_ms]]) => [name, { every_ms, next_ms }]),
  );
}

const none = new Set<string>();

Deno.test("plan() starts what is due, stamped with its multiple of the interval", () => {
  const table = timetable({ cpu: [10_000, NOON_MS], slow: [60_000, NOON_MS + 60_000] });
  const { ticks, wake_in_ms, missed } = plan(table, { now_ms: NOON_MS + 3, running: none });
  assert.deepEqual(ticks, [{ at_ms: NOON_MS, scripts: ["cpu"] }]);
  assert.deepEqual(missed, []);
  assert.equal(wake_in_ms, 9_997);
});

Deno.test("plan() puts scripts of different intervals into one tick when they meet", () => {
  const table = timetable({ a: [10_000, NOON_MS], b: [30_000, NOON_MS], c: [60_000, NOON_MS] });
  const { ticks } = plan(table, { now_ms: NOON_MS, running: none });
  assert.deepEqual(ticks, [{ at_ms: NOON_MS, scripts: ["a", "b", "c"] }]);
});

Deno.test("plan() runs a script once after a long sleep, stamped with the present", () => {
  const table = timetable({ a: [10_000, NOON_MS], b: [1_000, NOON_MS] });
  const { ticks } = plan(table, { now_ms: NOON_MS + 3_605_500, running: none });
  assert.deepEqual(ticks, [
    { at_ms: NOON_MS + 3_605_000, scripts: ["b"] },
    { at_ms: NOON_MS + 3_605_500, scripts: ["a"] },
  ]);
});

Deno.test("plan() does not start a script that is still running, and counts it", () => {
  const table = timetable({ a: [10_000, NOON_MS], b: [10_000, NOON_MS] });
  const { ticks, missed, timetable: next } = plan(table, {
    now_ms: NOON_MS,
    running: new Set(["a"]),
  });
  assert.deepEqual(ticks, [{ at_ms: NOON_MS, scripts: ["b"] }]);
  assert.deepEqual(missed, ["a"]);
  assert.equal(next.get("a")?.next_ms, NOON_MS + 10_000);
});

Deno.test("plan() runs no tick twice when the clock is put back a little", () => {
  const table = timetable({ a: [10_000, NOON_MS + 10_000] });
  const decided = plan(table, { now_ms: NOON_MS - 40, running: none });
  assert.deepEqual(decided.ticks, []);
  assert.equal(decided.wake_in_ms, 10_040);
});

Deno.test("plan() starts anew when the clock is put back a year", () => {
  const table = timetable({ a: [10_000, NOON_MS + 365 * 86_400_000] });
  const decided = plan(table, { now_ms: NOON_MS + 1, running: none });
  assert.deepEqual(decided.ticks, []);
  assert.equal(decided.wake_in_ms, 9_999);
  assert.equal(decided.timetable.get("a")?.next_ms, NOON_MS + 10_000);
});

const anyEntry = fc.record({
  every_ms: fc.integer({ min: 1, max: 3_600 }).map((s) => s * 1_000),
  offset: fc.integer({ min: -100, max: 100 }),
});
const anyNow = fc.integer({ min: 0, max: 4e12 });
const anyTable = fc.dictionary(fc.string({ minLength: 1, maxLength: 3 }), anyEntry);

Deno.test("plan() holds its promises for any timetable and any time", () => {
  fc.assert(fc.property(anyTable, anyNow, fc.func(fc.boolean()), (entries, now_ms, isRunning) => {
    const table: Timetable = new Map(
      Object.entries(entries).map(([name, { every_ms, offset }]) => [name, {
        every_ms,
        next_ms: alignedAfter(now_ms, every_ms) + offset * every_ms,
      }]),
    );
    const running = new Set([...table.keys()].filter((name) => isRunning(name)));
    const decided = plan(table, { now_ms, running });
    const started = decided.ticks.flatMap(({ scripts }) => scripts);
    assert.equal(new Set(started).size, started.length, "a script starts at most once");
    const times = decided.ticks.map(({ at_ms }) => at_ms);
    assert.deepEqual(times, [...new Set(times)].sort((a, b) => a - b), "ticks are in order");
    assert.ok(decided.wake_in_ms > 0 && decided.wake_in_ms <= WAKE_MS_MAX);
    for (const { at_ms, scripts } of decided.ticks) {
      for (const name of scripts) {
        const every_ms = table.get(name)?.every_ms ?? NaN;
        assert.ok(!running.has(name), "a running script is not started");
        const latest_ms = alignedAfter(now_ms, every_ms) - every_ms;
        const late = now_ms - latest_ms > LATE_MS_MAX;
        assert.equal(at_ms, late ? now_ms : latest_ms, "it is the latest multiple, or late");
      }
    }
    for (const [name, { every_ms, next_ms }] of table) {
      const due = next_ms <= now_ms;
      const expected = due ? running.has(name) ? "missed" : "started" : "waits";
      const seen = decided.missed.includes(name)
        ? "missed"
        : started.includes(name)
        ? "started"
        : "waits";
      assert.equal(seen, expected);
      const after_ms = decided.timetable.get(name)?.next_ms ?? NaN;
      assert.equal(after_ms % every_ms, 0, "the next run is aligned");
      assert.ok(after_ms > now_ms && after_ms - now_ms <= 2 * every_ms, "and not far away");
    }
  }));
});

Deno.test("plan() runs every tick exactly once while the clock goes forward in small steps", () => {
  const anySteps = fc.array(fc.integer({ min: 1, max: 999 }), { minLength: 1, maxLength: 200 });
  fc.assert(fc.property(fc.integer({ min: 1, max: 20 }), anySteps, (every_s, steps) => {
    const every_ms = every_s * 1_000;
    let now_ms = NOON_MS;
    let table = timetable({ a: [every_ms, alignedAfter(now_ms, every_ms)] });
    const ran: number[] = [];
    for (const step of steps) {
      now_ms += step;
      const decided = plan(table, { now_ms, running: none });
      table = decided.timetable;
      ran.push(...decided.ticks.map(({ at_ms }) => at_ms));
    }
    const expected: number[] = [];
    for (let at = alignedAfter(NOON_MS, every_ms); at <= now_ms; at += every_ms) expected.push(at);
    assert.deepEqual(ran, expected);
  }));
});
