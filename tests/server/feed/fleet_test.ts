/** What simulated hosts send: the same for the same seed, and like what real hosts send. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { parseReport } from "../../../report.ts";
import { DAY_MS, Fleet, HOUR_MS } from "../../../server/feed/fleet.ts";
import { centsText } from "../../../server/feed/metrics.ts";

const BEGIN_MS = Date.UTC(2025, 0, 1);
const INTERVAL_MS = 60_000;
const NO_LIMITS = { future_ms_max: Infinity, past_ms_max: Infinity };

function fleet(options: { seed?: number; hosts?: number; metrics?: number } = {}): Fleet {
  const { seed = 1, hosts = 10, metrics = 20 } = options;
  return new Fleet({ seed, hosts, metrics, interval_ms: INTERVAL_MS, prefix: "sim-" });
}

Deno.test("Fleet: the same seed gives the same bytes, in any order of asking", () => {
  const places = fc.array(fc.tuple(fc.nat(9), fc.nat(10_000)), { minLength: 1, maxLength: 30 });
  fc.assert(fc.property(fc.nat(1e9), places, fc.nat(29), (seed, asked, first) => {
    const [left, right] = [fleet({ seed }), fleet({ seed })];
    const report = (from: Fleet, [host, tick]: [number, number]) =>
      from.report(host, BEGIN_MS + tick * INTERVAL_MS, tick % 2 === 0)?.json;
    const reversed = new Map(asked.toReversed().map((place) => [place, report(right, place)]));
    for (const place of asked) assert.equal(report(left, place), reversed.get(place));
    const place = asked[first % asked.length] ?? [0, 0];
    const other = report(fleet({ seed: seed + 1 }), place);
    assert.ok(other === undefined || other !== report(left, place));
  }));
});

Deno.test("Fleet: every report is taken by the wire contract, name first, then time, then metrics", () => {
  const hosts = fleet({ hosts: 3, metrics: 40 });
  const orders = new Set<string>();
  for (let tick = 0; tick < 3_000; tick++) {
    const at_ms = BEGIN_MS + tick * INTERVAL_MS;
    const report = hosts.report(tick % 3, at_ms, tick < 30);
    if (report === undefined) continue;
    const input: unknown = JSON.parse(report.json);
    const { reports, faults } = parseReport(input, { path: "", now_ms: at_ms, limits: NO_LIMITS });
    assert.deepEqual(faults, []);
    const [parsed] = reports;
    assert.deepEqual([reports.length, parsed?.at_ms, parsed?.names.length], [
      1,
      at_ms,
      report.samples,
    ]);
    assert.match(
      report.json,
      /^\{"hostname":"sim-000[123]","timestamp":\d+,"metrics":\{"cpu_usage":/,
    );
    assert.doesNotMatch(report.json, /\d\.\d{3}/, "two decimals at most");
    orders.add((parsed?.names ?? []).join());
  }
  assert.equal(orders.size, 2, "all metrics, or all but the last");
});

/** Values of one metric of a host over days; undefined where the host is silent. */
function values(of: Fleet, options: { host: number; metric: string; days: number }) {
  const ticks = options.days * DAY_MS / INTERVAL_MS;
  return Array.from({ length: ticks }, (_, tick) => {
    const report = of.report(options.host, BEGIN_MS + tick * INTERVAL_MS);
    if (report === undefined) return undefined;
    const { metrics } = JSON.parse(report.json) as { metrics: Record<string, number> };
    return metrics[options.metric];
  });
}

Deno.test("Fleet: counters grow, begin again with the host, and never otherwise", () => {
  const hosts = fleet({ hosts: 4 });
  let restarts = 0;
  for (const host of [0, 1, 2, 3]) {
    const uptimes = values(hosts, { host, metric: "uptime_seconds", days: 20 });
    const counts = values(hosts, { host, metric: 'http_requests_total{code="200"}', days: 20 });
    let before = { up: -1, count: -1 };
    for (const [i, up] of uptimes.entries()) {
      const count = counts[i];
      if (up === undefined || count === undefined) continue;
      assert.ok(Number.isInteger(count) && count >= 0);
      if (up > before.up) assert.ok(count > before.count, `${before.count} → ${count}`);
      else {
        restarts++;
        assert.ok(up < 600 && count < before.count, `restart at ${up} s: ${count}`);
      }
      before = { up, count };
    }
  }
  assert.ok(restarts >= 2, `${restarts} restarts in 80 host-days`);
});

Deno.test("Fleet: gauges have days, noise and bounds; states and constants are what they are", () => {
  const hosts = fleet({ hosts: 1 });
  const of = (metric: string) => values(hosts, { host: 0, metric, days: 28 });
  const cpu = of("cpu_usage");
  const mean = (from_h: number, to_h: number) => {
    const some = cpu.filter((value, i): value is number => {
      const hour = i * INTERVAL_MS % DAY_MS / HOUR_MS;
      return value !== undefined && hour >= from_h && hour < to_h;
    });
    return some.reduce((sum, value) => sum + value, 0) / some.length;
  };
  assert.ok(mean(13, 19) > mean(1, 7) + 10, `${mean(13, 19)} by day, ${mean(1, 7)} by night`);
  const known = cpu.filter((value) => value !== undefined);
  assert.ok(known.every((value) => value >= 0 && value <= 100));
  assert.ok(new Set(known).size > 1_000, "values differ");
  const steps = known.slice(1).map((value, i) => Math.abs(value - (known[i] ?? 0)));
  assert.ok(steps.some((step) => step > 20), "there are spikes");
  const median = steps.toSorted((a, b) => a - b)[Math.floor(steps.length / 2)];
  assert.ok(median !== undefined && median < 6, `${median} is the usual step`);
  assert.equal(new Set(of("cpu_count").filter((value) => value !== undefined)).size, 1);
  assert.deepEqual([...new Set(of("raid_ok").filter((value) => value !== undefined))].sort(), [
    0,
    1,
  ]);
});

Deno.test("Fleet: hosts fall silent, are late, and miss a metric, each of them sometimes", () => {
  const hosts = fleet({ hosts: 20, metrics: 5 });
  let [silent, late, missing, all] = [0, 0, 0, 0];
  for (let host = 0; host < 20; host++) {
    for (let tick = 0; tick < 10 * DAY_MS / INTERVAL_MS; tick += 5) {
      const at_ms = BEGIN_MS + tick * INTERVAL_MS;
      const report = hosts.report(host, at_ms);
      all++;
      if (report === undefined) silent++;
      if (report?.samples === 4) missing++;
      const until_ms = hosts.lateUntil(host, at_ms);
      if (until_ms === undefined) continue;
      late++;
      assert.ok(until_ms > at_ms && until_ms - at_ms <= 3 * HOUR_MS);
      assert.equal(hosts.lateUntil(host, until_ms), undefined);
    }
  }
  assert.ok(silent > 0 && silent / all < 0.01, `${silent / all} silent`);
  assert.ok(late > 0 && late / all < 0.01, `${late / all} late`);
  assert.ok(missing / all > 0.02 && missing / all < 0.1, `${missing / all} miss a metric`);
});

Deno.test("centsText() is the shortest decimal number", () => {
  fc.assert(fc.property(fc.integer({ min: -1e12, max: 1e12 }), (cents) => {
    assert.equal(centsText(cents), String(cents / 100));
  }));
});
