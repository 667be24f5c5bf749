/** Two servers on one database: what one stores and is told, the other shows. */
import assert from "node:assert/strict";
import { systemClock } from "../../../clock.ts";
import { urlOf } from "../../../db/address.ts";
import { ensureHostShapes } from "../../../db/shapes.ts";
import { silentLogger } from "../../../log.ts";
import { Exchange } from "../../../server/exchange/exchange.ts";
import { eventually, send } from "../../support/asking.ts";
import { breakableDatabase } from "../../support/breakable_database.ts";
import { ownShapes } from "../../support/own_shapes.ts";
import { type Answer, type TestApp, testApp } from "../../support/test_app.ts";
import { testDatabase } from "../../support/test_database.ts";

/** Waits until each has heard the other. */
async function acquainted(...apps: TestApp[]): Promise<void> {
  for (const app of apps) {
    await eventually(
      () => app.get("/metrics"),
      (text: string) => /^monitor_server_others 1$/m.test(text),
    );
  }
}

const latest = (app: TestApp) => app.get("/fetch/latest");

Deno.test("what one server has stored, the other shows, also what was stored before it heard", async () => {
  await using database = await testDatabase();
  await using first = await testApp({ database });
  await using second = await testApp({ database });
  await first.post({ hostname: "early", metrics: { cpu: 1 } });
  await acquainted(first, second);
  await eventually(() => latest(second), (body) => body.early?.metrics.cpu === 1);
  await second.post({ hostname: "a", metrics: { cpu: 2 } });
  await eventually(() => latest(first), (body) => body.a?.metrics.cpu === 2);
  await eventually(
    () => first.get("/api/v1/hosts"),
    ({ hosts }) => hosts.some(({ hostname }: { hostname: string }) => hostname === "a"),
  );
});

Deno.test("who follows live at one server hears of reports and downtimes of the other", async () => {
  await using database = await testDatabase();
  await using first = await testApp({ database });
  await using second = await testApp({ database });
  await acquainted(first, second);
  const following = new AbortController();
  const stream = await fetch(`${second.url}/api/v1/live`, { signal: following.signal });
  let text = "";
  const told = (async () => {
    if (stream.body === null) return;
    for await (const chunk of stream.body.pipeThrough(new TextDecoderStream())) {
      text += chunk;
      if (text.includes('"hostname":"a"') && text.includes("event: incidents")) break;
    }
  })();
  await first.post({ hostname: "a", metrics: { cpu: 3 } });
  const start_time = Math.ceil(systemClock.now() / 1000) + 60;
  const span = { start_time, end_time: start_time + 3_600 };
  assert.equal((await send(first, "POST", "/downtime", { hostname: "a", ...span })).status, 200);
  await told;
  following.abort();
});

Deno.test("the same reports at two servers at once are stored once", async () => {
  await using database = await testDatabase();
  await using first = await testApp({ database });
  await using second = await testApp({ database });
  const base = Math.floor(systemClock.now() / 1000) - 100;
  const reports = Array.from({ length: 50 }, (_, i) => ({
    hostname: `h${i % 5}`,
    timestamp: base + i,
    metrics: { cpu: i },
  }));
  // of two writers that wait for each other PostgreSQL has one told to come again
  const post = async (app: TestApp, report: unknown): Promise<Answer> => {
    for (;;) {
      const answer = await app.post(report);
      if (answer.status !== 503) return answer;
    }
  };
  const answers = (await Promise.all(
    reports.flatMap((report) => [post(first, report), post(second, report)]),
  )).map(({ body }) => body);
  const sum = (of: "stored" | "duplicate") =>
    answers.reduce((total, answer) => total + answer[of], 0);
  assert.deepEqual([sum("stored"), sum("duplicate")], [50, 50]);
  const [{ count } = { count: 0 }] = await database.sql`select count(*) as count from report`;
  assert.equal(count, 50);
});

Deno.test("a server that could not hear for a while reads what it has missed", async () => {
  await using database = await breakableDatabase();
  await using first = await testApp({ database: { ...database, url: urlOf(database.address) } });
  await using second = await testApp({ database });
  await acquainted(first, second);
  database.cut();
  await first.post({ hostname: "a", metrics: { cpu: 4 } });
  database.mend();
  await eventually(() => latest(second), (body) => body.a?.metrics?.cpu === 4);
});

Deno.test("what a server has stored last before it stops is told", async () => {
  await using database = await testDatabase();
  const { sql } = database;
  const now_ms = Math.floor(systemClock.now() / 1000) * 1000;
  const [shape] = await ownShapes(sql, 1, now_ms);
  assert(shape !== undefined);
  const { host_id, shape_id } = shape;
  await ensureHostShapes(sql, [{ host_id, shape_id }]);
  const heard: number[] = [];
  let news = 0;
  const options = { address: database.address, clock: systemClock, log: silentLogger };
  const first = new Exchange({ ...options, onReport: () => {}, onNews: () => {} });
  await using _second = new Exchange({
    ...options,
    onReport: ({ at_ms }) => heard.push(at_ms),
    onNews: () => news++,
  });
  const store = async (at_ms: number) => {
    await sql`
      insert into report (host_id, shape_id, at, vals)
      values (${host_id}, ${shape_id}, to_timestamp(${at_ms / 1000}::float8), '{1}')`;
    first.stored({ host_id, shape_id, at_ms });
  };
  // the first may have been read, as what was there before
  for (let i = 1; i < 600 && heard.length < 3; i++) {
    await store(now_ms + i);
    await systemClock.sleep(50);
  }
  const last_ms = now_ms + 1_000;
  await store(last_ms);
  first.tellNews();
  await first[Symbol.asyncDispose]();
  for (let i = 0; i < 6_000 && (news === 0 || !heard.includes(last_ms)); i++) {
    await systemClock.sleep(5);
  }
  assert(heard.includes(last_ms));
  assert(news > 0);
});
