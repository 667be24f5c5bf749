import assert from "node:assert/strict";
import { judge, quantile, slopeOf, tableOf } from "./verdict.ts";
import { expectedTroubles, isInTrouble, troubleFaults, wordsTold } from "./troubles.ts";

const allowed = { share: 0.1, least: 5 };
const steady = Array.from({ length: 30 }, (_, i) => 200 + (i % 3));

Deno.test("judge() sees a slow leak, and not a few wild slices", () => {
  const leak = steady.map((value, i) => value + i);
  const wild = steady.map((value, i) => i % 8 === 7 ? value * 3 : value);
  const of = (slices: number[]) => judge({ name: "rss", unit: "MB", slices, allowed }, true);
  assert.equal(of(leak).grew, true);
  assert.ok((of(leak).growth ?? 0) > 20);
  assert.equal(of(steady).grew, false);
  assert.equal(of(wild).grew, false);
});

Deno.test("judge() leaves out the warm-up, and says start, middle and end", () => {
  const slices = steady.map((value, i) => i < 4 ? value - 150 : value);
  const judged = judge({ name: "rss", unit: "MB", slices, allowed }, true);
  assert.deepEqual([judged.start, judged.middle, judged.end], [201, 201, 201]);
  assert.equal(judged.grew, false);
});

Deno.test("judge() has no verdict on what is meant to grow, or on a short run", () => {
  const slices = steady.map((value, i) => value + 100 * i);
  const measure = { name: "stored", unit: "MB", slices };
  assert.equal(judge(measure, true).grew, false);
  assert.equal(judge({ ...measure, allowed }, false).growth, undefined);
});

Deno.test("slopeOf() and quantile() of little or nothing", () => {
  assert.equal(slopeOf([]), 0);
  assert.equal(slopeOf([1, undefined]), 0);
  assert.equal(slopeOf([1, undefined, 5]), 2);
  assert.equal(quantile([], 0.99), undefined);
  assert.equal(quantile([3, 1, 2], 0.99), 3);
});

Deno.test("tableOf() marks what grew", () => {
  const leak = judge(
    { name: "rss", unit: "MB", slices: steady.map((v, i) => v + i), allowed },
    true,
  );
  assert.match(tableOf([leak]), /^rss, MB .* GREW$/m);
});

const plan = { hosts: 10, every_s: 2, lasts_s: 4, end_s: 30 };

Deno.test("isInTrouble() and expectedTroubles() are about the same troubles", () => {
  const begun = new Map<string, number>();
  for (let host = 0; host < plan.hosts; host++) {
    for (let second = 1; second < plan.end_s; second++) {
      if (isInTrouble(host, second, plan) && !isInTrouble(host, second - 1, plan)) {
        const name = `soak-000${host}`;
        begun.set(name, (begun.get(name) ?? 0) + 1);
      }
    }
    assert.equal(isInTrouble(host, plan.end_s - 1, plan), false, "nobody hears that it is over");
  }
  assert.deepEqual([...begun].sort(), [...expectedTroubles(plan, plan.end_s)].sort());
  assert.ok(begun.size > 5);
});

Deno.test("troubleFaults() sees what was not told, told twice, or in the wrong order", () => {
  const expected = new Map([["a", 1]]);
  const of = (...words: string[]) => troubleFaults(expected, new Map([["a", words]]));
  assert.deepEqual(of("firing", "resolved"), []);
  assert.deepEqual(of("firing", "resolved", "firing"), [], "cut off by the end");
  for (const wrong of [[], ["firing"], ["resolved", "firing"], ["firing", "firing", "resolved"]]) {
    assert.equal(of(...wrong).length, 1, wrong.join());
  }
});

Deno.test("wordsTold() counts a key once", () => {
  const message = (key: string, status: string) => ({
    ...{ method: "POST", path: "/", headers: new Headers() },
    text: JSON.stringify({ key, status, incidents: [{ hostname: "a" }] }),
  });
  const received = [message("1", "firing"), message("1", "firing"), message("2", "resolved")];
  assert.deepEqual([...wordsTold({ received })], [["a", ["firing", "resolved"]]]);
});
