import assert from "node:assert/strict";
import fc from "fast-check";
import { parseReport } from "../../../report.ts";
import { RowBuffer, rowPrototype } from "../../../server/ingest/rows.ts";
import { scanReports } from "../../../server/ingest/scan.ts";
import { learn, Matcher, NameReader, type Shape } from "../../../server/ingest/template.ts";

const NOW_MS = Date.UTC(2025, 0, 15, 12);
const LIMITS = { future_ms_max: 600_000, past_ms_max: 30 * 86_400_000 };
const encoder = new TextEncoder();

interface Row {
  at_ms: number;
  values: Map<string, number>;
}

/** What the ordinary way makes of a text; undefined when it is not one plain row. */
function ordinary(text: string): Row | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const scanned = scanReports(encoder.encode(text));
  if (scanned.some(({ duplicates }) => duplicates.length > 0)) return undefined;
  const { reports } = parseReport(value, { path: "", now_ms: NOW_MS, limits: LIMITS });
  const [report] = reports;
  if (report === undefined || reports.length !== 1 || report.annotations.length > 0) {
    return undefined;
  }
  return {
    at_ms: report.at_ms,
    values: new Map(report.names.map((name, i) => [name, report.values[i] ?? 0])),
  };
}

/** The template of a text, and the names of its columns. */
function templateOf(text: string) {
  const bytes = encoder.encode(text);
  const parsed = parseReport(JSON.parse(text), { path: "", now_ms: NOW_MS, limits: LIMITS });
  const names = [...parsed.reports[0]?.names ?? []].sort();
  const shape: Shape = { id: 7, names, prototype: rowPrototype(7, names.length) };
  const name = new NameReader();
  const [report] = scanReports(bytes);
  if (report === undefined || !name.read(bytes, 0)) return undefined;
  return learn(bytes, { report, name_end: name.end, shape });
}

/** What the template makes of another text; undefined when it does not match. */
function matched(template: NonNullable<ReturnType<typeof templateOf>>, text: string) {
  const bytes = encoder.encode(text);
  const name = new NameReader();
  if (!name.read(bytes, 0)) return undefined;
  const rows = new RowBuffer();
  const matcher = new Matcher();
  const matches = matcher.match(bytes, name.end, {
    template,
    rows,
    host_id: 3,
    at_ms: NOW_MS,
    at_ms_min: NOW_MS - LIMITS.past_ms_max,
    at_ms_max: NOW_MS + LIMITS.future_ms_max,
  });
  if (!matches) {
    assert.equal(rows.bytes, 0, "nothing may be left of a row that did not match");
    return undefined;
  }
  if (matcher.end !== bytes.length) return undefined;
  const found: Row = { at_ms: 0, values: new Map() };
  rows.forEach((row) => {
    found.at_ms = row.at_ms;
    for (const [i, metric] of template.shape.names.entries()) {
      found.values.set(metric, row.value(i));
    }
  });
  return found;
}

const plainNumber = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.integer(),
  fc.integer({ min: 0, max: 10_000 }).map((n) => n / 100),
);
const key = fc.oneof(
  fc.string({ minLength: 1, maxLength: 8 }),
  fc.constantFrom("cpu", "value", "7", "10", "a.b", "über", "__proto__", "constructor"),
);
const tree = fc.letrec((tie) => ({
  node: fc.dictionary(key, fc.oneof({ maxDepth: 3 }, plainNumber, tie("node")), {
    minKeys: 1,
    maxKeys: 6,
  }),
})).node;
const report = fc.record({
  hostname: fc.constantFrom("a", "web-1", "größe"),
  timestamp: fc.option(
    fc.integer({ min: NOW_MS - 86_400_000, max: NOW_MS }).map((ms) => ms / 1000),
    {
      nil: undefined,
    },
  ),
  metrics: tree,
  tags: fc.option(fc.constant({ rack: 12, "3": "x" }), { nil: undefined }),
});

/** The same report with other numbers, as the next tick of a host sends it. */
function nextTick(value: unknown, numbers: () => number): unknown {
  if (typeof value === "number") return numbers();
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, nextTick(v, numbers)]));
}

Deno.test("a template makes the same row of the next report as the ordinary way", () => {
  let matches = 0;
  fc.assert(
    fc.property(report, fc.infiniteStream(plainNumber), fc.boolean(), (first, stream, spaced) => {
      const write = (value: unknown) =>
        spaced
          ? JSON.stringify(value, undefined, 1).replaceAll(/\n */g, " ").replace("{ ", "{")
          : JSON.stringify(value);
      const text = write(first);
      if (ordinary(text) === undefined) return;
      const template = templateOf(text);
      if (template === undefined) return;
      const next = write({
        ...first,
        metrics: nextTick(first.metrics, () => stream.next().value ?? 0),
      });
      const fast = matched(template, next);
      assert.deepEqual(fast, ordinary(next), next);
      matches++;
    }),
    { numRuns: 1_000 },
  );
  assert.ok(matches > 300, `only ${matches} of 1,000 reports made a template`);
});

Deno.test("a template never makes a row of a damaged text that the ordinary way refuses", () => {
  const text =
    '{"hostname":"a","timestamp":1736942400.5,"metrics":{"cpu":12.5,"mem":{"used":3e9}}}';
  const template = templateOf(text);
  assert.ok(template !== undefined);
  fc.assert(
    fc.property(
      // the name itself is compared with known ones before any template is tried
      fc.integer({ min: text.indexOf(","), max: text.length }),
      fc.nat(4),
      fc.string({ unit: fc.constantFrom(...'0123456789.eE+-"{}[],: axN'), maxLength: 4 }),
      (at, removed, inserted) => {
        const damaged = text.slice(0, at) + inserted + text.slice(at + removed);
        const fast = matched(template, damaged);
        if (fast !== undefined) assert.deepEqual(fast, ordinary(damaged), damaged);
      },
    ),
    { numRuns: 5_000 },
  );
});

Deno.test("learn() makes no template where texts, truth values or own times decide", () => {
  for (
    const metrics of [
      '{"a":true,"b":1}',
      '{"a":{"value":1,"message":"x"}}',
      '{"a":null,"b":1}',
      '{"a":1,"b":{"value":2,"timestamp":1736942400}}',
    ]
  ) {
    assert.equal(templateOf(`{"hostname":"a","metrics":${metrics}}`), undefined, metrics);
  }
});

Deno.test("Matcher.match() refuses a time outside the limits", () => {
  const text = (at: number) => `{"hostname":"a","timestamp":${at},"metrics":{"cpu":1}}`;
  const template = templateOf(text(NOW_MS / 1000));
  assert.ok(template !== undefined);
  assert.ok(matched(template, text(NOW_MS / 1000 + 600)) !== undefined);
  assert.equal(matched(template, text(NOW_MS / 1000 + 601)), undefined);
  assert.equal(matched(template, text(NOW_MS / 1000 - 31 * 86_400)), undefined);
});

Deno.test("NameReader.read() finds a name only where it needs no unescaping", () => {
  const found = (text: string) => {
    const name = new NameReader();
    return name.read(encoder.encode(text), 0) ? text.slice(name.start, name.end) : undefined;
  };
  assert.equal(found('{"hostname":"web-1","x":1}'), "web-1");
  assert.equal(found('{"hostname": "web-1"}'), "web-1");
  assert.equal(found('{"hostname":"a\\u0062"}'), undefined);
  assert.equal(found('{"hostname":"unfinished'), undefined);
  assert.equal(found('{"host":"a"}'), undefined);
  assert.equal(found('{"hostname":7}'), undefined);
});
