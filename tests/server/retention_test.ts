/** How long what is kept, by rules. */
import assert from "node:assert/strict";
import { keptMs, RetentionClasses } from "../../server/retention.ts";

const USUAL = { raw_days: 30, five_minutes_days: 180, one_hour_days: 1_095, one_day_days: null };

Deno.test("RetentionClasses: the first rule that matches counts, what it leaves out is as usual", () => {
  const classes = new RetentionClasses({
    ...USUAL,
    rules: [
      { metrics: ["debug.*", "trace_?"], raw_days: 2, one_day_days: 30 },
      { metrics: ["debug.keep", "billing.*"], raw_days: 400, five_minutes_days: 800 },
    ],
  });
  assert(classes.divided);
  assert.deepEqual(
    ["cpu", "debug.x", "trace_1", "debug.keep", "billing.a"].map((name) => classes.classOf(name)),
    [0, 1, 1, 1, 2],
  );
  assert.deepEqual(classes.longest(["debug.x"]), { ...USUAL, raw_days: 2, one_day_days: 30 });
  // a shape from before there were rules
  const mixed = ["cpu", "debug.x", "billing.a"];
  assert.deepEqual(classes.longest(mixed), { ...USUAL, raw_days: 400, five_minutes_days: 800 });
  assert.deepEqual(classes.shortest(mixed), { ...USUAL, raw_days: 2, one_day_days: 30 });
  assert.equal(classes.longest([]).raw_days, 30);
});

Deno.test("RetentionClasses without rules is one class", () => {
  const classes = new RetentionClasses(USUAL);
  assert(!classes.divided);
  assert.equal(classes.classOf("debug.x"), 0);
  assert.equal(keptMs(classes.shortest(["a", "b"]))["1d"], Infinity);
});
