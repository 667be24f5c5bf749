import assert from "node:assert/strict";
import { FakeClock } from "./fake_clock.ts";

Deno.test("FakeClock.advance() wakes sleepers in order, each at its own time", async () => {
  const clock = new FakeClock(1_000);
  const woken: string[] = [];
  const sleep = async (name: string, ms: number) => {
    await clock.sleep(ms);
    woken.push(`${name} ${clock.now()}`);
  };
  const late = sleep("late", 30);
  const twice = sleep("early", 10).then(() => sleep("again", 10));
  await clock.advance(29);
  assert.deepEqual(woken, ["early 1010", "again 1020"]);
  assert.equal(clock.sleeping, 1);
  await clock.advance(1);
  await Promise.all([late, twice]);
  assert.deepEqual(woken, ["early 1010", "again 1020", "late 1030"]);
  assert.equal(clock.monotonic(), 30);
});

Deno.test("FakeClock.set() moves the wall clock alone", async () => {
  const clock = new FakeClock(1_000);
  const slept = clock.sleep(10);
  clock.set(0);
  assert.deepEqual([clock.now(), clock.monotonic(), clock.sleeping], [0, 0, 1]);
  await clock.advance(10);
  await slept;
  assert.deepEqual([clock.now(), clock.monotonic()], [10, 10]);
});

Deno.test("FakeClock.sleep() ends when its signal is aborted", async () => {
  const clock = new FakeClock();
  const stop = new AbortController();
  const slept = clock.sleep(10, stop.signal);
  stop.abort();
  await slept;
  await clock.sleep(10, stop.signal);
  assert.equal(clock.sleeping, 0);
});

Deno.test("FakeClock.leap() wakes everybody once, at the end", async () => {
  const clock = new FakeClock(1_000);
  const woken: number[] = [];
  const looking = (async () => {
    for (let look = 0; look < 3; look++) {
      await clock.sleep(10);
      woken.push(clock.now());
    }
  })();
  await clock.leap(1_000_000);
  assert.deepEqual(woken, [1_001_000]);
  await clock.advance(20);
  await looking;
  assert.deepEqual(woken, [1_001_000, 1_001_010, 1_001_020]);
});
