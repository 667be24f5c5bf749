/** Which tier and step a question gets. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { DAY_MS, HOUR_MS, MINUTE_MS, type Tier, TIER_NAMES, TIERS } from "../../../db/tiers.ts";
import { chooseResolution, POINTS_MIN, stepsIn } from "../../../server/query/tier.ts";

const NOW_MS = Date.UTC(2025, 5, 15, 12, 34, 56);
const KEPT_MS = {
  raw: 30 * DAY_MS,
  "5m": 180 * DAY_MS,
  "1h": 1_095 * DAY_MS,
  "1d": Infinity,
};

function choose(range_ms: number, points: number, options: { ago_ms?: number; tier?: Tier } = {}) {
  const to_ms = NOW_MS - (options.ago_ms ?? 0);
  const { tier, step_ms } = chooseResolution({
    from_ms: to_ms - range_ms,
    to_ms,
    points,
    tier: options.tier,
    now_ms: NOW_MS,
    kept_ms: KEPT_MS,
  });
  return `${tier} ${step_ms / 1000}`;
}

Deno.test("chooseResolution() takes the coarsest tier that is fine enough", () => {
  assert.equal(choose(HOUR_MS, 500), "raw 10");
  assert.equal(choose(6 * HOUR_MS, 361), "raw 60");
  assert.equal(choose(DAY_MS, 289), "5m 300");
  assert.equal(choose(7 * DAY_MS, 500), "5m 1800");
  assert.equal(choose(30 * DAY_MS, 500), "1h 7200");
  assert.equal(choose(365 * DAY_MS, 500), "1d 86400");
  assert.equal(choose(3_650 * DAY_MS, 500), "1d 691200");
});

Deno.test("chooseResolution() takes a coarser tier where the finer one is dropped", () => {
  assert.equal(choose(HOUR_MS, 500, { ago_ms: 29 * DAY_MS }), "raw 10");
  assert.equal(choose(HOUR_MS, 500, { ago_ms: 31 * DAY_MS }), "5m 300");
  assert.equal(choose(HOUR_MS, 500, { ago_ms: 200 * DAY_MS }), "1h 3600");
  assert.equal(choose(HOUR_MS, 500, { ago_ms: 2_000 * DAY_MS }), "1d 86400");
});

Deno.test("chooseResolution() keeps to the tier that was asked for", () => {
  assert.equal(choose(HOUR_MS, 500, { tier: "1h" }), "1h 3600");
  assert.equal(choose(30 * DAY_MS, 500, { tier: "raw" }), "raw 7200");
  assert.equal(choose(HOUR_MS, 500, { tier: "5m", ago_ms: 2_000 * DAY_MS }), "5m 300");
});

Deno.test("chooseResolution() without points gives the buckets of a tier", () => {
  const query = { from_ms: 0, to_ms: DAY_MS, points: undefined, now_ms: NOW_MS, kept_ms: KEPT_MS };
  const all = TIER_NAMES.map((tier) => chooseResolution({ ...query, tier }).step_ms);
  assert.deepEqual(all, [0, 5 * MINUTE_MS, HOUR_MS, DAY_MS]);
});

const question = fc.record({
  from_ms: fc.oneof(
    fc.integer({ min: 0, max: NOW_MS }),
    fc.integer({ min: NOW_MS - 40 * DAY_MS, max: NOW_MS }),
  ),
  length_ms: fc.oneof(
    fc.integer({ min: 0, max: NOW_MS }),
    fc.integer({ min: 0, max: 3 * DAY_MS }),
  ),
  points: fc.integer({ min: POINTS_MIN, max: 5_000 }),
  tier: fc.option(fc.constantFrom<Tier>(...TIER_NAMES), { nil: undefined }),
  kept_days: fc.array(fc.integer({ min: 1, max: 900 }), { minLength: 3, maxLength: 3 }),
}).map(({ length_ms, kept_days, ...rest }) => {
  const [raw = 1, five = 1, hours = 1] = kept_days.toSorted((a, b) => a - b);
  return {
    ...rest,
    to_ms: rest.from_ms + length_ms,
    now_ms: NOW_MS,
    kept_ms: { raw: raw * DAY_MS, "5m": five * DAY_MS, "1h": hours * DAY_MS, "1d": Infinity },
  };
});

Deno.test("chooseResolution() never gives more points than asked for", () => {
  fc.assert(fc.property(question, (query) => {
    const { step_ms, steps } = chooseResolution(query);
    assert.ok(steps <= query.points);
    assert.equal(steps, stepsIn(query.from_ms, query.to_ms, step_ms));
  }));
});

Deno.test("chooseResolution() covers the whole range with whole steps of whole buckets", () => {
  fc.assert(fc.property(question, (query) => {
    const { tier, step_ms, from_ms, before_ms, steps } = chooseResolution(query);
    assert.ok(from_ms <= query.from_ms && query.to_ms < before_ms);
    assert.ok(from_ms > query.from_ms - step_ms && before_ms <= query.to_ms + step_ms);
    assert.equal(before_ms - from_ms, steps * step_ms);
    assert.equal(from_ms % step_ms, 0);
    // a bucket that is in two steps, or a step without a bucket, would show as a hole
    assert.equal(step_ms % (TIERS[tier].bucket_ms ?? 1), 0);
  }));
});

Deno.test("chooseResolution() takes no tier that has dropped the beginning, unless told to", () => {
  fc.assert(fc.property(question, (query) => {
    const { tier } = chooseResolution(query);
    if (query.tier !== undefined) assert.equal(tier, query.tier);
    else assert.ok(query.from_ms >= query.now_ms - query.kept_ms[tier]);
  }));
});

Deno.test("chooseResolution() wastes no points: a step less would be too many, or has no tier", () => {
  fc.assert(fc.property(question, (query) => {
    const { tier, step_ms } = chooseResolution(query);
    const bucket_ms = TIERS[tier].bucket_ms ?? 1_000;
    if (step_ms === bucket_ms) return;
    // steps are round: the one before is at least a third of this
    assert.ok(stepsIn(query.from_ms, query.to_ms, Math.ceil(step_ms / 3)) > query.points);
  }));
});
