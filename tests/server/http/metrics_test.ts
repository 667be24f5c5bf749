/** `POST /metrics` on a real server, database and sockets: what is taken, and what is refused how. */
import assert from "node:assert/strict";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { FakeClock } from "../../support/fake_clock.ts";
import { type TestApp, testApp } from "../../support/test_app.ts";

const NOW_S = Date.UTC(2025, 0, 15, 12) / 1000;

async function stored(app: TestApp): Promise<number> {
  const [row] = await app.database.sql<{ count: number }[]>`select count(*) as count from report`;
  return row?.count ?? -1;
}

function fixedApp(config = {}): Promise<TestApp> {
  return testApp({ clock: new FakeClock(NOW_S * 1000), config });
}

Deno.test("POST /metrics takes the original's own payload, without a content type", async () => {
  await using app = await fixedApp();
  const reply = await app.post({
    hostname: "web-1",
    metrics: { cpu_usage: 12.5 },
    additional_data: { alias: "Web", location: "Berlin" },
  });
  assert.equal(reply.status, 200);
  assert.equal(reply.body.status, "received");
  assert.deepEqual((await app.get("/fetch/latest")).body, {
    "web-1": {
      metrics: { cpu_usage: 12.5 },
      additional_data: { alias: "Web", location: "Berlin" },
      tags: {},
      timestamp: NOW_S,
    },
  });
  assert.deepEqual((await app.get("/fetch/hosts")).body, [{
    hostname: "web-1",
    additional_data: { alias: "Web", location: "Berlin" },
    tags: {},
  }]);
  assert.deepEqual((await app.get("/fetch/history/web-1/cpu_usage")).body, [[NOW_S, 12.5]]);
});

Deno.test("POST /metrics takes the contract's example: nested values, texts, own times, tags", async () => {
  await using app = await fixedApp();
  const reply = await app.post({
    hostname: "a",
    metrics: {
      cpu: 1.5,
      disk: { root: { value: 93, message: "almost full" } },
      mem: { value: 3, timestamp: NOW_S - 60.5 },
      raid: { value: null, message: "controller does not answer" },
      mode: { value: "degraded", message: "one disk missing" },
      net: { value: { eth0: { value: 7 } }, timestamp: NOW_S - 1 },
    },
    timestamp: NOW_S - 30,
    tags: { env: "prod", rack: 4 },
  });
  assert.deepEqual(reply.body, { status: "received", stored: 1, duplicate: 0 });
  const latest = (await app.get("/fetch/latest?hostname=a")).body.a;
  assert.deepEqual(latest.metrics, { cpu: 1.5, "disk.root": 93, mem: 3, "net.eth0": 7 });
  assert.deepEqual(latest.tags, { env: "prod", rack: "4" });
  assert.deepEqual((await app.get("/fetch/history/a/mem")).body, [[NOW_S - 60.5, 3]]);
  const texts = await app.database.sql`
    select name, message from annotation join metric on id = metric_id order by name`;
  assert.deepEqual([...texts], [
    { name: "disk.root", message: "almost full" },
    { name: "mode", message: "degraded: one disk missing" },
    { name: "raid", message: "controller does not answer" },
  ]);
});

Deno.test("POST /metrics stores a report once, however often, in whatever order it is sent", async () => {
  await using app = await fixedApp();
  const report = { hostname: "a", timestamp: NOW_S, metrics: { x: 1, y: 2 } };
  const turned = { metrics: { y: 2, x: 1 }, timestamp: NOW_S, hostname: "a" };
  assert.deepEqual((await app.post(report)).body, { status: "received", stored: 1, duplicate: 0 });
  for (const again of [report, turned, report]) {
    assert.deepEqual((await app.post(again)).body, { status: "received", stored: 0, duplicate: 1 });
  }
  const batch = [report, { ...report, timestamp: NOW_S - 10 }, {
    ...report,
    timestamp: NOW_S - 10,
  }];
  assert.deepEqual((await app.post(batch)).body, { status: "received", stored: 1, duplicate: 2 });
  assert.equal(await stored(app), 2);
});

