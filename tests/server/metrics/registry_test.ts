/** The registry of the server's own numbers, and its two ways out: text and series. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { Histogram, OTHER_LABEL, Registry } from "../../../server/metrics/registry.ts";
import { quantileBetween, seriesMetadata, SeriesReader } from "../../../server/metrics/series.ts";
import { formatFor, metricsText } from "../../../server/metrics/text.ts";

function example() {
  const metrics = new Registry();
  const sent = metrics.counter("monitor_server_sent_total", { help: "Sent", label: "channel" });
  const free = metrics.gauge("monitor_server_free_bytes", { help: "Free" });
  const took = metrics.histogram("monitor_server_took_seconds", {
    help: "Took \\ and\nmore",
    bounds: [0.1, 1],
  });
  metrics.read("monitor_server_open", { kind: "gauge", help: "Open" }, () => 3);
  sent.add(2, 'a"b');
  free.set(1.5e12);
  for (const value of [0.1, 0.5, 7]) took.observe(value);
  return { metrics, sent, free, took };
}

const PROMETHEUS = `# HELP monitor_server_free_bytes Free
# TYPE monitor_server_free_bytes gauge
monitor_server_free_bytes 1500000000000
# HELP monitor_server_open Open
# TYPE monitor_server_open gauge
monitor_server_open 3
# HELP monitor_server_sent_total Sent
# TYPE monitor_server_sent_total counter
monitor_server_sent_total{channel="a\\"b"} 2
# HELP monitor_server_took_seconds Took \\\\ and\\nmore
# TYPE monitor_server_took_seconds histogram
monitor_server_took_seconds_bucket{le="0.1"} 1
monitor_server_took_seconds_bucket{le="1"} 2
monitor_server_took_seconds_bucket{le="+Inf"} 3
monitor_server_took_seconds_sum 7.6
monitor_server_took_seconds_count 3
`;

Deno.test("metricsText() writes Prometheus text", () => {
  assert.equal(metricsText(example().metrics.all(), "prometheus"), PROMETHEUS);
});

Deno.test("metricsText() writes OpenMetrics: units, counters' names, the end", () => {
  const text = metricsText(example().metrics.all(), "openmetrics");
  assert.match(text, /^# TYPE monitor_server_sent counter$/m);
  assert.match(text, /^monitor_server_sent_total\{channel="a\\"b"\} 2$/m);
  assert.match(text, /^# UNIT monitor_server_free_bytes bytes$/m);
  assert.ok(text.endsWith("\n# EOF\n"));
  assert.equal(formatFor("application/openmetrics-text;version=1.0.0,text/plain"), "openmetrics");
  assert.equal(formatFor("text/plain;version=0.0.4"), "prometheus");
  assert.equal(formatFor(undefined), "prometheus");
});

Deno.test("Registry refuses names that are no Prometheus names, and the same name twice", () => {
  const metrics = new Registry();
  const about = { help: "" };
  assert.throws(() => metrics.gauge("queue_bytes", about), /must be like/);
  assert.throws(() => metrics.counter("monitor_server_sent", about), /_total/);
  assert.throws(() => metrics.gauge("monitor_server_sent_total", about), /_total/);
  metrics.gauge("monitor_server_x", about);
  assert.throws(() => metrics.gauge("monitor_server_x", about), /twice/);
});

Deno.test("Registry counts under one label what comes after too many", () => {
  const metrics = new Registry();
  const told = metrics.counter("monitor_server_told_total", { help: "", label: "to" });
  const named = () => Array.from({ length: 80 }, (_, i) => [`n${i}`, 1] as const);
  metrics.read("monitor_server_n", { kind: "gauge", help: "", label: "n" }, named);
  for (const [name] of named()) told.add(1, name);
  for (const { points } of metrics.all()) {
    assert.equal(points.length, 51);
    assert.deepEqual(points.at(-1), [OTHER_LABEL, 30]);
    assert.equal(points.reduce((sum, [, value]) => sum + value, 0), 80);
  }
});

Deno.test("SeriesReader gives the same series each time, and what is between two looks", () => {
  const { metrics, took, free } = example();
  const reader = new SeriesReader();
  const first = reader.read(metrics.all());
  assert.equal(first.get('monitor_server_sent_total{channel="a\\"b"}'), 2);
  assert.equal(first.get("monitor_server_took_seconds_count"), 3);
  assert.equal(first.get('monitor_server_took_seconds{quantile="0.99"}'), 1);
  for (let i = 0; i < 100; i++) took.observe(0.05);
  const second = reader.read(metrics.all());
  assert.deepEqual([...second.keys()], [...first.keys()]);
  assert.ok(
    Math.abs((second.get('monitor_server_took_seconds{quantile="0.99"}') ?? 0) - 0.099) < 1e-9,
  );
  assert.equal(reader.read(metrics.all()).get('monitor_server_took_seconds{quantile="0.99"}'), 0);
  const about = seriesMetadata(metrics.all());
  assert.deepEqual(Object.keys(about).sort(), [...first.keys()].sort());
  assert.deepEqual(about["monitor_server_took_seconds_sum"], {
    kind: "counter",
    unit: "s",
    description: "Took \\ and\nmore",
  });
  free.set(undefined);
  assert.equal(reader.read(metrics.all()).has("monitor_server_free_bytes"), false);
});

Deno.test("quantileBetween() lies in the bucket of the wanted observation", () => {
  const values = fc.array(fc.double({ min: 0, max: 2, noNaN: true }), {
    minLength: 1,
    maxLength: 50,
  });
  fc.assert(fc.property(values, fc.double({ min: 0.01, max: 1, noNaN: true }), (seen, quantile) => {
    const bounds = [0.25, 0.5, 1, 1.5];
    const histogram = new Histogram(bounds);
    seen.forEach((value) => histogram.observe(value));
    const sorted = seen.toSorted((a, b) => a - b);
    const exact = sorted[Math.max(0, Math.ceil(quantile * seen.length - 1e-9) - 1)] ?? 0;
    const found = quantileBetween(undefined, histogram.state(), quantile);
    const bucketOf = (value: number) => bounds.findIndex((bound) => value <= bound);
    const expected = bucketOf(exact) < 0 ? bounds.length - 1 : bucketOf(exact);
    assert.ok(Math.abs(bucketOf(found) - expected) <= (bounds.includes(found) ? 1 : 0));
  }));
});
