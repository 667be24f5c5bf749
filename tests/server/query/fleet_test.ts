import assert from "node:assert/strict";
import fc from "fast-check";
import { AGGREGATES, Fleet, isPercentile, type Percentile } from "../../../server/query/fleet.ts";
import { Grid } from "../../../server/query/grid.ts";

const STEPS = 3;
const SHARES: Record<Percentile, number> = { p50: 0.5, p90: 0.9, p95: 0.95, p99: 0.99 };

/** A host's value in each step, as a rate; NaN is none. */
type Host = number[];

function fleetOf(hosts: readonly Host[]): Fleet {
  const fleet = new Fleet(STEPS, true);
  for (const host of hosts) {
    const grid = new Grid(0, 1_000, STEPS);
    grid.count.fill(1);
    fleet.add(grid, Float64Array.from(host));
  }
  return fleet;
}

/** Counts hosts instead of looking at a place: no host is between the two that it stands between. */
function naive(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const points = sorted.map((value, i) => [i / Math.max(1, sorted.length - 1), value] as const);
  const [at_low, low] = points.findLast(([at]) => at <= share + 1e-12) ?? [0, NaN];
  const [at_high, high] = points.find(([at]) => at >= share - 1e-12) ?? [at_low, low];
  return at_high <= at_low ? low : low + (high - low) * (share - at_low) / (at_high - at_low);
}

const value = fc.oneof(
  { weight: 6, arbitrary: fc.double({ min: -1e6, max: 1e6, noNaN: true }) },
  { weight: 2, arbitrary: fc.constantFrom(0, 1, 50) },
  { weight: 2, arbitrary: fc.constant(NaN) },
);
const fleet = fc.array(fc.array(value, { minLength: STEPS, maxLength: STEPS }), { maxLength: 40 });

Deno.test("percentiles over hosts are those of a naive count, in one part or in two", () => {
  fc.assert(fc.property(fleet, fc.nat(40), (hosts, cut) => {
    const whole = fleetOf(hosts);
    const joined = fleetOf(hosts.slice(0, cut));
    joined.join(fleetOf(hosts.slice(cut)));
    for (let step = 0; step < STEPS; step++) {
      const values = hosts.map((host) => host[step] ?? NaN).filter((one) => !Number.isNaN(one));
      for (const aggregate of AGGREGATES.filter(isPercentile)) {
        const found = whole.valueAt(step, aggregate);
        assert.equal(joined.valueAt(step, aggregate), found);
        if (values.length === 0) {
          assert.equal(found, undefined);
          continue;
        }
        const expected = naive(values, SHARES[aggregate]);
        assert.ok(
          found !== undefined && Math.abs(found - expected) <= 1e-6,
          `${found} ${expected}`,
        );
        assert.ok(found >= Math.min(...values) - 1e-9 && found <= Math.max(...values) + 1e-9);
      }
    }
  }));
});
