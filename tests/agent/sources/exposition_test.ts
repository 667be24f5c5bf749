/** Prometheus text and OpenMetrics: what the formats' pages say, and what exporters do. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { type ExpositionFormat, parseExposition } from "../../../agent/sources/exposition.ts";
import {
  type ExpositionOptions,
  expositionOptions,
  ExpositionReader,
} from "../../../agent/sources/exposition_series.ts";
import {
  readNumber,
  readSampleLine,
  type SeriesHead,
} from "../../../agent/sources/exposition_scanner.ts";
import { nameFilter } from "../../../agent/sources/name_filter.ts";
import { type Label, seriesName } from "../../../agent/sources/series_name.ts";

function read(text: string, format: ExpositionFormat = "text") {
  const parsed = parseExposition(text, { format });
  if ("fault" in parsed) assert.fail(parsed.fault);
  return parsed;
}

function faultOf(text: string, format: ExpositionFormat = "text"): string {
  const parsed = parseExposition(text, { format });
  return "fault" in parsed ? parsed.fault : assert.fail("it was read");
}

/** The example of the format's documentation. */
const EXAMPLE = String.raw`# HELP http_requests_total The total number of HTTP requests.
# TYPE http_requests_total counter
http_requests_total{method="post",code="200"} 1027 1395066363000
http_requests_total{method="post",code="400"}    3 1395066363000

# Escaping in label values:
msdos_file_access_time_seconds{path="C:\\DIR\\FILE.TXT",error="Cannot find file:\n\"FILE.TXT\""} 1.458255915e9

# Minimalistic line:
metric_without_timestamp_and_labels 12.47

# A weird metric from before the epoch:
something_weird{problem="division by zero"} +Inf -3982045

# A histogram, which has a pretty complex representation in the text format:
# HELP http_request_duration_seconds A histogram of the request duration.
# TYPE http_request_duration_seconds histogram
http_request_duration_seconds_bucket{le="0.05"} 24054
http_request_duration_seconds_bucket{le="+Inf"} 144320
http_request_duration_seconds_sum 53423
http_request_duration_seconds_count 144320

# Finally a summary, which has a complex representation, too:
# TYPE rpc_duration_seconds summary
rpc_duration_seconds{quantile="0.01"} 3102
rpc_duration_seconds_sum 1.7560473e+07
rpc_duration_seconds_count 2693
`;

Deno.test("parseExposition() reads the example of the text format", () => {
  const { samples, metadata } = read(EXAMPLE);
  assert.equal(samples.length, 12);
  assert.deepEqual(samples[0], {
    head: { metric: "http_requests_total", labels: [["method", "post"], ["code", "200"]] },
    value: 1027,
    at_ms: 1395066363000,
  });
  assert.deepEqual(samples[2]?.head.labels, [
    ["path", "C:\\DIR\\FILE.TXT"],
    ["error", 'Cannot find file:\n"FILE.TXT"'],
  ]);
  assert.deepEqual([samples[4]?.value, samples[4]?.at_ms], [Infinity, -3982045]);
  assert.deepEqual(metadata("http_requests_total"), {
    kind: "counter",
    description: "The total number of HTTP requests.",
  });
  assert.equal(metadata("metric_without_timestamp_and_labels"), undefined);
  assert.equal(metadata("http_request_duration_seconds_bucket")?.unit, undefined);
  assert.equal(metadata("http_request_duration_seconds_sum")?.unit, "s");
  assert.deepEqual(metadata("rpc_duration_seconds"), { kind: "gauge", unit: "s" });
  assert.deepEqual(metadata("rpc_duration_seconds_count"), { kind: "counter" });
});

