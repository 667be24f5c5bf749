/** StatsD: lines, totals, and a socket. */
import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import fc from "fast-check";
import { parseStatsdLine } from "../../../agent/sources/statsd_lines.ts";
import { StatsdRunner } from "../../../agent/sources/statsd.ts";
import { StatsdTotals } from "../../../agent/sources/statsd_totals.ts";
import { freePort } from "../../support/free_port.ts";
import { messageOf, seriesOf, sources } from "./source_fixture.ts";

function totals(options: { names_max?: number; expire_ms?: number; prefix?: string } = {}) {
  const { names_max = 100, expire_ms = 60_000, prefix = "" } = options;
  return new StatsdTotals({ names_max, expire_ms, prefix, random: () => 0.5 });
}

function flushed(all: StatsdTotals, now_ms = 0): Record<string, unknown> {
  return Object.fromEntries(all.flush(now_ms).series);
}

Deno.test("StatsdTotals refuses what would make a total infinite, and keeps what it had", () => {
  const all = totals();
  all.take("views:1|c\nlevel:1|g\nload:1|ms", 0);
  all.take("views:1e308:1e308:1e308|c\nlevel:+1e308|g\nlevel:+1e308|g", 1);
  all.take("load:1e308|ms|@0.1", 2);
  all.take("views:-1e308|c\nviews:5|c", 3);
  const { views, level, "load.count": count, "load.sum": sum } = flushed(all, 4);
  assert.deepEqual([views, level, count, sum], [5, 1e308, 1, 1]);
  assert.equal(all.numbers().lines_bad, 3);
});

Deno.test("parseStatsdLine() reads names, values, rates and tags", () => {
  const read = parseStatsdLine("page.views:1:2|c|@0.1|#env:prod,beta,url:http://a|c:abc|T170");
  assert.deepEqual(read, {
    name: "page.views",
    labels: [["env", "prod"], ["beta", "true"], ["url", "http://a"]],
    kind: "counter",
    unit: "",
    values: [1, 2],
    member: "",
    relative: false,
    weight: 10,
  });
  assert.deepEqual(parseStatsdLine("a,b=c:1|g")?.labels, [["b", "c"]]);
  assert.deepEqual(parseStatsdLine("a;b=c;d=e:+1|g"), {
    name: "a",
    labels: [["b", "c"], ["d", "e"]],
    kind: "gauge",
    unit: "",
    values: [1],
    member: "",
    relative: true,
    weight: 1,
  });
  assert.deepEqual(parseStatsdLine("users:a:b|s")?.member, "a:b");
  assert.deepEqual(parseStatsdLine("t:0.5|ms")?.unit, "ms");
  const bad = [
    "",
    "a",
    ":1|c",
    "a:1",
    "a:1|x",
    "a:x|c",
    "a:|c",
    "a:1:x|c",
    "a:1|c|@0",
    "a:1|c|@2",
    "a:1|c|@x",
    "a:1e999|g",
    "a:NaN|g",
    ",b=c:1|c",
    "a:1|constructor",
  ];
  for (const line of bad) assert.equal(parseStatsdLine(line), undefined, line);
});

Deno.test("StatsdTotals: counters grow, gauges stay or change, sets count members", () => {
  const all = totals({ prefix: "app." });
  all.take("hits:1|c\nhits:2|c|@0.5\nqueue:10|g\nqueue:-3|g\nusers:a|s\nusers:b|s\nusers:a|s\n", 0);
  all.take("hits:1|c|#env:prod\nhits:1|c|#b:2,a:1\nhits:1|c|#a:1,b:2", 0);
  assert.deepEqual(flushed(all), {
    "app.hits": 5,
    "app.queue": 7,
    "app.users": 2,
    'app.hits{env="prod"}': 1,
    'app.hits{a="1",b="2"}': 2,
  });
  all.take("hits:1|c\nqueue:+1|g\nusers:c|s", 1_000);
  const { series, metadata } = all.flush(1_000);
  assert.deepEqual([series.get("app.hits"), series.get("app.queue"), series.get("app.users")], [
    6,
    8,
    1,
  ]);
  assert.deepEqual(metadata.get("app.hits"), { kind: "counter" });
  assert.equal(flushed(all, 1_000)["app.users"], 0);
});

