/** What is derived from samples: changes, rates, trends, habits; and which reports speak of now. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { arrive, firstArrival, staleAfter } from "../../../server/alerts/arrival.ts";
import { baselineOf, trendOf } from "../../../server/alerts/trend.ts";
import { WatchedHost } from "../../../server/alerts/watched_host.ts";
import { Window, WINDOW_SAMPLES_MAX } from "../../../server/alerts/window.ts";

function windowOf(over_ms: number, samples: [number, number][]): Window {
  const window = new Window(over_ms);
  for (const [at_ms, value] of samples) window.push(at_ms, value);
  return window;
}

Deno.test("Window: a counter's increase is corrected for its resets, from the base before the window", () => {
  const window = windowOf(60_000, [[0, 100], [30_000, 130], [60_000, 5], [90_000, 25]]);
  assert.deepEqual([window.size, window.increase()], [3, 25]);
  assert.equal(window.rate(), 25 / 60);
  assert.equal(windowOf(60_000, [[0, 1]]).rate(), undefined);
});

Deno.test("Window: rates times durations are the whole increase, whatever is thinned out", () => {
  const steps = fc.array(
    fc.record({
      gap_ms: fc.integer({ min: 1, max: 3_000 }),
      by: fc.integer({ min: 0, max: 50 }),
      resets: fc.boolean(),
    }),
    { minLength: 2, maxLength: 1_500 },
  );
  fc.assert(
    fc.property(steps, (all) => {
      const window = new Window(Infinity, 64);
      let [at_ms, value, total] = [0, 7, 0];
      window.push(at_ms, value);
      for (const { gap_ms, by, resets } of all) {
        at_ms += gap_ms;
        // a counter that began anew below where it was
        const next = resets && by < value ? by : value + by;
        total += next < value ? next : next - value;
        value = next;
        window.push(at_ms, value);
      }
      assert.equal(window.increase(), total);
    }),
    { numRuns: 50 },
  );
});

Deno.test("Window keeps a bounded number of samples, its base, and the newest", () => {
  const window = new Window(24 * 3_600_000);
  for (let i = 0; i < 20_000; i++) window.push(i * 10_000, i);
  assert.ok(window.size <= WINDOW_SAMPLES_MAX, `it has ${window.size}`);
  assert.equal(window.newest_ms, 199_990_000);
  const change = window.change() ?? 0;
  assert.ok(Math.abs(change - 8_640) <= 40, `a day's change is ${change}`);
});

Deno.test("Window.fill() puts the past before what came meanwhile", () => {
  const window = windowOf(60_000, [[50_000, 5]]);
  window.fill([0, 20_000, 50_000], [1, 2, 99]);
  assert.deepEqual(window.samples(), { times_ms: [0, 20_000, 50_000], values: [1, 2, 5] });
});

Deno.test("trendOf() finds a line, whatever every tenth point is", () => {
  const wild = fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), {
    minLength: 4,
    maxLength: 4,
  });
  fc.assert(
    fc.property(wild, fc.integer({ min: -5, max: 5 }), (values, slope) => {
      const times_ms = Array.from({ length: 40 }, (_, i) => i * 60_000);
      const line = times_ms.map((_, i) => i % 10 === 3 ? values[(i - 3) / 10] ?? 0 : slope * i);
      const trend = trendOf(times_ms, line, 40 * 60_000);
      // four in five pairs are of the line itself, so the median is its slope
      assert.ok(Math.abs((trend?.slope_per_ms ?? NaN) * 60_000 - slope) < 1e-9);
      assert.ok(Math.abs((trend?.valueAt(60 * 60_000) ?? NaN) - slope * 60) < 1e-6);
    }),
    { numRuns: 50 },
  );
});

Deno.test("trendOf() says nothing of too few points, or of too short a time", () => {
  const minutes = (count: number) => Array.from({ length: count }, (_, i) => i * 60_000);
  assert.equal(trendOf(minutes(5), minutes(5), 60_000), undefined);
  assert.equal(trendOf(minutes(10), minutes(10), 3_600_000), undefined);
  assert.equal(trendOf(minutes(20), minutes(20), 3_600_000)?.valueAt(7_200_000), 7_200_000);
});

Deno.test("baselineOf(): one wild value does not move it, and a constant has a spread", () => {
  const values = [10, 11, 9, 10, 12, 10, 9, 11, 10, 10, 11, 1e9];
  const usual = baselineOf(values);
  assert.equal(usual?.center, 10);
  assert.ok((usual?.spread ?? 0) < 2);
  assert.ok((baselineOf(Array(12).fill(5))?.spread ?? 0) > 0);
  assert.ok((baselineOf(Array(12).fill(0))?.spread ?? 0) > 0);
  assert.equal(baselineOf([1, 2, 3]), undefined);
});

Deno.test("arrive(): history is told from the present, and from a clock that is behind", () => {
  const backlog = firstArrival();
  const came = (at_s: number, now_s: number) => arrive(backlog, at_s * 1000, now_s * 1000);
  assert.equal(came(0, 0), true);
  // an agent that was offline: each report lies less far back
  const sent = Array.from({ length: 50 }, (_, i) => came(10 + i * 10, 3_600 + i));
  assert.ok(sent.every((isNow) => !isNow));
  assert.equal(came(3_660, 3_661), true);
  assert.equal(came(3_650, 3_662), false);

  const slow = firstArrival();
  const ticks = Array.from({ length: 9 }, (_, i) => arrive(slow, i * 10_000, 600_000 + i * 10_000));
  assert.deepEqual(ticks, [false, false, false, false, false, true, true, true, true]);

  const fast = firstArrival();
  assert.equal(arrive(fast, 900_000, 0), true);
  // its clock is set right: it is not blind until ours has caught up
  assert.equal(arrive(fast, 10_000, 10_000), true);
});

Deno.test("arrive(): a clock that was set back is told from history that comes late", () => {
  const ticks = Array.from({ length: 9 }, (_, i) => i * 10_000);
  const set = firstArrival();
  assert.equal(arrive(set, 3_600_000, 3_600_000), true);
  const came = ticks.map((at_ms) => arrive(set, 10_000 + at_ms, 3_610_000 + at_ms));
  assert.deepEqual(came, [false, false, false, false, false, true, true, true, true]);
  // it is set right again
  assert.equal(arrive(set, 3_700_000, 3_700_000), true);

  // at once, however close together they were made
  for (const interval_ms of [100, 1_000, 10_000]) {
    const backlog = firstArrival();
    assert.equal(arrive(backlog, 3_600_000, 3_600_000), true);
    for (let i = 0; i < 300; i++) {
      assert.equal(arrive(backlog, i * interval_ms, 3_600_000 + i), false);
    }
  }
});

Deno.test("staleAfter(): three intervals, learned slowly", () => {
  const arrivals = firstArrival();
  assert.equal(staleAfter(arrivals), 300_000);
  for (let i = 0; i < 10; i++) arrive(arrivals, i * 60_000, i * 60_000);
  assert.equal(staleAfter(arrivals), 180_000);
  arrive(arrivals, 3_600_000, 3_600_000);
  assert.ok(staleAfter(arrivals) < 250_000, "one gap is no habit");
});

Deno.test("a host whose metrics come and go is remembered by its newest shapes alone", () => {
  const host = new WatchedHost({ id: 1, hostname: "a", alias: null, location: null, tags: {} });
  const plan = { values: [], windows: [], absences: [], scripts: [] };
  for (let i = 0; i < 1_000; i++) host.arrive(host.shape(i, () => plan), i * 10_000, i * 10_000);
  assert.equal(host.shapes.size, 64);
  assert.deepEqual([...host.shapes.keys()].slice(0, 2), [936, 937]);
  assert.equal(host.isSilent(9_990_000), false);
});
