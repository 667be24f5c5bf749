import assert from "node:assert/strict";
import fc from "fast-check";
import { scanReports } from "../../../server/ingest/scan.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

function scan(text: string) {
  const bytes = encoder.encode(text);
  return scanReports(bytes).map((report) => ({
    text: decoder.decode(bytes.subarray(report.start, report.end)),
    numbers: report.numbers.map(({ start, end }) => decoder.decode(bytes.subarray(start, end))),
    duplicates: report.duplicates.map(({ path }) => path),
  }));
}

Deno.test("scanReports() finds a single report and its numbers", () => {
  assert.deepEqual(scan(' {"hostname":"a-1","metrics":{"b":-1.5e3,"c":{"value":2}}} '), [{
    text: '{"hostname":"a-1","metrics":{"b":-1.5e3,"c":{"value":2}}}',
    numbers: ["-1.5e3", "2"],
    duplicates: [],
  }]);
});

Deno.test("scanReports() finds the objects of a batch and leaves everything else out", () => {
  const found = scan('[{"a":1}, 7, [{"x":3}], {"b":[2,{"c":4}]}]');
  assert.deepEqual(found.map(({ text }) => text), ['{"a":1}', '{"b":[2,{"c":4}]}']);
  assert.deepEqual(found.map(({ numbers }) => numbers), [["1"], ["2", "4"]]);
});

Deno.test("scanReports() names keys that are given twice, escaped or not, at any depth", () => {
  assert.deepEqual(
    scan('{"metrics":{"cpu":1,"\\u0063pu":2,"d":{"e":1,"e":2}}}')[0]?.duplicates,
    ["metrics.cpu", "metrics.d.e"],
  );
  assert.deepEqual(scan('[{"a":1},{"m":{"a":1},"m":{"a":2}}]')[1]?.duplicates, ["[1].m"]);
});

Deno.test("scanReports() is not misled by brackets, quotes and digits inside texts", () => {
  const [report] = scan('{"a":"}]{[\\"1,2\\\\","b":3}');
  assert.deepEqual(report?.numbers, ["3"]);
  assert.deepEqual(report?.duplicates, []);
});

Deno.test("scanReports() finds every number of any JSON object, in order", () => {
  fc.assert(fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
    const text = JSON.stringify(value);
    const expected = JSON.stringify(value, (_, inner) => inner)
      .replaceAll(/"(?:[^"\\]|\\.)*"/g, "").match(/-?\d[\d.eE+-]*/g) ?? [];
    const [report] = scan(text);
    assert.deepEqual(report?.numbers, [...expected]);
    assert.equal(report?.text, text);
    assert.deepEqual(report?.duplicates, []);
  }));
});
