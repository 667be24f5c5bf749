/** A server with a real replica beside its PostgreSQL: who is asked, and what is answered. */
import assert from "node:assert/strict";
import { systemClock } from "../../../clock.ts";
import { connect } from "../../../db/connect.ts";
import type { EmbeddedPostgres } from "../../../db/embedded.ts";
import { socketAddress } from "../../../db/embedded/listen.ts";
import { send } from "../../support/asking.ts";
import { embeddedFixture, query } from "../../support/embedded.ts";
import { startReplica } from "../../support/streaming_replica.ts";
import { tempDir } from "../../support/temp_dir.ts";
import { type TestApp, testApp } from "../../support/test_app.ts";

const LAG_S = 5;
const HOUR_S = 3_600;
const { start, usedDirectory } = embeddedFixture();

/** The database of an embedded PostgreSQL, as testApp() wants it. */
function databaseOf({ address, url }: EmbeddedPostgres) {
  const sql = connect(address, { connections_max: 2 });
  return { sql, address, url, [Symbol.asyncDispose]: () => sql.end({ timeout: 0 }) };
}

async function becomes(app: TestApp, in_use: boolean): Promise<void> {
  const wanted = `monitor_server_replica_in_use ${Number(in_use)}\n`;
  while (!(await app.get("/metrics")).body.includes(wanted)) await systemClock.sleep(50);
}

/** Everything that a replica may answer, about what is hours old. */
async function askAll(app: TestApp, now_s: number): Promise<unknown[]> {
  const [from, to] = [now_s - 9 * HOUR_S, now_s - HOUR_S];
  const rule = { name: "Busy", metric: "cpu", condition: "above", threshold: 90 };
  const answers = [
    await app.get(`/fetch/history/web-1/cpu?start=${from}&end=${to}&limit=50`),
    await app.get(`/fetch/history/web-1/cpu?start=${from}&end=${to}&points=20`),
    await app.get(`/fetch/history/web-1/cpu?start=${from}&end=${to}&tier=5m`),
    await app.get(`/api/v1/series?metric=*&from=${from}&to=${to}&points=50`),
    await app.get(`/api/v1/series?metric=cpu&from=${from}&to=${to}&points=50&aggregate=p95`),
    await app.get(`/api/v1/export?start=${from}&end=${to}`),
    await send(app, "POST", "/api/v1/rules/backtest", { rule, from, to }),
  ];
  assert.deepEqual(answers.map(({ status }) => status), answers.map(() => 200));
  const { body } = await app.get("/api/v1/storage");
  const tiers = body.tiers.map(({ name, samples }: Record<string, unknown>) => [name, samples]);
  return [...answers.map((answer) => answer.body), tiers];
}

/** How many connections for questions there are. */
async function readersAt({ address }: Pick<EmbeddedPostgres, "address">): Promise<number> {
  const [row] = await query(address, (sql) =>
    sql<{ count: number }[]>`
      select count(*) from pg_stat_activity where application_name = 'monitor reading'`);
  return row?.count ?? 0;
}

/** What it has said of the replica. */
function warnings(app: TestApp): Record<string, unknown>[] {
  return app.log_lines.map((line) => JSON.parse(line)).filter((line) =>
    line.component === "replica"
  );
}

Deno.test("questions about the past go to the replica, and to the primary when it cannot", async () => {
  await using dir = await tempDir();
  await using primary = await start(await usedDirectory(dir));
  await using database = databaseOf(primary);
  const place = dir.join("replica");
  const address = socketAddress(`${place}/postgres`);
  await using app = await testApp({ database, replica: { address, lag_s: LAG_S } });
  const now_s = Math.floor(app.clock.now() / 1000);
  const past = Array.from({ length: 1_000 }, (_, i) => ({
    hostname: `web-${i % 4}`,
    timestamp: now_s - 8 * HOUR_S + i * 20,
    metrics: { cpu: i % 100, sent_total: i * 7 },
  }));
  assert.equal((await app.post(past)).body.stored, 1_000);
  assert.equal((await send(app, "POST", "/aggregate", {})).status, 200);
  const wanted = await askAll(app, now_s);

  await using replica = await startReplica(primary, place, start);
  await becomes(app, true);
  assert.equal(await readersAt(replica), 0);
  assert.deepEqual(await askAll(app, now_s), wanted);
  assert.ok(await readersAt(replica) > 0, "it was not asked");

  Deno.kill(replica.pid, "SIGKILL");
  await replica.exited;
  // before anybody has looked whether it lives
  assert.deepEqual(await askAll(app, now_s), wanted);
  await becomes(app, false);
  await replica.restart();
  await becomes(app, true);
  assert.deepEqual(await askAll(app, now_s), wanted);
  assert.ok(await readersAt(replica) > 0, "it was not asked again");

  await query(replica.address, (sql) => sql`select pg_wal_replay_pause()`);
  await app.post({ hostname: "web-1", metrics: { cpu: 50.5 } });
  const newest = await app.get("/fetch/history/web-1/cpu?limit=1");
  assert.equal(newest.body[0][1], 50.5);
  await becomes(app, false);
  while (warnings(app).length < 3) await systemClock.sleep(50);
  await query(replica.address, (sql) => sql`select pg_wal_replay_resume()`);
  await becomes(app, true);

  const told = warnings(app);
  assert.equal(told.length, 3, app.log_lines.join("\n"));
  for (const { msg } of told) assert.equal(msg, "all questions go to the primary");
  const [before, killed, paused] = told.map(({ reason }) => String(reason));
  for (const reason of [before, killed]) assert.match(String(reason), /^it does not answer: /);
  assert.match(String(paused), /^it is \d+ s behind$/);
});
