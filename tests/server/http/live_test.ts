/** `/api/v1/hosts` and `/api/v1/live`: all hosts at a glance, and what happens as it happens. */
import assert from "node:assert/strict";
import { FakeClock } from "../../support/fake_clock.ts";
import { testApp } from "../../support/test_app.ts";

const NOW_MS = Date.UTC(2025, 0, 15, 12);
const NOW_S = NOW_MS / 1000;

function report(hostname: string, at_s: number, bytes: number) {
  return {
    hostname,
    timestamp: at_s,
    metrics: {
      "cpu_usage": 12.5,
      "memory_usage": 40,
      "disk.root.used_percent": 81,
      "disk.home.used_percent": 93,
      "network.eth0.rx_bytes_total": bytes,
      "network.eth0.tx_bytes_total": 2 * bytes,
      "network.veth1.rx_bytes_total": 1e9 + 77 * bytes,
    },
  };
}

/** The events of a stream, as they come. */
async function* events(
  url: string,
  signal: AbortSignal,
): AsyncGenerator<{ event: string; data: unknown }> {
  const response = await fetch(url, { signal });
  assert.equal(response.headers.get("content-type"), "text/event-stream");
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk, { stream: true });
    for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
      const [event, data] = [
        /^event: (.*)$/m.exec(text.slice(0, end))?.[1],
        /^data: (.*)$/m.exec(text)?.[1],
      ];
      text = text.slice(end + 2);
      yield { event: event ?? "none", data: JSON.parse(data ?? "null") };
    }
  }
}

Deno.test("GET /api/v1/hosts gives the few numbers that matter, and rates of what is real", async () => {
  await using app = await testApp({ clock: new FakeClock(NOW_MS) });
  await app.post([report("a", NOW_S - 20, 1_000), { hostname: "b", metrics: { orders: 1 } }]);
  assert.equal((await app.get("/api/v1/hosts")).body.hosts[0].received_per_s, undefined);
  await app.post(report("a", NOW_S - 10, 2_000));
  await app.post(report("a", NOW_S, 4_000));
  const { body } = await app.get("/api/v1/hosts");
  const about = { alias: null, location: null, tags: {} };
  assert.equal(body.at, NOW_S);
  assert.deepEqual(body.hosts, [
    {
      ...{ hostname: "a", ...about, last_s: NOW_S, every_s: 10 },
      ...{ cpu: 12.5, memory: 40, disk: 93, received_per_s: 200, sent_per_s: 400 },
    },
    { hostname: "b", ...about, last_s: NOW_S, every_s: null },
  ]);
  // a counter that began anew is no rate
  await app.post(report("a", NOW_S + 10, 5));
  assert.equal((await app.get("/api/v1/hosts")).body.hosts[0].received_per_s, undefined);
});

Deno.test("PATCH /api/v1/hosts/<host> writes what people say, and says what is wrong", async () => {
  await using app = await testApp();
  await app.post({ hostname: "a b/ü", metrics: { x: 1 } });
  const patch = async (name: string, body: unknown) => {
    const response = await fetch(`${app.url}/api/v1/hosts/${encodeURIComponent(name)}`, {
      method: "PATCH",
      body: JSON.stringify(body),
    });
    return [response.status, (await response.json()).error];
  };
  assert.deepEqual(await patch("a b/ü", { alias: "Ä", tags: { role: "web" } }), [200, undefined]);
  assert.deepEqual(await patch("a b/ü", { location: "Oslo" }), [200, undefined]);
  const { body } = await app.get("/api/v1/hosts");
  const { alias, location, tags } = body.hosts[0];
  assert.deepEqual({ alias, location, tags }, {
    alias: "Ä",
    location: "Oslo",
    tags: { role: "web" },
  });
  assert.equal((await patch("nobody", { alias: "x" }))[0], 404);
  assert.match((await patch("a b/ü", { alias: 7 }))[1], /alias must be a text: current value is 7/);
  assert.match(
    (await patch("a b/ü", { colour: "red" }))[1],
    /can only be alias, location and tags/,
  );
});

Deno.test("GET /api/v1/live tells hosts as they report, gathered for a second", async () => {
  const clock = new FakeClock(NOW_MS);
  await using app = await testApp({ clock });
  await app.post([report("a", NOW_S - 10, 1_000), report("b", NOW_S - 10, 1_000)]);
  const gone = new AbortController();
  const all = events(`${app.url}/api/v1/live`, gone.signal);
  const one = events(`${app.url}/api/v1/live?host=b`, gone.signal);
  assert.equal((await all.next()).value?.event, "none");
  assert.equal((await one.next()).value?.event, "none");
  // the server's head has come: both follow
  await app.post([report("a", NOW_S, 2_000), report("a", NOW_S + 1, 2_000)]);
  await app.post(report("b", NOW_S, 2_000));
  await clock.advance(1_000);
  const told = (await all.next()).value;
  assert.equal(told?.event, "hosts");
  const hosts = told?.data as { hostname: string; last_s: number }[]; // as the test above has it
  assert.deepEqual(hosts.map(({ hostname, last_s }) => [hostname, last_s]), [
    ["a", NOW_S + 1],
    ["b", NOW_S],
  ]);
  const report_b = (await one.next()).value;
  assert.equal(report_b?.event, "report");
  assert.deepEqual(Object.keys(report_b?.data ?? {}), ["b"]);
  gone.abort();
  await all.return(undefined).catch(() => {});
  await one.return(undefined).catch(() => {});
  assert.equal((await app.get("/api/v1/live?host=nobody")).status, 404);
});

Deno.test("GET /api/v1/live says that incidents and downtimes are not what they were", async () => {
  const clock = new FakeClock(NOW_MS);
  await using app = await testApp({ clock });
  await app.post(report("a", NOW_S, 1_000));
  const gone = new AbortController();
  const all = events(`${app.url}/api/v1/live`, gone.signal);
  const one = events(`${app.url}/api/v1/live?host=a`, gone.signal);
  assert.equal((await all.next()).value?.event, "none");
  assert.equal((await one.next()).value?.event, "none");
  const made = await fetch(`${app.url}/api/v1/downtimes`, {
    method: "POST",
    body: JSON.stringify({ hosts: ["a"], duration_s: 60 }),
  });
  assert.equal(made.status, 201, await made.text());
  await clock.advance(1_000);
  for (const told of [await all.next(), await one.next()]) {
    assert.deepEqual(told.value, { event: "incidents", data: null });
  }
  gone.abort();
  await all.return(undefined).catch(() => {});
  await one.return(undefined).catch(() => {});
});

Deno.test("the server stops while somebody follows", async () => {
  const app = await testApp();
  await app.post({ hostname: "a", metrics: { x: 1 } });
  const response = await fetch(`${app.url}/api/v1/live`);
  const ended = response.text();
  await app[Symbol.asyncDispose]();
  assert.match(await ended, /^retry: /);
});
