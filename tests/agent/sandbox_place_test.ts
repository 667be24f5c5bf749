/** Who is moved out, split, given up and taken back. */
import assert from "node:assert/strict";
import fc from "fast-check";
import {
  afterAccusation,
  afterGoodRun,
  afterLoss,
  afterStrike,
  afterTimeout,
  HOME,
  type Place,
} from "../../agent/sandbox_place.ts";

const times = (count: number, step: (place: Place) => Place, from: Place) =>
  Array.from({ length: count }).reduce<Place>(step, from);

Deno.test("a script that misses a deadline gets a Worker, and a strike gives it a process", () => {
  assert.equal(afterTimeout(HOME).apart, "worker");
  assert.equal(afterStrike(afterTimeout(HOME)).apart, "process");
  assert.equal(afterTimeout(afterStrike(HOME)).apart, "process", "it does not come back by that");
  assert.equal(afterStrike(afterStrike(HOME)).strikes, 2);
  assert.equal(afterAccusation(HOME).strikes, 0, "that was no fault");
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

Deno.test("suspects are split until the culprit is alone, and nobody needs more than six steps", () => {
  const names = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 20 }), {
    minLength: 2,
    maxLength: 60,
  });
  fc.assert(fc.property(names, fc.nat(), (all, pick) => {
    const culprit = all[pick % all.length] ?? "";
    const places = new Map(all.map((name) => [name, HOME]));
    const home = (name: string) => {
      const { apart, half } = places.get(name) ?? HOME;
      return apart === "process" ? name : half;
    };
    let steps = 0;
    for (; steps < 6; steps++) {
      const suspects = all.filter((name) => home(name) === home(culprit));
      if (suspects.length === 1) break;
      for (const name of suspects) places.set(name, afterLoss(places.get(name) ?? HOME, name));
    }
    assert.deepEqual(all.filter((name) => home(name) === home(culprit)), [culprit]);
  }));
});

Deno.test("names that differ in their last letter do not all go into the same half", () => {
  const halves = Array.from({ length: 16 }, (_, n) => afterLoss(HOME, `disk_${n}`).half);
  const first = halves.filter((half) => half === "0").length;
  assert.ok(first >= 4 && first <= 12, `${first} of 16`);
});