Deno.test("parseExposition() reads OpenMetrics: EOF, seconds, units, exemplars", () => {
  const { samples, metadata } = read(
    `# TYPE acme_http_router_request_seconds summary
# UNIT acme_http_router_request_seconds seconds
# HELP acme_http_router_request_seconds Latency of "all" of the \\"routers\\".
acme_http_router_request_seconds_sum{path="/a",method="GET"} 9036.32 1520879607.789
acme_http_router_request_seconds_created{path="/a"} 1605281325.0
# TYPE foo histogram
foo_bucket{le="10"} 17 # {trace_id="oHg5SJYRHA0"} 9.8 1520879607.789
# TYPE x info
x_info{version="a}b"} 1
# TYPE speed gauge
# UNIT speed furlongs
speed 3
# EOF
`,
    "openmetrics",
  );
  assert.deepEqual(samples[0]?.at_ms, 1520879607789);
  assert.deepEqual(samples[2], {
    head: { metric: "foo_bucket", labels: [["le", "10"]] },
    value: 17,
  });
  assert.deepEqual(metadata("acme_http_router_request_seconds_sum"), {
    kind: "counter",
    unit: "s",
    description: 'Latency of "all" of the "routers".',
  });
  assert.equal(metadata("acme_http_router_request_seconds_created")?.kind, "gauge");
  assert.deepEqual(metadata("speed"), { kind: "gauge", unit: "furlongs" });
  assert.deepEqual(metadata("x_info"), { kind: "gauge" });
  assert.match(faultOf("a 1\n", "openmetrics"), /cut off/);
  assert.match(faultOf("a 1\n# EOF\nb 2\n", "openmetrics"), /^line 3, .*nothing may follow/);
});

Deno.test("parseExposition() reads names in quotes, spaces, and a last line without its end", () => {
  const { samples, metadata } = read(
    '# TYPE "my.dotted" gauge\n{"my.dotted", env = "a" ,} 1\r\n\t{"x"} 2\nc  { } 3\nd NaN',
  );
  assert.deepEqual(samples.map(({ head: { metric, labels }, value }) => [metric, labels, value]), [
    ["my.dotted", [["env", "a"]], 1],
    ["x", [], 2],
    ["c", [], 3],
    ["d", [], NaN],
  ]);
  assert.deepEqual(metadata("my.dotted"), { kind: "gauge" });
});

Deno.test("parseExposition() says where a text is wrong", () => {
  const cases: [string, string][] = [
    ["a 1\n<html>\n", "line 2, column 1: here must be the name of a metric"],
    ['a{b="c} 1', "line 1, column 5: here must be a value in double quotes"],
    ["a{b=1} 1", "line 1, column 5: here must be a value in double quotes"],
    ['a{b="1" c="2"} 1', "line 1, column 9: here must be a comma or }"],
    ['a{b="1",b="2"} 1', "line 1, column 11: label b is given twice"],
    ["a", "line 1, column 2: here must be a value"],
    ["a b", "line 1, column 3: here must be a value"],
    ["a 1 x", "line 1, column 5: here must be a time"],
    ["a 1 2 3", "line 1, column 7: here must be the end of the line"],
    ['{a="b"} 1', "line 1, column 1: here must be the name of a metric"],
    ["a{b} 1", "line 1, column 4: here must be ="],
  ];
  for (const [text, fault] of cases) assert.equal(faultOf(text), fault, text);
});

Deno.test("readNumber() reads what Go writes", () => {
  const cases: [string, number | undefined][] = [
    ["1.756512e+06", 1756512],
    ["+Inf", Infinity],
    ["-inf", -Infinity],
    ["NaN", NaN],
    [".5", 0.5],
    ["5.", 5],
    ["-0", -0],
    ["", undefined],
    ["1_0", undefined],
    ["0x10", undefined],
    ["constructor", undefined],
  ];
  for (const [text, number] of cases) assert.deepEqual(readNumber(text), number, text);
});

function readSeries(text: string, options: Partial<ExpositionOptions>) {
  return new ExpositionReader(expositionOptions(options)).read(text, "text");
}

Deno.test("readSampleLine() gives one head to one series, wherever it ends", () => {
  const known = new Map<string, SeriesHead>();
  for (const line of ['a{b="1"} 5 # {trace_id="x"} 0.5', "a\t1", "a 1", 'a{b="}"}  1']) {
    const [first, second] = [1, 2].map(() => readSampleLine(line, { exemplars: true, known }));
    assert.ok(first?.head === second?.head, line);
  }
  assert.equal(known.size, 3);
});

