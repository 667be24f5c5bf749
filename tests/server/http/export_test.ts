/** `GET /api/v1/export` on a real server: what comes out, in which order, and how it ends. */
import assert from "node:assert/strict";
import { encodeRawBlock } from "../../../db/codec/raw_block.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { type TestApp, testApp } from "../../support/test_app.ts";

const HOUR_S = Date.UTC(2025, 0, 15, 12) / 1000;

async function appWith(reports: unknown[]): Promise<TestApp> {
  const app = await testApp({ clock: new FakeClock((HOUR_S + 7_200) * 1000) });
  // JSON.stringify forgets the sign of -0
  const body = JSON.stringify(reports, (_, value) => Object.is(value, -0) ? "-0" : value)
    .replaceAll('"-0"', "-0");
  if (reports.length > 0) assert.equal((await app.post(body)).status, 200);
  return app;
}

async function lines(app: TestApp, query: string): Promise<string[]> {
  const response = await fetch(`${app.url}/api/v1/export?${query}`);
  const text = await response.text();
  assert.equal(response.status, 200, text);
  return text.split("\n").slice(0, -1);
}

const report = (hostname: string, at_s: number, metrics: Record<string, unknown>) => ({
  hostname,
  timestamp: at_s,
  metrics,
});

Deno.test("export is host by host, hour by hour, metric by metric, then by time", async () => {
  await using app = await appWith([
    report("b", HOUR_S, { x: 1 }),
    report("a", HOUR_S + 3_600, { x: 5, "y,z": -0 }),
    report("a", HOUR_S + 10, { "y,z": 4, x: 3 }),
    report("a", HOUR_S, { x: 1, "y,z": 2.5 }),
  ]);
  assert.deepEqual(await lines(app, ""), [
    "host,metric,timestamp,value",
    `a,x,${HOUR_S},1`,
    `a,x,${HOUR_S + 10},3`,
    `a,"y,z",${HOUR_S},2.5`,
    `a,"y,z",${HOUR_S + 10},4`,
    `a,x,${HOUR_S + 3_600},5`,
    `a,"y,z",${HOUR_S + 3_600},-0`,
    `b,x,${HOUR_S},1`,
  ]);
});

Deno.test("export takes hosts, metrics and a range that leaves its end out", async () => {
  await using app = await appWith([
    ...["web-1", "web-2", "db"].flatMap((host) =>
      [0, 10, 20].map((second) => report(host, HOUR_S + second, { cpu: second, cpus: 4, mem: 1 }))
    ),
  ]);
  const query = `host=web-*&metric=cpu&metric=m?m&start=${HOUR_S + 10}&end=${HOUR_S + 20}` +
    "&format=prometheus";
  assert.deepEqual(await lines(app, query), [
    `cpu{host="web-1"} 10 ${HOUR_S + 10}000`,
    `mem{host="web-1"} 1 ${HOUR_S + 10}000`,
    `cpu{host="web-2"} 10 ${HOUR_S + 10}000`,
    `mem{host="web-2"} 1 ${HOUR_S + 10}000`,
  ]);
  const until_next = [`start=${HOUR_S}&end=${HOUR_S + 10}`, `start=${HOUR_S + 10}`];
  const parts = await Promise.all(until_next.map((range) => lines(app, `host=db&${range}`)));
  assert.equal(parts.flat().length - 2, (await lines(app, "host=db")).length - 1);
});

Deno.test("export takes hosts by their tags, too", async () => {
  const tagged = (hostname: string, tags: Record<string, string>) => ({
    ...report(hostname, HOUR_S, { x: 1 }),
    tags,
  });
  await using app = await appWith([
    tagged("a", { env: "prod", role: "db" }),
    tagged("b", { env: "prod", role: "web" }),
    report("c", HOUR_S, { x: 1 }),
  ]);
  const hosts = async (query: string) =>
    (await lines(app, query)).slice(1).map((line) => line.split(",")[0]);
  assert.deepEqual(await hosts("tag.env=prod"), ["a", "b"]);
  assert.deepEqual(await hosts("tag.env=prod&tag.role=w*"), ["b"]);
  assert.deepEqual(await hosts("tag.env=test"), []);
});

Deno.test("NDJSON has the texts, with a value, instead of one, and of metrics never seen", async () => {
  await using app = await appWith([
    report("a", HOUR_S, { x: { value: 1, message: "full" }, y: 2, z: null }),
    report("a", HOUR_S + 1, { x: { value: "off", message: "gone" }, y: 2 }),
  ]);
  assert.deepEqual(await lines(app, "format=ndjson"), [
    `{"host":"a","metric":"x","t":${HOUR_S},"v":1,"message":"full"}`,
    `{"host":"a","metric":"x","t":${HOUR_S + 1},"v":null,"message":"off: gone"}`,
    `{"host":"a","metric":"y","t":${HOUR_S},"v":2}`,
    `{"host":"a","metric":"y","t":${HOUR_S + 1},"v":2}`,
    `{"host":"a","metric":"z","t":${HOUR_S},"v":null,"message":""}`,
  ]);
});

