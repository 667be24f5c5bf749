/** Output of plugins: recorded ones of Debian's monitoring-plugins, odd ones, and made-up ones. */
import assert from "node:assert/strict";
import fc from "fast-check";
import {
  parseDatum,
  parsePluginOutput,
  parseRange,
  type Range,
  rangeText,
} from "../../../agent/sources/nagios.ts";
import { pluginSeries } from "../../../agent/sources/nagios_series.ts";

const outside = (low: number, high: number): Range => ({ low, high, inside: false });

Deno.test("parsePluginOutput() reads what Debian's plugins print", () => {
  const load = parsePluginOutput(
    "LOAD OK - total load average: 1.06, 0.60, 0.30|load1=1.060;5.000;10.000;0; " +
      "load5=0.600;4.000;8.000;0; load15=0.300;3.000;6.000;0; \n",
  );
  assert.equal(load.text, "LOAD OK - total load average: 1.06, 0.60, 0.30");
  assert.deepEqual(load.data.map(({ label, value }) => [label, value]), [
    ["load1", 1.06],
    ["load5", 0.6],
    ["load15", 0.3],
  ]);
  assert.deepEqual(load.data[0], {
    label: "load1",
    value: 1.06,
    unit: "",
    warn: outside(0, 5),
    critical: outside(0, 10),
    min: 0,
    max: undefined,
  });
  const disk = parsePluginOutput(
    "DISK OK - free space: / 81469MiB (78% inode=97%);| /=23517462528B;243497277849;257024904396;0;270552530944",
  );
  assert.deepEqual(disk.data.map(({ label, value, unit, max }) => [label, value, unit, max]), [
    ["/", 23517462528, "B", 270552530944],
  ]);
  assert.deepEqual(parsePluginOutput("CRITICAL: broken\n"), {
    text: "CRITICAL: broken",
    data: [],
    unread: [],
  });
  assert.deepEqual(
    parsePluginOutput("connect refused\nHTTP CRITICAL - no socket").text,
    "connect refused\nHTTP CRITICAL - no socket",
  );
});

Deno.test("parsePluginOutput() reads several lines, with performance data in two places", () => {
  const { text, data, unread } = parsePluginOutput(
    "DISK OK - free space: / 3326 MB (56%); | /=2643MB;5948;5958;0;5968\r\n" +
      "/ 15272 MB (77%);\n/boot 68 MB (69%);\n" +
      "/var/log 819 MB (84%); | /boot=68MB;88;93;0;98\n/home=69357MB;253404;253409;0;253414\n" +
      "'a | b'=1\n",
  );
  assert.equal(
    text,
    "DISK OK - free space: / 3326 MB (56%); \n/ 15272 MB (77%);\n/boot 68 MB (69%);\n/var/log 819 MB (84%);",
  );
  assert.deepEqual(data.map(({ label, value }) => [label, value]), [
    ["/", 2643],
    ["/boot", 68],
    ["/home", 69357],
    ["a | b", 1],
  ]);
  assert.deepEqual(unread, []);
});

Deno.test("parsePluginOutput() leaves out what makes no sense, and says so", () => {
  const { data, unread } = parsePluginOutput("OK | a=1 b 'c d'=2ms e= f=1;2;3;4;5;6 =7 g=0x1 h=3");
  assert.deepEqual(data.map(({ label }) => label), ["a", "c d", "h"]);
  assert.deepEqual(unread, ["b", "e=", "f=1;2;3;4;5;6", "=7", "g=0x1"]);
});

Deno.test("parseDatum() reads quotes, U, commas, units and signs", () => {
  const short = (text: string) => {
    const { label, value, unit } = parseDatum(text) ?? {};
    return [label, value, unit];
  };
  assert.deepEqual(short("'it''s here'=1,5s"), ["it's here", 1.5, "s"]);
  assert.deepEqual(short("a=U;1;2"), ["a", undefined, ""]);
  assert.deepEqual(short("a=-1.5e3KB"), ["a", -1500, "KB"]);
  assert.deepEqual(short("a=12%"), ["a", 12, "%"]);
  assert.deepEqual(short("'C:\\ used'=12c"), ["C:\\ used", 12, "c"]);
  assert.deepEqual(short("a=.5us"), ["a", 0.5, "us"]);
  for (const bad of ["a", "=1", "a=", "a=x", "a=1 b", "''=1", "a=1.2.3"]) {
    assert.equal(parseDatum(bad), undefined, bad);
  }
});