Deno.test("POST /metrics counts two reports without a time in one millisecond as two", async () => {
  await using app = await fixedApp();
  const report = { hostname: "a", metrics: { x: 1 } };
  for (let i = 0; i < 3; i++) assert.equal((await app.post(report)).body.stored, 1);
  assert.equal(await stored(app), 3);
});

Deno.test("POST /metrics refuses a bad report of a batch alone and says where", async () => {
  await using app = await fixedApp();
  const good = (at: number) => ({ hostname: "a", timestamp: NOW_S - at, metrics: { x: at } });
  const reply = await app.post([good(1), { hostname: "a", metrics: { x: "high" } }, good(2), 7]);
  assert.equal(reply.status, 207);
  assert.equal(reply.body.stored, 2);
  assert.deepEqual(reply.body.refused, [
    {
      index: 1,
      path: "[1].metrics.x",
      message: 'must be a number, true, false, null or {"value": …}: current value is "high"',
    },
    {
      index: 3,
      path: "[3]",
      message: "must be an object with hostname and metrics: current value is 7",
    },
  ]);
  assert.equal(await stored(app), 2);
});

const REFUSED: [name: string, body: string, place: RegExp][] = [
  ["not JSON", "cpu=1", /Cannot read the body as JSON/],
  ["an unfinished body", '{"hostname":"a","metrics":{"x":1}', /Cannot read the body as JSON/],
  ["nothing", "", /the body: it is empty/],
  ["NaN", '{"hostname":"a","metrics":{"x":NaN}}', /as JSON: .*NaN/],
  ["Infinity", '{"hostname":"a","metrics":{"x":-Infinity}}', /as JSON/],
  ["a number beyond any double", '{"hostname":"a","metrics":{"x":1e999}}', /metrics\.x\b.*finite/],
  ["a text", '"hello"', /must be an object with hostname and metrics/],
  ["an empty batch", "[]", /batch: it is empty/],
  ["no hostname", '{"metrics":{"x":1}}', /hostname must be a text: current value is missing/],
  ["a number as hostname", '{"hostname":7,"metrics":{"x":1}}', /hostname must be a text/],
  ["an empty hostname", '{"hostname":"","metrics":{"x":1}}', /hostname must not be empty/],
  ["NUL in the hostname", '{"hostname":"a\\u0000","metrics":{"x":1}}', /hostname .*control/],
  ["half a surrogate", '{"hostname":"\\ud800","metrics":{"x":1}}', /hostname .*Unicode/],
  ["no metrics", '{"hostname":"a"}', /metrics must be an object/],
  ["empty metrics", '{"hostname":"a","metrics":{}}', /metrics must not be empty/],
  ["metrics as a list", '{"hostname":"a","metrics":[1]}', /metrics must be an object/],
  ["a list as value", '{"hostname":"a","metrics":{"x":[1]}}', /metrics\.x must be a number/],
  ["an empty name", '{"hostname":"a","metrics":{"":1}}', /metric name must not be empty/],
  ["a control character", '{"hostname":"a","metrics":{"x\\n":1}}', /metric name .*control/],
  ["a name twice", '{"hostname":"a","metrics":{"x":1,"x":2}}', /metrics\.x key "x" is given twice/],
  [
    "a name twice by nesting",
    '{"hostname":"a","metrics":{"x.y":1,"x":{"y":2}}}',
    /"x\.y" is given twice/,
  ],
  [
    "an hour ahead",
    `{"hostname":"a","timestamp":${NOW_S + 3600},"metrics":{"x":1}}`,
    /timestamp .*ahead/,
  ],
  [
    "ten years ago",
    `{"hostname":"a","timestamp":${NOW_S - 3.2e8},"metrics":{"x":1}}`,
    /timestamp .*past/,
  ],
  [
    "ten years ahead",
    `{"hostname":"a","timestamp":${NOW_S + 3.2e8},"metrics":{"x":1}}`,
    /timestamp .*ahead/,
  ],
  [
    "milliseconds",
    `{"hostname":"a","timestamp":${NOW_S * 1000},"metrics":{"x":1}}`,
    /looks like milliseconds/,
  ],
  [
    "a text as time",
    '{"hostname":"a","timestamp":"now","metrics":{"x":1}}',
    /timestamp must be a number/,
  ],
  [
    "trees too deep",
    `{"hostname":"a","metrics":${'{"a":'.repeat(9)}1${"}".repeat(9)}}`,
    /at most 8 deep/,
  ],
];