Deno.test("a time reported in two shapes is one sample; hot rows and blocks are merged", async () => {
  await using app = await appWith([
    report("a", HOUR_S, { x: 1 }),
    report("a", HOUR_S, { x: 7, y: 0 }),
    report("a", HOUR_S + 30, { x: 2 }),
  ]);
  const { sql } = app.database;
  const [shape] = await sql<{ host_id: number; shape_id: number }[]>`
    select host_id, shape_id from report order by cardinality(vals), at limit 1`;
  const block = encodeRawBlock({
    times_ms: Float64Array.from([HOUR_S * 1000, (HOUR_S + 20) * 1000]),
    columns: [Float64Array.from([1, 9])],
  });
  await sql`
    create table block_test partition of block_raw
    for values from ('2025-01-15T12:00:00Z') to ('2025-01-15T13:00:00Z')`;
  await sql`
    insert into block_raw (host_id, shape_id, start, head, offsets, data)
    values (${shape?.host_id ?? 0}, ${shape?.shape_id ?? 0}, '2025-01-15T12:00:00Z',
      ${block.head}, ${block.offsets}, ${block.data})`;
  assert.deepEqual((await lines(app, "metric=x")).slice(1), [
    `a,x,${HOUR_S},7`,
    `a,x,${HOUR_S + 20},9`,
    `a,x,${HOUR_S + 30},2`,
  ]);
});

Deno.test("export refuses what it cannot mean before it begins", async () => {
  await using app = await appWith([report("a", HOUR_S, { x: 1 })]);
  for (
    const [query, status, error] of [
      ["format=xml", 400, /format must be one of csv, ndjson, prometheus/],
      ["start=yesterday", 400, /start must be seconds since 1970/],
      [`start=${HOUR_S}000`, 400, /start must be in seconds, not milliseconds/],
      [`start=${HOUR_S}&end=${HOUR_S - 1}`, 400, /start must not be after end/],
      ["host=a&host=web-*", 404, /Cannot find host "web-\*"/],
    ] as const
  ) {
    const reply = await app.get(`/api/v1/export?${query}`);
    assert.equal(reply.status, status, query);
    assert.match(reply.body.error, error);
  }
  assert.deepEqual(await lines(app, "metric=nothing"), ["host,metric,timestamp,value"]);
});

Deno.test("an export that breaks off says so in its last line, and breaks the connection", async () => {
  await using app = await appWith([report("a", HOUR_S, { x: 1 }), report("b", HOUR_S, { x: 1 })]);
  // a block that no decoder takes, in the second host
  await app.database.sql`
    create table block_test partition of block_raw
    for values from ('2025-01-15T12:00:00Z') to ('2025-01-15T13:00:00Z')`;
  await app.database.sql`
    insert into block_raw (host_id, shape_id, start, head, offsets, data)
    select r.host_id, r.shape_id, '2025-01-15T12:00:00Z', '\\x00', '\\x00', '\\x00'
    from report r join host h on h.id = r.host_id where h.hostname = 'b'`;
  const response = await fetch(`${app.url}/api/v1/export`);
  let text = "";
  await assert.rejects(async () => {
    for await (const chunk of response.body ?? []) text += new TextDecoder().decode(chunk);
  });
  const [header, sample, error, rest] = text.split("\n");
  assert.deepEqual([header, sample, rest], ["host,metric,timestamp,value", `a,x,${HOUR_S},1`, ""]);
  assert.match(error ?? "", /^# error: Cannot read on: /);
  assert.match(app.log_lines.join(), /export broke off/);
});

Deno.test("only some exports run at once, and one that is given up makes room", async () => {
  // more than sockets and queues between us hold, so that none of them ends by itself
  const names = Array.from({ length: 100 }, (_, i) => `metric_${i}_${"x".repeat(900)}`);
  const metrics = Object.fromEntries(names.map((name) => [name, 1]));
  await using app = await appWith([]);
  for (let k = 0; k < 10; k++) {
    await app.post(
      Array.from({ length: 30 }, (_, i) => report("a", HOUR_S + k * 30 + i, metrics)),
    );
  }
  const url = `${app.url}/api/v1/export`;
  // who wants to know only whether there is something takes no place
  for (let asked = 0; asked < 4; asked++) {
    assert.equal((await fetch(url, { method: "HEAD" })).status, 200);
  }
  const running = await Promise.all(Array.from({ length: 4 }, () => fetch(url)));
  assert.deepEqual(running.map(({ status }) => status), [200, 200, 200, 200]);
  const refused = await app.get("/api/v1/export");
  assert.equal(refused.status, 503);
  assert.equal(refused.headers.get("retry-after"), "10");
  await Promise.all(running.map((response) => response.body?.cancel()));
  let status = 503;
  // the server hears of it when it writes next
  while (status === 503) {
    const response = await fetch(`${url}?metric=none`);
    status = response.status;
    await response.body?.cancel();
  }
  assert.equal(status, 200);
});
