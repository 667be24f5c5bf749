import assert from "node:assert/strict";
import { type KnownMetric, rollupKinds } from "../../db/metric_kinds.ts";

function kinds(metrics: Record<string, KnownMetric["kind"]>): string {
  return rollupKinds(Object.entries(metrics).map(([name, kind]) => ({ name, kind }))).join(" ");
}

Deno.test("rollupKinds() believes what a sender says", () => {
  assert.equal(
    kinds({ cpu_usage: "counter", errors_total: "gauge", up: "state" }),
    "counter gauge gauge",
  );
});

Deno.test("rollupKinds() follows Prometheus where nobody said anything", () => {
  const given = {
    "http_requests_total": null,
    'http_requests_total{code="200"}': null,
    'latency_bucket{le="0.1"}': null,
    cpu_usage: null,
    "total_things": null,
    'odd{label="x_total"}': null,
  };
  assert.equal(kinds(given), "counter counter counter gauge gauge gauge");
});

Deno.test("rollupKinds() takes _sum and _count for counters only when they come together", () => {
  assert.equal(kinds({ latency_count: null, latency_sum: null }), "counter counter");
  assert.equal(kinds({ process_count: null, latency_sum: null }), "gauge gauge");
  const labelled = { 'l_count{a="1"}': null, 'l_sum{a="1"}': null, 'l_sum{a="2"}': null };
  assert.equal(kinds(labelled), "counter counter gauge");
});
