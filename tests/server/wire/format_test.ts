/** Every format gives back what it was given, whatever the names; and garbage is a fault, not an end. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { detectFormat, FORMATS } from "../../../server/wire/format.ts";
import { FORMAT_NAMES, isFault, type SampleLine } from "../../../server/wire/sample.ts";
import { hosts, metrics } from "./names.ts";

const times = fc.integer({ min: 1e11, max: 1e14 - 1 });
const values = fc.double({ noNaN: true, noDefaultInfinity: true });
const samples = fc.record({ host: hosts, metric: metrics, at_ms: times, value: values });

function read(format: typeof FORMAT_NAMES[number], line: string) {
  const reader = FORMATS[format].reader();
  const header = FORMATS[format].header;
  if (header !== "") assert.equal(reader(header.slice(0, -1)), undefined);
  return reader(line);
}

for (const name of FORMAT_NAMES) {
  Deno.test(`${name}: reading what was written gives the same sample, bit for bit`, () => {
    fc.assert(
      fc.property(samples, (sample) => {
        const { host, metric, at_ms, value } = sample;
        const line = FORMATS[name].writer(host, metric)(at_ms, value);
        assert.equal(line.indexOf("\n"), line.length - 1, "one line, ended by a line feed");
        assert.deepEqual(read(name, line.slice(0, -1)), { ...sample });
        const first = [FORMATS[name].header.trimEnd(), line.trimEnd()].filter(Boolean);
        assert.equal(detectFormat(first), name);
      }),
      { numRuns: 2_000 },
    );
  });

  Deno.test(`${name}: what is kept of the lines before changes nothing`, () => {
    const line = fc.oneof(
      {
        weight: 9,
        arbitrary: fc.tuple(
          fc.constantFrom("a", "a b", 'q"'),
          fc.constantFrom("x", "xy", "x,1"),
          times,
          values,
        ),
      },
      {
        weight: 1,
        arbitrary: fc.constantFrom(
          "a,x,",
          "a,x,1,2,3",
          'a,x,"1",2',
          "x{",
          'x{host="a"}',
          'x{host="a"}1 2',
          "{}",
        ),
      },
    ).map((one) => {
      if (typeof one === "string") return one;
      const [host, metric, at_ms, value] = one;
      return FORMATS[name].writer(host, metric)(at_ms, value).trimEnd();
    });
    fc.assert(fc.property(fc.array(line, { maxLength: 30 }), (all) => {
      const reader = FORMATS[name].reader();
      reader(FORMATS[name].header.trimEnd());
      for (const one of all) assert.deepEqual(reader(one), read(name, one));
    }));
  });

  Deno.test(`${name}: two series are never written alike`, () => {
    fc.assert(
      fc.property(fc.tuple(hosts, metrics), fc.tuple(hosts, metrics), (left, right) => {
        const same = left[0] === right[0] && left[1] === right[1];
        const write = ([host, metric]: [string, string]) =>
          FORMATS[name].writer(host, metric)(1e12, 1);
        assert.equal(write(left) === write(right), same);
      }),
      { numRuns: 2_000 },
    );
  });

  Deno.test(`${name}: any line is a sample, a fault with a column, or says nothing`, () => {
    const good = FORMATS[name].writer("web-1", 'x_total{code="200"}')(1_700_000_000_123, 1.5);
    const broken = fc.tuple(fc.nat(good.length), fc.nat(9), fc.string({ maxLength: 3 }))
      .map(([at, count, put]) => good.slice(0, at) + put + good.slice(at + count));
    const lines = fc.oneof(
      broken,
      fc.string({ unit: "binary", maxLength: 100 }),
      fc.json(),
      fc.constantFrom(
        "[".repeat(60_000),
        '{"a":'.repeat(10_000),
        '"'.repeat(60_000),
        "\\".repeat(9),
      ),
    ).map((line) => line.replaceAll("\n", ""));
    fc.assert(
      fc.property(lines, (line) => {
        const result = read(name, line);
        if (result === undefined) return;
        if (isFault(result)) {
          assert.ok(result.column >= 1 && result.column <= line.length + 1, `${result.column}`);
          assert.ok(result.fault.length > 0 && result.fault.length < 300, result.fault);
        } else assert.ok(Number.isSafeInteger(result.at_ms));
      }),
      { numRuns: 3_000 },
    );
  });

  Deno.test(`${name}: the last line of an export that broke off is a fault that says so`, () => {
    const line = FORMATS[name].errorLine("Cannot go on:\nno database");
    const result = read(name, line.slice(0, -1));
    assert.ok(result !== undefined && isFault(result));
    assert.match(result.fault, /^the export broke off here: Cannot go on:\s+no database$/);
  });
}

const FAULTS: [typeof FORMAT_NAMES[number], string, number, RegExp][] = [
  ["csv", "a,cpu,1700000000", 17, /must have 4 fields: it has 3/],
  ["csv", "a,cpu,yesterday,1", 7, /time must be seconds since 1970 or like .+"yesterday"/],
  ["csv", "a,cpu,1700000000000,1", 7, /looks like milliseconds/],
  ["csv", "a,cpu,1700000000,1.2.3", 18, /value must be a number: .+"1\.2\.3"/],
  ["csv", "a,cpu,1700000000,", 18, /value must be a number/],
  ["csv", "a,cpu,1700000000,NaN", 18, /value must be a finite number/],
  ["csv", "a,cpu,1700000000,1e999", 18, /value must be a finite number/],
  ["csv", '"a,cpu,1,1', 1, /a quoted field must end on its line/],
  ["csv", '"a"b,cpu,1,1', 4, /after a quoted field there must be a comma/],
  ["csv", 'a"b,cpu,1,1', 2, /a quote inside an unquoted field/],
  ["ndjson", '{"host":"a","metric":"b","t":1}', 1, /v must be a finite number.+missing/],
  ["ndjson", '{"host":"a","metric":"b","t":1,"v":null}', 32, /v must be .+value is "null"/],
  ["ndjson", '{"host":"a","metric":"b","t":"1","v":1}', 26, /t must be a number/],
  ["ndjson", '{"host":7,"metric":"b","t":1,"v":1}', 2, /host must be a text/],
  ["ndjson", '{"host":"a","metric":"b","t":1700000000000,"v":1}', 26, /looks like milliseconds/],
  ["ndjson", '{"host":"a" "metric"}', 13, /not JSON: here must be a comma or }/],
  ["ndjson", "[1]", 1, /must be an object/],
  ["prometheus", 'x{code="200"} 1 1700000000000', 1, /there must be a label "host"/],
  ["prometheus", 'x{host="a"} 1', 14, /the time is missing/],
  ["prometheus", 'x{host="a"} 1 1700000000', 15, /looks like seconds/],
  ["prometheus", 'x{host="a"} +Inf 1700000000000', 13, /a finite number/],
  ["prometheus", 'x{host="a",host="b"} 1 1700000000000', 12, /label "host" is given twice/],
  ["prometheus", 'x{host="a} 1 1700000000000', 8, /the label's value in double quotes/],
  ["prometheus", '{host="a"} 1 1700000000000', 11, /the name of the metric is missing/],
  ["prometheus", 'x{host="a"} 1 1700000000000 9', 29, /here must be the end of the line/],
];

Deno.test("each format says where a line is wrong and what would be right", () => {
  for (const [format, line, column, fault] of FAULTS) {
    const result = read(format, line);
    assert.ok(result !== undefined && isFault(result), line);
    assert.match(result.fault, fault);
    assert.equal(result.column, column, `${line}: ${result.fault}`);
  }
});

Deno.test("formats read what other programs write", () => {
  const at_ms = Date.UTC(2026, 0, 31, 12);
  const sample: SampleLine = { host: "a", metric: "cpu", at_ms, value: 1.5 };
  const reader = FORMATS.csv.reader();
  assert.equal(reader("# made by hand\r"), undefined);
  assert.equal(reader("Value,note,Timestamp,metric,host\r"), undefined);
  assert.deepEqual(reader('1.5,"x, ""y""",2026-01-31T12:00:00Z,cpu,a\r'), sample);
  assert.deepEqual(reader("1.5,,2026-01-31T13:00:00+01:00,cpu,a"), sample);
  assert.deepEqual(
    read("ndjson", `{ "v": 1.5, "t": ${at_ms / 1000}, "host": "a", "metric": "cpu" }`),
    sample,
  );
  assert.deepEqual(read("prometheus", `cpu { host = "a" , } 1.5 ${at_ms}  `), sample);
  assert.deepEqual(
    read("prometheus", `cpu{mode="user",host="a",cpu="0"} 1.5 ${at_ms}`),
    { ...sample, metric: 'cpu{mode="user",cpu="0"}' },
  );
  assert.deepEqual(
    read("prometheus", `{"disk.used",host="a","odd name"="\\"x\\"\\n"} 1.5 ${at_ms}`),
    { ...sample, metric: 'disk.used{"odd name"="\\"x\\"\\n"}' },
  );
  assert.equal(read("prometheus", "# TYPE cpu gauge"), undefined);
  assert.equal(read("prometheus", "# EOF"), undefined);
});

Deno.test("formats write names as documented", () => {
  const line = (format: typeof FORMAT_NAMES[number], metric: string) =>
    FORMATS[format].writer("a", metric)(1_700_000_000_500, 12.5);
  assert.equal(line("csv", 'x{code="200"}'), 'a,"x{code=""200""}",1700000000.5,12.5\n');
  assert.equal(line("ndjson", "x"), '{"host":"a","metric":"x","t":1700000000.5,"v":12.5}\n');
  assert.equal(line("prometheus", "x"), 'x{host="a"} 12.5 1700000000500\n');
  assert.equal(line("prometheus", 'x{code="200"}'), 'x{host="a",code="200"} 12.5 1700000000500\n');
  assert.equal(line("prometheus", "disk.root"), '{"disk.root",host="a"} 12.5 1700000000500\n');
  assert.equal(
    line("prometheus", 'x{host="b"}'),
    '{"x{host=\\"b\\"}",host="a"} 12.5 1700000000500\n',
  );
});

Deno.test("NDJSON keeps messages, with a value and instead of one", () => {
  const write = FORMATS.ndjson.writer("a", "raid");
  const with_value = write(1_700_000_000_000, 1, 'two\nlines "quoted"');
  assert.deepEqual(read("ndjson", with_value.trimEnd()), {
    host: "a",
    metric: "raid",
    at_ms: 1_700_000_000_000,
    value: 1,
    message: 'two\nlines "quoted"',
  });
  const without = write(1_700_000_000_000, null, "no answer");
  assert.equal(
    without,
    '{"host":"a","metric":"raid","t":1700000000,"v":null,"message":"no answer"}\n',
  );
});

Deno.test("detectFormat() looks at the text first, then at the name, and may not know", () => {
  assert.equal(detectFormat(["", '{"host":"a"}'], "data.csv"), "ndjson");
  assert.equal(detectFormat(["# made by hand", "host,metric,timestamp,value"]), "csv");
  assert.equal(detectFormat(["# HELP up"]), "prometheus");
  assert.equal(detectFormat(["up 1"]), "prometheus");
  assert.equal(detectFormat(["hello world"], "x.jsonl"), "ndjson");
  assert.equal(detectFormat(["hello world"], "x.prom"), "prometheus");
  assert.equal(detectFormat(["hello world"], "x.log"), undefined);
  assert.equal(detectFormat([], "-"), undefined);
});
