/** Who is moved out, split, given up and taken back. */
import assert from "node:assert/strict";
import fc from "fast-check";
import {
  afterGoodRun,
  afterHog,
  afterStrike,
  afterTimeout,
  HOME,
  type Place,
  split,
} from "../../agent/sandbox_place.ts";

const times = (count: number, step: (place: Place) => Place, from: Place) =>
  Array.from({ length: count }).reduce<Place>(step, from);

Deno.test("a script that misses a deadline gets a Worker, and a strike gives it a process", () => {
  assert.equal(afterTimeout(HOME).apart, "worker");
  assert.equal(afterStrike(afterTimeout(HOME)).apart, "process");
  assert.equal(afterTimeout(afterStrike(HOME)).apart, "process", "it does not come back by that");
  assert.equal(afterStrike(afterStrike(HOME)).strikes, 2);
  assert.equal(afterHog(HOME).strikes, 0, "that was no fault");
});

Deno.test("good runs bring a script back, the second time after twice as many", () => {
  const out = afterStrike(HOME);
  assert.equal(times(19, afterGoodRun, out).apart, "process");
  const back = times(20, afterGoodRun, out);
  assert.deepEqual([back.apart, back.strikes, back.good_runs], ["shared", 0, 0]);
  assert.equal(times(39, afterGoodRun, afterStrike(back)).apart, "process");
  assert.equal(times(40, afterGoodRun, afterStrike(back)).apart, "shared");
  assert.equal(
    times(19, afterGoodRun, afterTimeout(times(19, afterGoodRun, out))).apart,
    "process",
  );
});

Deno.test("split() finds one suspect among many in as many steps as halving takes", () => {
  fc.assert(fc.property(fc.integer({ min: 1, max: 100 }), fc.nat(), (count, pick) => {
    const culprit = pick % count;
    let places = Array.from({ length: count }, () => HOME);
    let steps = 0;
    for (;; steps++) {
      const home = places[culprit]?.half;
      const suspects = places.flatMap(({ half }, index) => half === home ? [index] : []);
      if (suspects.length === 1) break;
      const moved = split(suspects.map((index) => places[index] ?? HOME));
      places = places.map((place, index) => moved[suspects.indexOf(index)] ?? place);
    }
    assert.ok(steps <= Math.ceil(Math.log2(count)), `${steps} steps for ${count}`);
  }));
});