Deno.test("ExpositionReader chooses, names, adds labels, and counts what it leaves out", () => {
  const text = 'a{z="1",b="2",empty=""} 1 5000\na_total 2\ngo_x 3\nq NaN\nq2 +Inf\na_total 7\n' +
    'c{d="x\ty"} 8\n';
  const all = readSeries(text, { prefix: "p_", labels: { job: "n", b: "other" } });
  if ("fault" in all) assert.fail(all.fault);
  assert.deepEqual(Object.fromEntries(all.series), {
    'p_a{b="2",job="n",z="1"}': 1,
    'p_a_total{b="other",job="n"}': 2,
    'p_go_x{b="other",job="n"}': 3,
  });
  assert.deepEqual([all.not_finite, all.unusable], [2, 2]);
  assert.equal(all.unusable_because, 'p_a_total{b="other",job="n"} is given twice');
  const some = readSeries(text, {
    include: ["a*", "go_?"],
    exclude: ["a_*"],
    timestamps: true,
  });
  assert.deepEqual("series" in some && Object.fromEntries(some.series), {
    'a{b="2",z="1"}': { value: 1, timestamp: 5 },
    "go_x": 3,
  });
  assert.deepEqual(readSeries(text, { series_max: 6 }), {
    fault: "7 series are more than series_max (6): raise it, or leave some out with exclude",
  });
});

Deno.test("nameFilter() takes globs literally but for * and ?", () => {
  const wanted = nameFilter({ include: ["a.b*", "c?"], exclude: ["a.bx"] });
  const names = ["a.b", "a.bc", "axb", "a.bx", "cd", "c", "cde"];
  assert.deepEqual(names.filter(wanted), ["a.b", "a.bc", "cd"]);
});

const labelText = fc.string({ unit: "binary", maxLength: 12 })
  .map((text) => text.replaceAll(/[\r\n]/g, "\n")).filter((text) => text !== "");
const labelName = fc.stringMatching(/^[a-z_][a-z0-9_]{0,6}$/);
const labels = fc.uniqueArray(fc.tuple(labelName, labelText), {
  selector: ([name]) => name,
  maxLength: 4,
});

Deno.test("parseExposition() reads back every sample that was written", () => {
  const metric = fc.stringMatching(/^[a-zA-Z_:][a-zA-Z0-9_:]{0,10}$/);
  const value = fc.double().map((n) => Object.is(n, -0) ? 0 : n);
  const time = fc.option(fc.integer({ min: -1e12, max: 2e12 }), { nil: undefined });
  fc.assert(fc.property(fc.array(fc.tuple(metric, labels, value, time)), (wanted) => {
    const text = wanted.map(([metric, labels, value, time]) => {
      const number = Number.isFinite(value) ? String(value) : String(value).replace("inity", "");
      return `${seriesName(metric, labels)} ${number}${time === undefined ? "" : ` ${time}`}\n`;
    }).join("");
    const sorted = (labels: readonly Label[]) =>
      labels.toSorted(([a], [b]) => a < b ? -1 : a > b ? 1 : 0);
    assert.deepEqual(
      read(text).samples.map((
        { head: { metric, labels }, value, at_ms },
      ) => [metric, labels, value, at_ms]),
      wanted.map(([metric, labels, value, time]) => [metric, sorted(labels), value, time]),
    );
  }));
});

Deno.test("parseExposition() either reads a text or says where it is wrong, known heads or not", () => {
  const piece = fc.constantFrom(
    ...["a", "b1", "{", "}", '"', "\\", "=", ",", " ", "\n", "1", "#", "NaN", "# TYPE", '{a="b"}'],
  );
  const known: Map<string, SeriesHead> = new Map();
  const outcome = (text: string, heads?: Map<string, SeriesHead>) => {
    const parsed = parseExposition(text, { format: "text", known: heads });
    if ("fault" in parsed) assert.match(parsed.fault, /^line \d+, column \d+: /);
    // With a wrong line, which of two faults of it is told may be another.
    return "fault" in parsed ? parsed.fault.replace(/, column.*/, "") : parsed.samples;
  };
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
      const text = pieces.join("");
      assert.deepEqual(outcome(text, known), outcome(text));
      assert.deepEqual(outcome(text, known), outcome(text));
    }),
    { numRuns: 1_000 },
  );
  assert.ok(known.size > 10);
});