Deno.test("parseRange() reads all forms of the guidelines", () => {
  const cases: [string, Range | undefined, string?][] = [
    ["10", outside(0, 10), "above 10 or below 0"],
    ["10:", outside(10, Infinity), "below 10"],
    ["~:10", outside(-Infinity, 10), "above 10"],
    ["10:20", outside(10, 20), "outside 10 to 20"],
    [":20", outside(0, 20)],
    ["@10:20", { low: 10, high: 20, inside: true }, "inside 10 to 20"],
    ["1,5:2,5", outside(1.5, 2.5)],
    ["-5:-1", outside(-5, -1)],
    ["20:10", undefined],
    ["", undefined],
    ["a:b", undefined],
    ["1:2:3", undefined],
  ];
  for (const [text, range, words] of cases) {
    assert.deepEqual(parseRange(text), range, text);
    if (range !== undefined && words !== undefined) assert.equal(rangeText(range), words);
  }
});

Deno.test("pluginSeries() makes the status and each value a series", () => {
  const { series, metadata, text, note } = pluginSeries(
    "PING WARNING | rta=120.5ms;100;500;0; pl=0%;20;60;0;100 sent=7c x=U x=2 'a\tb'=1",
    { name: "ping", code: 1 },
  );
  assert.equal(text, "PING WARNING");
  assert.deepEqual(Object.fromEntries(series), {
    "ping": 1,
    "ping.rta": 120.5,
    "ping.pl": 0,
    "ping.sent": 7,
    "ping.x": null,
  });
  assert.equal(metadata.get("ping")?.kind, "state");
  assert.deepEqual(metadata.get("ping.rta"), {
    kind: "gauge",
    unit: "ms",
    description: "warns above 100 or below 0, critical above 500 or below 0, smallest 0",
  });
  assert.deepEqual(metadata.get("ping.sent"), { kind: "counter" });
  assert.equal(note, '2 of its performance data left out, such as "x"');
  assert.equal(pluginSeries("", { name: "a", code: 2 }).text, "CRITICAL");
});

Deno.test("parsePluginOutput() gives back every datum that was written", () => {
  const label = fc.string({ minLength: 1, maxLength: 12, unit: "grapheme-ascii" })
    .map((text) => text.replaceAll(/[=|]/g, "_").trim()).filter((text) => text !== "");
  const value = fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => n === 0 ? 0 : n);
  const datum = fc.record({ label, value, unit: fc.constantFrom("", "s", "%", "B", "c", "ms") });
  const text = fc.string({ unit: "grapheme-ascii" }).map((s) => s.replaceAll("|", "!"));
  fc.assert(fc.property(text, fc.array(datum), fc.boolean(), (status, data, comma) => {
    const printed = data.map(({ label, value, unit }) => {
      const number = comma ? String(value).replace(".", ",") : String(value);
      return `'${label.replaceAll("'", "''")}'=${number}${unit};;`;
    });
    const read = parsePluginOutput(`${status}|${printed.join(" ")}`);
    assert.deepEqual(
      read.data.map(({ label, value, unit }) => [label, value, unit]),
      data.map(({ label, value, unit }) => [label, value, unit]),
    );
    assert.deepEqual(read.unread, []);
  }));
});

Deno.test("parsePluginOutput() reads any text without ado, in time", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => {
    const { data } = parsePluginOutput(text);
    for (const { value } of data) assert.ok(value === undefined || !Number.isNaN(value));
  }));
  // Quotes without end: the time would grow with the square.
  for (const unit of ["'", "' ", "'' ", "a='", "''' x "]) {
    parsePluginOutput("|" + unit.repeat(100_000));
  }
});
