/** `GET /api/v1/series` and the resolutions of `/fetch/history`, on a real server and database. */
import assert from "node:assert/strict";
import { DAY_MS, HOUR_MS, MINUTE_MS } from "../../../db/tiers.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { storeHistory } from "../../support/stored_history.ts";
import { type TestApp, testApp } from "../../support/test_app.ts";
import { testDatabase } from "../../support/test_database.ts";

const NOW_MS = Date.UTC(2025, 0, 15, 12);
const NOW_S = NOW_MS / 1000;

/** Every ten seconds of the last three minutes: cpu is 0, 1, … and http_total is ten times that. */
async function appWith(hostnames: string[], tags: Record<string, string> = {}): Promise<TestApp> {
  const app = await testApp({ clock: new FakeClock(NOW_MS) });
  const batch = hostnames.flatMap((hostname, host) =>
    Array.from({ length: 19 }, (_, i) => ({
      hostname,
      timestamp: NOW_S - 180 + i * 10,
      tags: { ...tags, number: String(host) },
      metrics: { cpu: i + host, http_total: (i + host) * 10, up: i % 2 === 0 },
      metadata: { cpu: { unit: "%" }, up: { kind: "state" } },
    }))
  );
  const reply = await app.post(batch);
  assert.equal(reply.body.stored, batch.length);
  return app;
}

Deno.test("GET /api/v1/series gives gauges, counters and states in equal steps", async () => {
  await using app = await appWith(["a"]);
  const { status, body } = await app.get(
    `/api/v1/series?host=a&metric=*&from=${NOW_S - 180}&to=${NOW_S - 1}&points=3`,
  );
  assert.equal(status, 200, body.error);
  assert.deepEqual(
    { ...body, series: body.series.map((one: { metric: string }) => one.metric) },
    {
      from: NOW_S - 180,
      to: NOW_S - 1,
      tier: "raw",
      step_s: 60,
      series: ["cpu", "http_total", "up"],
    },
  );
  const t = [NOW_S - 180, NOW_S - 120, NOW_S - 60];
  const about = { host: "a", unit: null };
  assert.deepEqual(body.series[0], {
    ...about,
    metric: "cpu",
    unit: "%",
    kind: "gauge",
    t,
    avg: [2.5, 8.5, 14.5],
    min: [0, 6, 12],
    max: [5, 11, 17],
  });
  const counter = { metric: "http_total", kind: "counter", t, last: [50, 110, 170] };
  assert.deepEqual(body.series[1], { ...about, ...counter, rate: [1, 1, 1] });
  assert.deepEqual(body.series[2].last, [0, 0, 0]);
  assert.deepEqual(body.series[2].avg, [0.5, 0.5, 0.5]);
});

Deno.test("GET /api/v1/series leaves steps without samples out", async () => {
  await using app = await testApp({ clock: new FakeClock(NOW_MS) });
  await app.post([
    { hostname: "a", timestamp: NOW_S - 3_000, metrics: { x: 1 } },
    { hostname: "a", timestamp: NOW_S - 60, metrics: { x: 2 } },
  ]);
  const { body } = await app.get("/api/v1/series?metric=x&points=61");
  assert.equal(body.step_s, 60);
  assert.deepEqual(body.series[0].t, [NOW_S - 3_000, NOW_S - 60]);
  const empty = await app.get(`/api/v1/series?metric=x&from=now-10m&to=now-5m`);
  assert.deepEqual(empty.body.series.map((one: { t: number[] }) => one.t), [[]]);
});

Deno.test("GET /api/v1/series chooses hosts and metrics by name, pattern and tag", async () => {
  await using app = await appWith(["web-1", "web-2", "db-1"], { env: "prod" });
  const chosen = async (query: string) => {
    const { status, body } = await app.get(`/api/v1/series?${query}`);
    assert.equal(status, 200, body.error);
    return body.series.map((one: { host: string; metric: string }) => `${one.metric} ${one.host}`);
  };
  assert.deepEqual(await chosen("metric=cpu"), ["cpu db-1", "cpu web-1", "cpu web-2"]);
  assert.deepEqual(await chosen("metric=cpu&host=web-*"), ["cpu web-1", "cpu web-2"]);
  assert.deepEqual(await chosen("metric=c?u&metric=up&host=db-1&host=web-1"), [
    "cpu db-1",
    "cpu web-1",
    "up db-1",
    "up web-1",
  ]);
  assert.deepEqual(await chosen("metric=cpu&tag.env=pr*&tag.number=1&tag.number=2"), [
    "cpu db-1",
    "cpu web-2",
  ]);
  assert.deepEqual(await chosen("metric=cpu&tag.env=test"), []);
  assert.deepEqual(await chosen("metric=nothing*"), []);
});

