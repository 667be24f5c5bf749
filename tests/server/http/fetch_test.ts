/** `GET /fetch/…`: the original's reading calls, on a real server and database. */
import assert from "node:assert/strict";
import { FakeClock } from "../../support/fake_clock.ts";
import { type TestApp, testApp } from "../../support/test_app.ts";

const NOW_S = Date.UTC(2025, 0, 15, 12) / 1000;

async function appWith(samples: number): Promise<TestApp> {
  const app = await testApp({ clock: new FakeClock(NOW_S * 1000) });
  const batch = Array.from({ length: samples }, (_, i) => ({
    hostname: "a b/ü",
    timestamp: NOW_S - i * 10,
    metrics: { 'http_total{code="200"}': i, "x/y": -i },
  }));
  await app.post(batch);
  return app;
}

const HISTORY = `/fetch/history/${encodeURIComponent("a b/ü")}/${
  encodeURIComponent('http_total{code="200"}')
}`;

Deno.test("GET /fetch/history gives the newest first, within start, end and limit", async () => {
  await using app = await appWith(30);
  const all = (await app.get(HISTORY)).body;
  assert.equal(all.length, 30);
  assert.deepEqual(all.slice(0, 2), [[NOW_S, 0], [NOW_S - 10, 1]]);
  const some = await app.get(`${HISTORY}?start=${NOW_S - 50}&end=${NOW_S - 20}`);
  assert.deepEqual(some.body.map(([, value]: number[]) => value), [2, 3, 4, 5]);
  const few = await app.get(`${HISTORY}?limit=3&end=${NOW_S - 15}`);
  assert.deepEqual(few.body.map(([, value]: number[]) => value), [2, 3, 4]);
  assert.deepEqual((await app.get(`${HISTORY}?end=${NOW_S - 1e6}`)).body, []);
});

Deno.test("GET /fetch/history says what is wrong with its parameters", async () => {
  await using app = await appWith(1);
  for (
    const [query, place] of [
      ["start=yesterday", /start must be seconds/],
      ["limit=0", /limit must be at least 1/],
      ["limit=1.5", /limit must be a whole number/],
      ["limit=1000000", /limit must be at most 100000/],
      [`start=${NOW_S}&end=${NOW_S - 1}`, /start must not be after end/],
      [`start=${NOW_S * 1000}`, /start must be in seconds, not milliseconds/],
    ] as const
  ) {
    const reply = await app.get(`${HISTORY}?${query}`);
    assert.equal(reply.status, 400, query);
    assert.match(reply.body.error, place);
  }
});

Deno.test("unknown hosts, metrics and paths are 404 with a JSON error", async () => {
  await using app = await appWith(1);
  for (
    const path of [
      "/fetch/history/nobody/cpu",
      `/fetch/history/${encodeURIComponent("a b/ü")}/cpu`,
      "/fetch/latest?hostname=nobody",
      "/fetch/nothing",
    ]
  ) {
    const reply = await app.get(path);
    assert.equal(reply.status, 404, path);
    assert.match(reply.body.error, /^Cannot find /);
  }
});

Deno.test("GET /fetch/latest merges reports of different metrics, the newer value wins", async () => {
  await using app = await testApp({ clock: new FakeClock(NOW_S * 1000) });
  await app.post({ hostname: "a", timestamp: NOW_S - 20, metrics: { x: 1, old: 1 } });
  await app.post({ hostname: "a", timestamp: NOW_S - 10, metrics: { x: 2, y: 2 } });
  // an older report that comes later changes nothing
  await app.post({ hostname: "a", timestamp: NOW_S - 30, metrics: { x: 0, y: 0 } });
  assert.deepEqual((await app.get("/fetch/latest")).body.a.metrics, { old: 1, x: 2, y: 2 });
  assert.equal((await app.get("/fetch/latest")).body.a.timestamp, NOW_S - 10);
});

Deno.test("GET /fetch/latest knows after a restart what it knew before", async () => {
  await using app = await appWith(3);
  await app.post({ hostname: "b", metrics: { z: 7 } });
  const before = (await app.get("/fetch/latest")).body;
  await app.server.stop();
  await using again = await testApp({ clock: new FakeClock(NOW_S * 1000), database: app.database });
  assert.deepEqual((await again.get("/fetch/latest")).body, before);
});

Deno.test("GET / says that the server is running", async () => {
  await using app = await testApp();
  const reply = await app.get("/");
  assert.equal(reply.status, 200);
  assert.match(reply.body, /monitor .* is running/);
});
