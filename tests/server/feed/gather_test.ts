import assert from "node:assert/strict";
import fc from "fast-check";
import { type GatheredReport, Gathering } from "../../../server/feed/gather.ts";
import type { SampleLine } from "../../../server/wire/sample.ts";
import { hosts, metrics } from "../wire/names.ts";

interface Parsed {
  hostname: string;
  timestamp: number;
  metrics: Record<string, unknown>;
}

function gather(samples: readonly SampleLine[], room?: number) {
  const gathering = new Gathering(room);
  const reports: GatheredReport[] = [];
  const taken = samples.map((sample, i) => {
    const result = gathering.add(sample, i + 1);
    reports.push(...gathering.overflow());
    return result;
  });
  reports.push(...gathering.rest());
  return { taken, reports };
}

const samples = fc.array(
  fc.record({
    host: hosts,
    metric: metrics,
    at_ms: fc.integer({ min: 0, max: 4 }).map((n) => 1_700_000_000_000 + n * 1_800_000),
    value: fc.double({ noNaN: true, noDefaultInfinity: true }),
  }),
  { maxLength: 60 },
);

Deno.test("Gathering loses no sample, whatever the order, the names and the room", () => {
  fc.assert(fc.property(samples, fc.integer({ min: 1, max: 40 }), (all, room) => {
    const { taken, reports } = gather(all, room);
    const came_out = reports.flatMap(({ json, samples: count }) => {
      const { hostname, timestamp, metrics } = JSON.parse(json) as Parsed;
      assert.equal(Object.keys(metrics).length, count);
      return Object.entries(metrics).map(([metric, value]) =>
        JSON.stringify([hostname, metric, timestamp * 1000, value])
      );
    });
    const went_in = all.filter((_, i) => taken[i] === "taken").map(
      ({ host, metric, at_ms, value }) => JSON.stringify([host, metric, at_ms, value]),
    );
    assert.deepEqual(came_out.toSorted(), went_in.toSorted());
  }));
});

Deno.test("Gathering puts together what belongs together in every usual order", () => {
  const grid = ["a", "b"].flatMap((host) =>
    ["x", "y"].flatMap((metric) =>
      [0, 10, 3_600].map((second) => ({
        host,
        metric,
        at_ms: 1_700_000_000_000 + second * 1000,
        value: second,
      }))
    )
  );
  const by = (key: (one: SampleLine) => number | string) =>
    grid.toSorted((a, b) => key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0);
  const expected = gather(grid).reports.map((report) => report.json).sort();
  assert.equal(expected.length, 6);
  assert.equal(
    expected[0],
    '{"hostname":"a","timestamp":1700000000,"metrics":{"x":0,"y":0}}',
  );
  for (const order of [by((one) => one.at_ms), by((one) => one.metric)]) {
    assert.deepEqual(gather(order).reports.map((report) => report.json).sort(), expected);
  }
  // by time, two hosts at a time need room for two
  const in_little_room = gather(by((one) => one.at_ms), 8).reports;
  assert.deepEqual(in_little_room.map((report) => report.json).sort(), expected);
});

Deno.test("Gathering keeps little more than it has room for", () => {
  const gathering = new Gathering(100);
  let out = 0;
  for (let i = 0; i < 1_000; i++) {
    gathering.add({ host: `h${i % 7}`, metric: "x", at_ms: i * 600_000, value: i }, i);
    out += [...gathering.overflow()].length;
    assert.ok(i + 1 - out <= 100, `${i + 1 - out} are kept`);
  }
});

Deno.test("Gathering says what is there already and what contradicts it", () => {
  const sample = { host: "a", metric: "x", at_ms: 1_700_000_000_000, value: 0 };
  const { taken, reports } = gather([
    sample,
    sample,
    { ...sample, value: -0 },
    { ...sample, host: "a\nb" },
    { ...sample, metric: "" },
    { ...sample, metric: "y", value: null, message: "no answer" },
    { ...sample, metric: "__proto__", value: 1, message: "odd" },
  ]);
  assert.deepEqual(taken, [
    "taken",
    "repeated",
    { fault: "another value was given for this host, metric and time" },
    { fault: "host must not contain control characters" },
    { fault: "metric must not be empty" },
    "taken",
    "taken",
  ]);
  assert.deepEqual(reports, [{
    json: '{"hostname":"a","timestamp":1700000000,"metrics":{"x":0,' +
      '"y":{"value":null,"message":"no answer"},"__proto__":{"value":1,"message":"odd"}}}',
    samples: 2,
    line: 1,
  }]);
});