Deno.test("GET /api/v1/series aggregates over hosts, which count alike", async () => {
  await using app = await appWith(["a", "b", "c"]);
  const range = `from=${NOW_S - 180}&to=${NOW_S - 1}&points=3`;
  const ask = async (aggregate: string, metric = "cpu") => {
    const { body } = await app.get(
      `/api/v1/series?metric=${metric}&aggregate=${aggregate}&${range}`,
    );
    assert.equal(body.series.length, 1);
    assert.equal(body.series[0].hosts, 3);
    assert.equal(body.series[0].host, undefined);
    return body.series[0][aggregate];
  };
  assert.deepEqual(await ask("avg"), [3.5, 9.5, 15.5]);
  assert.deepEqual(await ask("sum"), [10.5, 28.5, 46.5]);
  assert.deepEqual(await ask("min"), [0, 6, 12]);
  assert.deepEqual(await ask("max"), [7, 13, 19]);
  assert.deepEqual(await ask("count"), [3, 3, 3]);
  assert.deepEqual(await ask("sum", "http_total"), [3, 3, 3]);
  assert.deepEqual(await ask("p50"), [3.5, 9.5, 15.5]);
  assert.deepEqual(await ask("p90"), [4.3, 10.3, 16.3]);
  assert.deepEqual(await ask("p99", "http_total"), [1, 1, 1]);
});

Deno.test("GET /api/v1/series reads many hosts as it reads one", async () => {
  const database = await testDatabase();
  await using app = await testApp({ clock: new FakeClock(NOW_MS), database });
  const hostnames = Array.from({ length: 40 }, (_, i) => `h${String(i).padStart(2, "0")}`);
  const row = (minutes: number, value: number) => ({
    at_ms: NOW_MS - minutes * MINUTE_MS,
    values: [value, value * 2],
  });
  for (const [i, hostname] of hostnames.entries()) {
    const rows = [300, 200, 130, 70, 50, 20].map((minutes) => row(minutes, minutes + i));
    await storeHistory(database.sql, hostname, [{
      names: ["cpu", "sent_total"],
      hot: i % 3 === 0 ? rows.slice(-2) : [],
      raw: i % 3 === 0 ? rows.slice(0, -2) : rows,
      in_5m: i % 2 === 0 ? rows.slice(0, 3) : [],
      pending_hours: rows.slice(i % 2 === 0 ? 3 : 0)
        .map(({ at_ms }) => Math.floor(at_ms / HOUR_MS) * HOUR_MS),
    }]);
  }
  for (const tier of ["raw", "5m", "1h", "1d"]) {
    const query = `metric=*&from=now-6h&tier=${tier}`;
    const { body } = await app.get(`/api/v1/series?${query}`);
    assert.equal(body.series.length, 80);
    for (const host of ["h00", "h01", "h02", "h03"]) {
      const alone = await app.get(`/api/v1/series?${query}&host=${host}`);
      const together = body.series.filter((one: { host: string }) => one.host === host);
      assert.deepEqual(together, alone.body.series);
      assert.ok(together[0].t.length > 0);
    }
    const { body: { series: [sum] } } = await app.get(
      `/api/v1/series?metric=cpu&from=now-6h&tier=${tier}&aggregate=count`,
    );
    assert.ok(sum.count.every((count: number) => count === 40), JSON.stringify(sum));
  }
  await app.server.stop();
  await database[Symbol.asyncDispose]();
});

Deno.test("GET /api/v1/series says what is wrong with its parameters", async () => {
  await using app = await appWith(["a"]);
  for (
    const [query, place] of [
      ["host=a", /metric must be given/],
      ["metric=cpu&from=yesterday", /from must be seconds since 1970, now, now-6h/],
      ["metric=cpu&from=now&to=now-1h", /from must not be after to/],
      ["metric=cpu&points=1", /points must be at least 2/],
      ["metric=cpu&points=many", /points must be a whole number/],
      ["metric=cpu&tier=2h", /tier must be one of raw, 5m, 1h, 1d/],
      ["metric=cpu&aggregate=median", /aggregate must be one of avg, sum/],
      ["metric=cpu&aggregat=avg", /there is no parameter aggregat: known are/],
    ] as const
  ) {
    const reply = await app.get(`/api/v1/series?${query}`);
    assert.equal(reply.status, 400, query);
    assert.match(reply.body.error, place);
  }
  for (const query of ["metric=cpu&host=nobody", "metric=nothing", "metric=cpu&metric=nothing"]) {
    const reply = await app.get(`/api/v1/series?${query}`);
    assert.equal(reply.status, 404, query);
    assert.match(reply.body.error, /^Cannot find (host "nobody"|metric "nothing")$/);
  }
});