Deno.test("POST /metrics refuses bad input with 400 and the place, and goes on", async (t) => {
  await using app = await fixedApp();
  for (const [name, body, place] of REFUSED) {
    await t.step(name, async () => {
      const reply = await app.post(body);
      assert.equal(reply.status, 400, JSON.stringify(reply.body));
      assert.match(reply.body.error, place);
      assert.ok(reply.body.error.length < 600, "an error is a sentence, not the input");
    });
  }
  await t.step("bytes that are not UTF-8", async () => {
    const reply = await app.post(new Uint8Array([0x22, 0xff, 0x22]));
    assert.equal(reply.status, 400);
    assert.match(reply.body.error, /not UTF-8/);
  });
  assert.equal(await stored(app), 0);
  assert.equal((await app.post({ hostname: "a", metrics: { x: 1 } })).status, 200);
  assert.deepEqual(app.log_lines, [], "a sender's mistake is not the server's trouble");
});

Deno.test("POST /metrics keeps its limits: many metrics, long names, large and swelling bodies", async (t) => {
  await using app = await fixedApp();
  await t.step("100,000 metrics", async () => {
    const metrics = Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => [`m${i}`, i]));
    const reply = await app.post({ hostname: "a", metrics });
    assert.equal(reply.status, 400);
    assert.match(reply.body.error, /metrics must have at most 10000 metrics: it has 100000/);
  });
  await t.step("a name of 1 MB", async () => {
    const reply = await app.post({ hostname: "a", metrics: { ["x".repeat(1 << 20)]: 1 } });
    assert.equal(reply.status, 400);
    assert.match(reply.body.error, /at most 1024 characters: it has 1048576/);
    assert.ok(reply.body.error.length < 600);
  });
  await t.step("a body of 64 MB", async () => {
    const reply = await app.post(new Uint8Array(64 << 20).fill(0x20));
    assert.equal(reply.status, 413);
    assert.match(reply.body.error, /67108864 bytes, at most 16777216/);
  });
  await t.step("a body of 64 MB whose length nobody states", async () => {
    const piece = new Uint8Array(1 << 20).fill(0x20);
    let pieces = 0;
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => pieces++ < 64 ? controller.enqueue(piece) : controller.close(),
    });
    const answer = await fetch(`${app.url}/metrics`, { method: "POST", body }).catch(() =>
      undefined
    );
    // the server may hang up before the sender has finished; either way nothing is read to the end
    if (answer !== undefined) {
      assert.equal(answer.status, 413);
      await answer.body?.cancel();
    }
  });
  await t.step("a bomb", async () => {
    const bomb = gzipSync(new Uint8Array(200 << 20));
    const reply = await app.post(bomb, { "content-encoding": "gzip" });
    assert.equal(reply.status, 413);
    assert.match(reply.body.error, /after decompression/);
  });
  assert.equal((await app.post({ hostname: "a", metrics: { x: 1 } })).status, 200);
});

Deno.test("POST /metrics finds room for a packed body in an empty queue, however small that is", async () => {
  const bytes = 1 << 20;
  await using app = await testApp({
    config: { ingest: { queue_bytes_max: bytes, body_bytes_max: bytes } },
  });
  // packed it is more than an eighth of what may come, and would be expected to become more than all
  const metrics = Object.fromEntries(
    Array.from({ length: 9_000 }, (_, i) => [`metric_${Math.sin(i)}`, Math.cos(i)]),
  );
  const packed = gzipSync(JSON.stringify({ hostname: "a", metrics }));
  assert.ok(packed.length > bytes / 8, `${packed.length}`);
  const reply = await app.post(packed, { "content-encoding": "gzip" });
  assert.deepEqual([reply.status, reply.body.stored], [200, 1]);
  // what is not packed stays as large as it is
  const plain = JSON.stringify({ hostname: "a", metrics, note: "x".repeat(bytes / 4) });
  assert.ok(plain.length > bytes / 2, `${plain.length}`);
  const as_it_is = await app.post(plain, { "content-encoding": "identity" });
  assert.notEqual(as_it_is.status, 503);
});

