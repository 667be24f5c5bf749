/** More comes than can be stored: 503 at once, nothing lost, and normal again. */
import assert from "node:assert/strict";
import { FakeClock } from "../../support/fake_clock.ts";
import { type TestApp, testApp } from "../../support/test_app.ts";

async function ownNumber(app: TestApp, name: string): Promise<number> {
  const { body } = await app.get("/metrics");
  return Number(new RegExp(`^${name} (\\S+)$`, "m").exec(body)?.[1]);
}

Deno.test("POST /metrics is 503 while PostgreSQL stands still, then all acknowledged is there once", async () => {
  const clock = new FakeClock();
  await using app = await testApp({ clock });
  const report = (hostname: string, value: number) => ({
    hostname,
    timestamp: clock.now() / 1000,
    metrics: { value },
  });
  // the ordinary way makes host and shape, so that only the COPY has to wait
  assert.equal((await app.post(report("web-1", 1))).status, 200);
  clock.set(clock.now() + 1_000);
  const held = Promise.withResolvers<void>();
  const locked = Promise.withResolvers<void>();
  const lock = app.database.sql.begin(async (sql) => {
    await sql`lock table report in access exclusive mode`;
    locked.resolve();
    await held.promise;
  });
  await locked.promise;
  const waiting = app.post(report("web-1", 2));
  while (await ownNumber(app, "monitor_server_queue_bytes") === 0);
  await clock.advance(1_000);
  const refused = [];
  for (const size of [1, 1_000, 10_000]) {
    const answer = await app.post({ ...report("web-1", 3), tags: { long: "x".repeat(size) } });
    refused.push(answer.status, answer.headers.get("retry-after"), answer.body.error);
  }
  const error = "Cannot take reports just now: more come than can be stored; send them again later";
  assert.deepEqual(refused, [503, "1", error, 503, "1", error, 503, "1", error]);
  assert.equal(await ownNumber(app, "monitor_server_busy_refusals_total"), 3);
  // the page and everything else are not concerned
  assert.equal((await app.get("/fetch/hosts")).status, 200);
  held.resolve();
  await lock;
  assert.deepEqual((await waiting).body, { status: "received", stored: 1, duplicate: 0 });
  const again = await app.post(report("web-1", 3));
  assert.equal(again.status, 200);
  const history = await app.get("/fetch/history/web-1/value");
  assert.deepEqual(history.body.map(([, value]: [number, number]) => value).toSorted(), [1, 2, 3]);
  assert.equal(app.log_lines.filter((line) => line.includes("more reports come")).length, 1);
});

Deno.test("a large body that comes too slowly gives its room back, and its sender is told", async () => {
  const clock = new FakeClock();
  await using app = await testApp({ clock });
  const sender = await Deno.connect({ hostname: "127.0.0.1", port: Number(new URL(app.url).port) });
  const body = "x".repeat(1_000);
  await sender.write(new TextEncoder().encode(
    `POST /metrics HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\n${body}`,
  ));
  while (await ownNumber(app, "monitor_server_queue_bytes") < body.length);
  await clock.advance(60_000);
  let text = "";
  for await (const piece of sender.readable.pipeThrough(new TextDecoderStream())) {
    text += piece;
    if (text.includes("are here")) break;
  }
  assert.match(text, /^HTTP\/1\.1 408 .*after 60 s only 1000 bytes of it are here/s);
  assert.equal(await ownNumber(app, "monitor_server_queue_bytes"), 0);
});
