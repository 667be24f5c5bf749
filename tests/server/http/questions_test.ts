/** Questions that are too much, take too long, or that nobody waits for any more. */
import assert from "node:assert/strict";
import { FakeClock } from "../../support/fake_clock.ts";
import { type TestApp, testApp } from "../../support/test_app.ts";

const METRICS = Array.from({ length: 20 }, (_, i) => `m${i}`);
const SMALL = "/api/v1/series?host=a&metric=m1";
/** Asked by COPY, and in turn with others. */
const LARGE = "/api/v1/series?host=a&metric=m*";

async function appWith(limits: Record<string, number>): Promise<TestApp> {
  const clock = new FakeClock();
  const app = await testApp({ clock, config: { limits } });
  const metrics = Object.fromEntries(METRICS.map((name, i) => [name, i]));
  const { status } = await app.post({ hostname: "a", timestamp: clock.now() / 1000, metrics });
  assert.equal(status, 200);
  // what is known of series is read before anything is locked
  assert.equal((await app.get(LARGE)).body.series.length, METRICS.length);
  return app;
}

/** Nobody reads reports until it is disposed of. */
async function lockReports({ database: { sql } }: TestApp): Promise<AsyncDisposable> {
  const locked = Promise.withResolvers<void>();
  const released = Promise.withResolvers<void>();
  const lock = sql.begin(async (tx) => {
    await tx`lock table report in access exclusive mode`;
    locked.resolve();
    await released.promise;
  });
  await locked.promise;
  return {
    [Symbol.asyncDispose]: async () => {
      released.resolve();
      await lock;
    },
  };
}

/** Waits until so many questions are at work in PostgreSQL. */
async function untilAsking({ database: { sql } }: TestApp, wanted: number): Promise<void> {
  for (;;) {
    const [row] = await sql<{ count: number }[]>`
      select count(*)::int as count from pg_stat_activity
      where datname = current_database() and application_name = 'monitor reading'
        and state = 'active'`;
    if (row?.count === wanted) return;
  }
}

Deno.test("a question that would read too much is refused before it is asked", async () => {
  await using app = await appWith({ question_blocks_max: 100 });
  await using _lock = await lockReports(app);
  const { status, body } = await app.get(`${LARGE}&from=now-10d&tier=raw&points=1000`);
  assert.equal(status, 400);
  assert.match(
    body.error,
    /^Cannot answer at once: 20 series need \d+ blocks of tier raw, at most 100 are read \(limits\.question_blocks_max\); select fewer/,
  );
});

Deno.test("a question that takes too long is given up, and says what to reduce", async () => {
  await using app = await appWith({ question_s: 1 });
  {
    await using _lock = await lockReports(app);
    for (const path of [SMALL, LARGE, "/fetch/history/a/m1"]) {
      const { status, body } = await app.get(path);
      assert.equal(status, 503, path);
      assert.match(body.error, /^Cannot answer within 1 s \(limits\.question_s\): select fewer/);
    }
  }
  assert.equal((await app.get(LARGE)).status, 200);
  const { body } = await app.get("/metrics");
  assert.match(body, /^monitor_server_questions_unanswered_total\{reason="too_long"\} 3$/m);
});

Deno.test("PostgreSQL stops working on what nobody waits for any more", async () => {
  await using app = await appWith({});
  {
    await using _lock = await lockReports(app);
    for (const path of [SMALL, LARGE, "/fetch/history/a/m1"]) {
      const gone = new AbortController();
      const asked = fetch(`${app.url}${path}`, { signal: gone.signal });
      await untilAsking(app, 1);
      gone.abort();
      await assert.rejects(asked);
      await untilAsking(app, 0);
    }
  }
  for (const path of [SMALL, LARGE, "/fetch/history/a/m1"]) {
    assert.equal((await app.get(path)).status, 200, path);
  }
  const { body } = await app.get("/metrics");
  assert.match(body, /^monitor_server_questions_unanswered_total\{reason="given_up"\} 3$/m);
});

Deno.test("a question that a request to cancel has hit by mistake is asked again", async () => {
  await using app = await appWith({});
  const { sql } = app.database;
  for (const path of [SMALL, LARGE, "/fetch/history/a/m1", "/fetch/history/a/m1?points=10"]) {
    let asked;
    {
      await using _lock = await lockReports(app);
      asked = app.get(path);
      await untilAsking(app, 1);
      await sql`
        select pg_cancel_backend(pid) from pg_stat_activity
        where datname = current_database() and application_name = 'monitor reading'
          and state = 'active'`;
    }
    assert.equal((await asked).status, 200, path);
  }
});

Deno.test("large questions wait for each other, not too many of them, and short ones do not", async () => {
  await using app = await appWith({ questions_waiting_max: 1 });
  const answers: Promise<{ status: number }>[] = [];
  {
    await using _lock = await lockReports(app);
    answers.push(app.get(LARGE), app.get(LARGE));
    await untilAsking(app, 2);
    const gone = new AbortController();
    const waiting = fetch(`${app.url}${LARGE}`, { signal: gone.signal });
    const isWaiting = async (count: number) =>
      (await app.get("/metrics")).body.includes(`\nmonitor_server_questions_waiting ${count}\n`);
    while (!await isWaiting(1));
    const crowded = await app.get(LARGE);
    assert.equal(crowded.status, 503);
    assert.equal(crowded.headers.get("retry-after"), "5");
    assert.match(
      crowded.body.error,
      /1 large questions wait already \(limits\.questions_waiting_max\)/,
    );
    // who leaves makes room
    gone.abort();
    await assert.rejects(waiting);
    while (!await isWaiting(0));
    answers.push(app.get(LARGE));
    while (!await isWaiting(1));
  }
  for (const answer of answers) assert.equal((await answer).status, 200);
});
