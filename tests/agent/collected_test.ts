import assert from "node:assert/strict";
import fc from "fast-check";
import { readCollected } from "../../agent/collected.ts";
import { reportText, withFacts } from "../../agent/report_text.ts";
import { parseReport } from "../../report.ts";

const AT_MS = Date.UTC(2025, 0, 15, 12);

function read(value: unknown) {
  return readCollected(JSON.stringify(value), { name: "disk", at_ms: AT_MS });
}
function series(value: unknown): Record<string, unknown> {
  const result = read(value);
  if ("fault" in result) assert.fail(result.fault);
  return Object.fromEntries(result.series);
}
function fault(value: unknown): string {
  const result = read(value);
  return "fault" in result ? result.fault : assert.fail("it was taken");
}

Deno.test("readCollected() puts a number at the script's name, and a tree below it", () => {
  assert.deepEqual(series(12.5), { disk: 12.5 });
  assert.deepEqual(series(true), { disk: true });
  assert.deepEqual(series({ root: 93, a: { b: 1 } }), { "disk.root": 93, "disk.a.b": 1 });
  assert.deepEqual(series({ "": 7, root: 93 }), { disk: 7, "disk.root": 93 });
  assert.deepEqual(series({}), {});
});

Deno.test("readCollected() keeps messages, own times and missing values", () => {
  const leaf = { value: 3, message: "hot", timestamp: AT_MS / 1000 - 5 };
  assert.deepEqual(series({ a: leaf, b: null, c: { value: null, message: "asleep" } }), {
    "disk.a": leaf,
    "disk.b": null,
    "disk.c": { value: null, message: "asleep" },
  });
  assert.deepEqual(series({ value: 3 }), { disk: { value: 3 } });
  assert.deepEqual(series({ value: { deep: 3 } }), { "disk.value.deep": 3 });
});

Deno.test("readCollected() refuses what the server would refuse, with its place", () => {
  assert.match(fault("text"), /^returned what cannot be sent: disk must be a number/);
  assert.match(fault({ a: [1] }), /"disk\.a".* must be a number.*current value is \[1\]/);
  assert.match(fault({ "a\u0000": 1 }), /must not contain control characters/);
  assert.match(fault({ a: { b: 1 }, "a.b": 2 }), /disk\.a\.b is given twice/);
  assert.match(fault({ "": { "": 1 }, x: { value: "no" } }), /must be a number/);
  const deep = (depth: number): unknown => depth === 0 ? 1 : { a: deep(depth - 1) };
  assert.match(fault(deep(9)), /at most 8 deep/);
  assert.match(fault(Object.fromEntries(Array(10_001).fill(1).entries())), /at most 10000 metrics/);
  assert.match(fault({ a: "x", b: "y", c: "z", d: "w" }), /\(and 1 more\)$/);
});

Deno.test("readCollected() is not surprised by names of objects", () => {
  assert.deepEqual(
    readCollected('{"__proto__": {"x": 1}, "constructor": 2}', { name: "a", at_ms: AT_MS }),
    { series: new Map([["a.__proto__.x", 1], ["a.constructor", 2]]) },
  );
});

Deno.test("reportText() has the same skeleton whatever the order, hostname first", () => {
  const text = (names: string[]) =>
    reportText({
      hostname: 'a"b',
      at_ms: AT_MS + 500,
      series: new Map(names.map((name) => [name, 1])),
    });
  assert.equal(
    text(["b", "10", "a", "9"]),
    '{"hostname":"a\\"b","timestamp":1736942400.5,"metrics":{"10":1,"9":1,"a":1,"b":1}}',
  );
  assert.equal(text(["a", "9", "b", "10"]), text(["b", "10", "a", "9"]));
});

Deno.test("withFacts() appends what there is, behind the metrics", () => {
  const text = reportText({ hostname: "a", at_ms: AT_MS, series: new Map([["cpu", 1]]) });
  assert.equal(withFacts(text, { tags: {}, metadata: {} }), text);
  const facts = { alias: "Web", tags: { n: 1 }, metadata: { cpu: { unit: "%" } } };
  assert.deepEqual(JSON.parse(withFacts(text, facts)), {
    hostname: "a",
    timestamp: AT_MS / 1000,
    metrics: { cpu: 1 },
    additional_data: { alias: "Web" },
    tags: { n: 1 },
    metadata: { cpu: { unit: "%" } },
  });
});

Deno.test("What readCollected() takes, the server takes, every series of it", () => {
  const anyLeaf = fc.oneof(
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.boolean(),
    fc.constant(null),
    fc.record({
      value: fc.oneof(fc.integer(), fc.string(), fc.constant(null)),
      message: fc.string(),
    }),
    fc.string(),
    fc.array(fc.integer(), { maxLength: 2 }),
  );
  const { tree } = fc.letrec((tie) => ({
    tree: fc.oneof({ maxDepth: 9 }, anyLeaf, fc.dictionary(fc.string(), tie("tree"))),
  }));
  fc.assert(fc.property(tree, (value) => {
    const result = read(value);
    if ("fault" in result || result.series.size === 0) return;
    const text = reportText({ hostname: "a", at_ms: AT_MS, series: result.series });
    const { reports, faults } = parseReport(JSON.parse(text), {
      path: "",
      now_ms: AT_MS,
      limits: { future_ms_max: 1e9, past_ms_max: 1e9 },
    });
    assert.deepEqual(faults, []);
    const names = reports.flatMap((report) => [
      ...report.names,
      ...report.annotations.map(({ name }) => name),
    ]);
    assert.deepEqual(new Set(names), new Set(result.series.keys()));
  }));
});
