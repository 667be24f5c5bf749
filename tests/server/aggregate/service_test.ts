import assert from "node:assert/strict";
import { createLogger } from "../../../log.ts";
import { Aggregation, type AggregationOptions } from "../../../server/aggregate/service.ts";
import { tryRunLock } from "../../../db/aggregation_lock.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { testApp } from "../../support/test_app.ts";
import { type TestDatabase, testDatabase } from "../../support/test_database.ts";
import { GRACE_MS, hotState, makeShape, rawSamples, RETENTION, store } from "./stored.ts";

const NOON = Date.UTC(2025, 0, 15, 12);
const MINUTE_MS = 60_000;

async function withReports(): Promise<TestDatabase> {
  const database = await testDatabase();
  const shape_id = await makeShape(database.sql, { wave: "gauge" });
  await store(database.sql, shape_id, [{ host_id: 1, at_ms: NOON, values: [1] }]);
  return database;
}

/** Lines of the log are what a test can wait for: they are written when a run has ended. */
class Lines {
  readonly all: string[] = [];
  #waiting: (() => void)[] = [];

  readonly log = createLogger({
    level: "debug",
    format: "json",
    now: () => 0,
    write: (line) => {
      this.all.push(line);
      for (const wake of this.#waiting.splice(0)) wake();
    },
  });

  async line(pattern: RegExp): Promise<string> {
    for (;;) {
      const found = this.all.find((line) => pattern.test(line));
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }
}

function options(database: TestDatabase, more: Partial<AggregationOptions>): AggregationOptions {
  return {
    address: database.address,
    schedule: "never",
    grace_ms: GRACE_MS,
    retention: RETENTION,
    clock: new FakeClock(NOON + 15 * MINUTE_MS),
    log: new Lines().log,
    ...more,
  };
}

Deno.test("Aggregation.answer() runs in a Worker and says what it has done", async () => {
  await using database = await withReports();
  const lines = new Lines();
  await using aggregation = new Aggregation(options(database, { log: lines.log }));
  const [first, joined] = await Promise.all([aggregation.answer(), aggregation.answer()]);
  assert.equal(first.state, "done");
  assert.deepEqual(joined, first);
  assert.equal(first.state === "done" && first.reports_merged, 1);
  assert.deepEqual((await hotState(database.sql)).slots, []);
  assert.equal((await rawSamples(database.sql)).size, 1);
  assert.match(await lines.line(/aggregated/), /"reports_merged":1/);
  const again = await aggregation.answer();
  assert.equal(again.state === "done" && again.reports_merged, 0);
});

Deno.test("Aggregation.answer() does not wait for another server's run", async () => {
  await using database = await withReports();
  await using aggregation = new Aggregation(options(database, {}));
  await using held = await tryRunLock(database.sql);
  assert.notEqual(held, undefined);
  assert.deepEqual(await aggregation.answer(), { state: "running" });
});

Deno.test("Aggregation runs by its schedule, in UTC, and once each time", async () => {
  await using database = await withReports();
  const clock = new FakeClock(NOON + 10 * MINUTE_MS);
  const lines = new Lines();
  const given = { clock, log: lines.log, schedule: "15 1-59/10 * * * *" };
  await using _aggregation = new Aggregation(options(database, given));
  await clock.advance(74_999);
  assert.deepEqual(lines.all, []);
  await clock.advance(1);
  await lines.line(/aggregated/);
  assert.equal((await rawSamples(database.sql)).size, 1);
});

Deno.test("Aggregation takes its turn when the server that was at it is gone", async () => {
  await using database = await withReports();
  const clock = new FakeClock(NOON + 10 * MINUTE_MS);
  const lines = new Lines();
  const given = { clock, log: lines.log, schedule: "15 1-59/10 * * * *" };
  const held = await tryRunLock(database.sql);
  await using _aggregation = new Aggregation(options(database, given));
  await clock.advance(75_000);
  await lines.line(/another server aggregates/);
  await held?.[Symbol.asyncDispose]();
  // long before the schedule's next time
  await clock.advance(5_000);
  await lines.line(/aggregated/);
  assert.equal((await rawSamples(database.sql)).size, 1);
});

Deno.test("Aggregation tells of a failure once, and of the next one again", async () => {
  await using database = await withReports();
  const lines = new Lines();
  const address = { ...database.address, database: "no_such_database" };
  await using aggregation = new Aggregation(options(database, { log: lines.log, address }));
  for (let i = 0; i < 2; i++) {
    await assert.rejects(aggregation.trigger(), (error) => {
      assert.equal(error instanceof Error && "code" in error && error.code, "3D000");
      return true;
    });
  }
  assert.equal(lines.all.filter((line) => /aggregation failed/.test(line)).length, 1);
});

Deno.test("Aggregation stops a run under way, and takes no other", async () => {
  await using database = await withReports();
  const aggregation = new Aggregation(options(database, { schedule: "0 0 * * * *" }));
  const run = aggregation.trigger().then(() => "done", () => "stopped");
  await aggregation[Symbol.asyncDispose]();
  assert.match(await run, /done|stopped/);
  await assert.rejects(aggregation.trigger(), /stopping/);
  await aggregation[Symbol.asyncDispose]();
});

Deno.test("POST and GET /aggregate answer as the original did, with counts", async () => {
  await using app = await testApp({ clock: new FakeClock(NOON + 15 * MINUTE_MS) });
  const sent = { hostname: "a", timestamp: NOON / 1000, metrics: { wave: 1 } };
  assert.equal((await app.post(sent)).status, 200);
  const response = await fetch(`${app.url}/aggregate`, { method: "POST" });
  const answer = await response.json();
  assert.equal(answer.status, "Data aggregation triggered successfully");
  assert.deepEqual(
    [answer.state, answer.reports_merged + answer.late_reports_merged],
    ["done", 1],
  );
  const { status, body } = await app.get("/aggregate");
  assert.deepEqual([status, body.state, body.raw_blocks_written], [200, "done", 0]);
});