Deno.test("POST /metrics reads gzip and zstd, and says what is wrong with broken ones", async () => {
  await using app = await fixedApp();
  const text = (x: number) => JSON.stringify({ hostname: "a", metrics: { x } });
  const gzip = gzipSync(text(1));
  assert.equal((await app.post(gzip, { "content-encoding": "gzip" })).body.stored, 1);
  const zstd = zstdCompressSync(text(2));
  assert.equal((await app.post(zstd, { "content-encoding": "zstd" })).body.stored, 1);
  const half = await app.post(gzip.subarray(0, gzip.length >> 1), { "content-encoding": "gzip" });
  assert.equal(half.status, 400);
  assert.match(half.body.error, /Cannot decompress the body \(gzip\)/);
  const plain = await app.post(text(3), { "content-encoding": "zstd" });
  assert.equal(plain.status, 400);
  const unknown = await app.post(text(3), { "content-encoding": "br" });
  assert.equal(unknown.status, 400);
  assert.match(unknown.body.error, /content-encoding must be gzip, zstd, deflate or identity/);
  assert.equal(await stored(app), 2);
});

Deno.test("POST /metrics answers 503 with Retry-After when the queue is full", async () => {
  await using app = await fixedApp({ ingest: { queue_bytes_max: 1 } });
  await app.post({ hostname: "a", metrics: { x: 1 } });
  // the queue holds one byte: a body that needs room while it is read finds none
  const reply = await app.post({ hostname: "a", metrics: { x: "y".repeat(70_000) } });
  assert.equal(reply.status, 503);
  assert.equal(reply.headers.get("retry-after"), "1");
  assert.match(reply.body.error, /Cannot take reports/);
});

Deno.test("a request that is never finished, and idle connections, hold nobody up", async () => {
  await using app = await testApp();
  const { port } = new URL(app.url);
  const connections = await Promise.all(
    Array.from({ length: 200 }, () => Deno.connect({ hostname: "127.0.0.1", port: Number(port) })),
  );
  const head = 'POST /metrics HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{"hostname":';
  for (const connection of connections.slice(0, 100)) {
    await connection.write(new TextEncoder().encode(head));
  }
  for (let i = 0; i < 20; i++) {
    assert.equal((await app.post({ hostname: "a", metrics: { x: i } })).body.stored, 1);
  }
  for (const connection of connections) connection.close();
  assert.equal(await stored(app), 20);
});

Deno.test("hundreds of hosts that are all new may come at once, each one stored", async () => {
  await using app = await fixedApp();
  const replies = await Promise.all(
    Array.from({ length: 300 }, (_, i) =>
      app.post({
        hostname: `h${i % 100}`,
        timestamp: NOW_S - i,
        metrics: { [`m${i % 7}`]: i, n: 1 },
      })),
  );
  assert.deepEqual(new Set(replies.map(({ body }) => body.stored)), new Set([1]));
  assert.equal(await stored(app), 300);
  assert.equal((await app.get("/fetch/hosts")).body.length, 100);
});

Deno.test("a host's facts follow what it says, also back to what they were", async () => {
  await using app = await fixedApp();
  const alias = async () => (await app.get("/fetch/latest")).body.a.additional_data.alias;
  let at = NOW_S;
  const say = async (text: string) => {
    await app.post({
      hostname: "a",
      timestamp: --at,
      metrics: { x: 1 },
      additional_data: { alias: text },
    });
  };
  for (const text of ["one", "one", "two", "one", "one", "two"]) {
    await say(text);
    assert.equal(await alias(), text);
  }
  await app.post({ hostname: "a", metrics: { x: 1 } });
  assert.equal(await alias(), "two");
});