Deno.test("StatsdTotals: a timer has totals, and percentiles since the last flush", () => {
  const all = totals();
  const values = Array.from({ length: 100 }, (_, i) => i + 1);
  all.take(`t:${values.join(":")}|ms|#a:b`, 0);
  all.take("t:1000|ms|@0.1", 0);
  const { series, metadata } = all.flush(0);
  assert.deepEqual(Object.fromEntries([...series].filter(([name]) => name.includes("{"))), {
    't.count{a="b"}': 100,
    't.sum{a="b"}': 5050,
    't.min{a="b"}': 1,
    't.max{a="b"}': 100,
    't.mean{a="b"}': 50.5,
    't.p50{a="b"}': 50,
    't.p95{a="b"}': 95,
    't.p99{a="b"}': 99,
  });
  assert.deepEqual([series.get("t.count"), series.get("t.sum"), series.get("t.mean")], [
    10,
    10_000,
    1_000,
  ]);
  assert.deepEqual(metadata.get("t.sum"), { kind: "counter", unit: "ms" });
  assert.deepEqual(flushed(all), {
    't.count{a="b"}': 100,
    't.sum{a="b"}': 5050,
    "t.count": 10,
    "t.sum": 10_000,
  });
});

Deno.test("StatsdTotals: names are bounded, counted when there are too many, and forgotten", () => {
  const all = totals({ names_max: 2, expire_ms: 10_000 });
  all.take("a:1|c\nb:1|c\nc:1|c\na:1|c\nb:1|g\n_e{1,1}:x|y\n_sc|x|0\njunk\n", 0);
  assert.deepEqual(all.numbers(), {
    lines: 8,
    lines_bad: 2,
    lines_foreign: 2,
    overflow: 1,
    names: 2,
  });
  assert.deepEqual(flushed(all), { a: 2, b: 1 });
  all.take("a:1|c", 5_000);
  assert.deepEqual(flushed(all, 10_001), { a: 3 });
  all.take("c:1|c", 10_001);
  assert.deepEqual(flushed(all, 10_001), { a: 3, c: 1 });
});

Deno.test("StatsdTotals: values that are kept are bounded, and a fair sample", () => {
  let seed = 1;
  const random = () => (seed = seed * 48271 % 2147483647) / 2147483647;
  const all = new StatsdTotals({ prefix: "", names_max: 10, expire_ms: 1, random });
  for (let i = 1; i <= 20_000; i++) all.take(`t:${i}|d`, 0);
  const p50 = Number(flushed(all)["t.p50"]);
  assert.ok(Math.abs(p50 - 10_000) < 2_000, `the middle of 20,000 is about ${p50}`);
});

Deno.test("StatsdTotals: every packet is counted, line by line, and all values are finite", () => {
  const piece = fc.constantFrom(
    "a",
    "b",
    ":",
    "1",
    "-2",
    "|c",
    "|g",
    "|ms",
    "|s",
    "|@0.5",
    "|#x:y",
    "\n",
  );
  fc.assert(fc.property(fc.array(fc.array(piece, { maxLength: 30 })), (packets) => {
    const all = totals({ names_max: 3 });
    for (const packet of packets) all.take(packet.join(""), 0);
    const { lines, lines_bad, lines_foreign, overflow, names } = all.numbers();
    assert.ok(lines >= lines_bad + lines_foreign + overflow && names <= 3);
    for (const value of all.flush(0).series.values()) assert.ok(Number.isFinite(value));
  }));
});

Deno.test("statsd: packets become a report at the next run", async () => {
  await using all = await sources({ statsd: { port: 0, prefix: "app." } });
  const { runner, own_report, listens } = all.collector("statsd");
  assert.deepEqual([own_report, listens], [true, true]);
  assert.ok(runner instanceof StatsdRunner);
  assert.equal(runner.port, undefined, "nothing is opened before it runs");
  assert.equal(seriesOf(await all.run("statsd"))["statsd.packets_total"], 0);
  const client = createSocket("udp4");
  const send = (text: string) =>
    new Promise<void>((resolve) =>
      client.send(text, runner.port ?? 0, "127.0.0.1", () => resolve())
    );
  await send("hits:3|c|#env:prod\nlatency:20|ms");
  await send("hits:1|c|#env:prod");
  let series: Record<string, unknown> = {};
  while (series["statsd.packets_total"] !== 2) series = seriesOf(await all.run("statsd"));
  assert.equal(series['app.hits{env="prod"}'], 4);
  assert.equal(series["app.latency.sum"], 20);
  assert.deepEqual(runner.metadata("app.latency.sum"), { kind: "counter", unit: "ms" });
  assert.equal(runner.metadata("statsd.names")?.kind, "gauge");
  await new Promise<void>((resolve) => client.close(() => resolve()));
});

Deno.test("statsd: a port that is taken is said, and tried again", async () => {
  const other = createSocket("udp4");
  await new Promise<void>((resolve) => other.bind(freePort(), "127.0.0.1", () => resolve()));
  const { port } = other.address();
  await using all = await sources({ statsd: { port } });
  assert.match(
    messageOf(await all.run("statsd")),
    new RegExp(`^cannot listen on UDP 127\\.0\\.0\\.1, port ${port}: .*(in use|EADDRINUSE)`, "i"),
  );
  await new Promise<void>((resolve) => other.close(() => resolve()));
  assert.equal(seriesOf(await all.run("statsd"))["statsd.names"], 0);
});