Deno.test("GET /api/v1/series refuses what is too much and says what to reduce", async () => {
  const app = await testApp({ clock: new FakeClock(NOW_MS) });
  await using _app = app;
  const metrics = Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`m${i}`, i]));
  await app.post({ hostname: "a", metrics });
  const points = await app.get("/api/v1/series?metric=*&from=now-1d&points=10000");
  assert.equal(points.status, 400);
  assert.match(points.body.error, /200 series of \d+ points .* reduce points/);
  const blocks = await app.get("/api/v1/series?metric=*&from=now-29d&points=400&tier=raw");
  assert.equal(blocks.status, 400);
  assert.match(blocks.body.error, /blocks of tier raw.* shorten the range/);
});

Deno.test("GET /fetch/history?points= keeps the extremes and their times", async () => {
  await using app = await testApp({ clock: new FakeClock(NOW_MS) });
  const batch = Array.from({ length: 360 }, (_, i) => ({
    hostname: "a",
    timestamp: NOW_S - 3_600 + i * 10,
    metrics: { x: i === 100 ? 1_000 : i === 200 ? -1_000 : 0 },
  }));
  await app.post(batch);
  const { body } = await app.get("/fetch/history/a/x?points=80");
  assert.ok(body.length <= 80);
  assert.ok(body.every(([t]: number[], i: number) => i === 0 || t! < body[i - 1][0]));
  const extremes = body.filter(([, value]: number[]) => value !== 0);
  assert.deepEqual(extremes, [[NOW_S - 3_600 + 2_000, -1_000], [NOW_S - 3_600 + 1_000, 1_000]]);
});

Deno.test("GET /fetch/history?tier= gives averages of gauges and last values of counters", async () => {
  const database = await testDatabase();
  const day_ms = NOW_MS - 10 * DAY_MS;
  const rows = [10, 20, 70, 80].map((minutes) => ({
    at_ms: day_ms + minutes * MINUTE_MS,
    values: [minutes, minutes * 2],
  }));
  await storeHistory(database.sql, "a", [{
    names: ["cpu", "sent_total"],
    raw: rows,
    in_5m: rows,
    in_1h: rows,
  }]);
  await using app = await testApp({ clock: new FakeClock(NOW_MS), database });
  const hours = [day_ms + HOUR_MS, day_ms].map((at_ms) => at_ms / 1000);
  const get = async (query: string) => (await app.get(`/fetch/history/a/${query}`)).body;
  assert.deepEqual(await get("cpu?tier=1h"), [[hours[0], 75], [hours[1], 15]]);
  assert.deepEqual(await get("sent_total?tier=1h"), [[hours[0], 160], [hours[1], 40]]);
  assert.deepEqual(await get("cpu?tier=1h&limit=1"), [[hours[0], 75]]);
  assert.equal((await get("cpu?tier=5m")).length, 4);
  assert.deepEqual(await get(`cpu?tier=1h&end=${hours[1]}`), [[hours[1], 15]]);
  assert.deepEqual((await get("cpu?tier=1h&points=4")).map(([, value]: number[]) => value).sort(), [
    10,
    80,
  ]);
  await app.server.stop();
  await database[Symbol.asyncDispose]();
});

Deno.test("GET /api/v1/series answers a question about many hosts as one about few", async () => {
  // more than are asked for in one part: with two metrics the border is inside of neither's hosts
  const names = Array.from({ length: 301 }, (_, i) => `host-${String(i).padStart(3, "0")}`);
  await using app = await testApp({ clock: new FakeClock(NOW_MS) });
  await app.post(names.map((hostname, i) => ({
    hostname,
    timestamp: NOW_S - 60,
    metrics: { a: i, b: 2 * i },
  })));
  const range = `from=${NOW_S - 60}&to=${NOW_S - 1}&points=2`;
  const sum = await app.get(`/api/v1/series?metric=*&aggregate=sum&${range}`);
  const all = 300 * 301 / 2;
  assert.deepEqual(
    sum.body.series.map(({ metric, hosts, sum }: Record<string, unknown>) => [metric, hosts, sum]),
    [["a", 301, [all]], ["b", 301, [2 * all]]],
  );
  const max = await app.get(`/api/v1/series?metric=a&aggregate=max&${range}`);
  assert.deepEqual(max.body.series[0].max, [300]);
  const each = await app.get(`/api/v1/series?metric=b&${range}`);
  assert.deepEqual(
    each.body.series.map((one: { host: string; avg: number[] }) => [one.host, ...one.avg]),
    names.map((name, i) => [name, 2 * i]),
  );
});
