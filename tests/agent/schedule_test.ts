import assert from "node:assert/strict";
import type { Tick } from "../../agent/plan.ts";
import { Schedule } from "../../agent/schedule.ts";
import { FakeClock } from "../support/fake_clock.ts";

const NOON_MS = Date.UTC(2025, 0, 15, 12, 0, 0);

function start(options: { ends?: boolean } = {}) {
  const clock = new FakeClock(NOON_MS + 3_400);
  const ticks: Tick[] = [];
  const schedule = new Schedule({
    clock,
    onTick: (tick) => {
      ticks.push(tick);
      if (options.ends ?? true) { for (const name of tick.scripts) schedule.ended(name); }
    },
  });
  const stop = new AbortController();
  const done = schedule.run(stop.signal);
  return {
    clock,
    schedule,
    ticks,
    stop: async () => {
      stop.abort();
      await done;
    },
  };
}

Deno.test("Schedule runs new scripts at once, and from then on aligned", async () => {
  const { clock, schedule, ticks, stop } = start();
  schedule.set(new Map([["a", 10_000], ["b", 5_000]]));
  assert.deepEqual(ticks, [{ at_ms: NOON_MS + 3_400, scripts: ["a", "b"] }]);
  await clock.advance(6_600);
  assert.deepEqual(ticks.slice(1), [
    { at_ms: NOON_MS + 5_000, scripts: ["b"] },
    { at_ms: NOON_MS + 10_000, scripts: ["a", "b"] },
  ]);
  await stop();
});

Deno.test("Schedule.set() keeps the rhythm of scripts that stay, and stops those that go", async () => {
  const { clock, schedule, ticks, stop } = start();
  schedule.set(new Map([["a", 10_000], ["b", 10_000]]));
  schedule.set(new Map([["a", 10_000], ["c", 10_000]]));
  assert.deepEqual(ticks.map(({ scripts }) => scripts), [["a", "b"], ["c"]]);
  await clock.advance(10_000);
  assert.deepEqual(ticks.at(-1), { at_ms: NOON_MS + 10_000, scripts: ["a", "c"] });
  await stop();
});

Deno.test("Schedule.set() runs a changed script at once, without shifting it, unless it is running", async () => {
  const { clock, schedule, ticks, stop } = start({ ends: false });
  const timetable = new Map([["a", 10_000], ["b", 10_000]]);
  schedule.set(timetable);
  schedule.ended("a");
  await clock.advance(1_000);
  schedule.set(timetable, { run_now: new Set(["a", "b"]) });
  assert.deepEqual(ticks.slice(1), [{ at_ms: NOON_MS + 4_400, scripts: ["a"] }]);
  schedule.ended("a");
  schedule.ended("b");
  await clock.advance(5_600);
  assert.deepEqual(ticks.slice(2), [{ at_ms: NOON_MS + 10_000, scripts: ["a", "b"] }]);
  await stop();
});

Deno.test("Schedule counts the ticks of a script that does not end", async () => {
  const { clock, schedule, ticks, stop } = start({ ends: false });
  schedule.set(new Map([["a", 10_000]]));
  await clock.advance(30_000);
  assert.equal(ticks.length, 1);
  assert.equal(schedule.missed(), 3);
  schedule.ended("a");
  await clock.advance(10_000);
  assert.equal(ticks.length, 2);
  await stop();
});

Deno.test("Schedule notices within 30 s that the clock was set", async () => {
  const { clock, schedule, ticks, stop } = start();
  schedule.set(new Map([["a", 3_600_000]]));
  await clock.advance(0);
  clock.set(NOON_MS + 7_200_000 - 1_000);
  await clock.advance(30_000);
  assert.deepEqual(ticks.map(({ at_ms }) => at_ms - NOON_MS), [3_400, 7_229_000]);
  await stop();
});

Deno.test("Schedule.run() ends when it is told to, asleep or not", async () => {
  const { clock, stop } = start();
  await stop();
  assert.equal(clock.sleeping, 0);
});
