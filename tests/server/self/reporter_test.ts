/** The server as a host: its numbers come in by the way of every report, under a name of its own. */
import assert from "node:assert/strict";
import { systemClock } from "../../../clock.ts";
import { connect } from "../../../db/connect.ts";
import { chooseName, lockKey } from "../../../server/self/own_name.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { type TestApp, testApp } from "../../support/test_app.ts";
import { testDatabase } from "../../support/test_database.ts";

/** Resolves with the newest report of the host as soon as it is stored. */
async function reportOf(app: TestApp, hostname: string, after_s = 0) {
  for (;;) {
    const { body } = await app.get("/fetch/latest");
    if (body[hostname]?.timestamp > after_s) return body[hostname];
    await systemClock.sleep(20);
  }
}

Deno.test("a server reports itself as host monitor-server, with what its numbers mean", async () => {
  const clock = new FakeClock();
  await using app = await testApp({ clock, config: { own_metrics: { every_s: 10 } } });
  const at_s = clock.now() / 1000;
  const first = await reportOf(app, "monitor-server");
  assert.equal(first.timestamp, at_s);
  assert.deepEqual(first.tags, { monitor: "server" });
  assert.equal(first.metrics['monitor_server_info{version="0.0.0"}'], 1, JSON.stringify(first));
  assert.equal(first.metrics["monitor_server_database_up"], 1);
  assert.equal(first.metrics["monitor_server_migration"] > 0, true);
  assert.equal(first.metrics["monitor_server_outbox"], 0);
  assert.ok(first.metrics["monitor_server_resident_memory_bytes"] > 1_000_000);
  await app.post({ hostname: "a", timestamp: at_s, metrics: { x: 1 } });
  await clock.advance(10_000);
  const second = await reportOf(app, "monitor-server", at_s);
  assert.equal(second.timestamp, at_s + 10);
  // its own first report and that of "a"
  assert.equal(second.metrics['monitor_server_reports_total{result="stored"}'], 2);
  assert.deepEqual(Object.keys(second.metrics), Object.keys(first.metrics));
  const { sql } = app.database;
  const [unit] = await sql<{ unit: string; kind: string }[]>`
    select unit, kind from metric where name = 'monitor_server_cpu_seconds_total'`;
  assert.deepEqual({ ...unit }, { unit: "s", kind: "counter" });
});

Deno.test("chooseName() gives each of several servers another name, and the first one's on when free", async () => {
  await using database = await testDatabase();
  const clock = new FakeClock();
  const pools = [1, 2, 3].map(() => connect(database.address, { connections_max: 1 }));
  const choose = (pool: number, signal = new AbortController().signal) => {
    const sql = pools[pool];
    assert.ok(sql !== undefined);
    return chooseName("monitor-server", { sql, clock, signal, place: "b:8889" });
  };
  const first = await choose(0);
  assert.equal(first?.name, "monitor-server");
  const second = choose(1);
  // it looks again each second, for half a minute
  const gone = new AbortController();
  const third = choose(2, gone.signal);
  gone.abort();
  assert.equal(await third, undefined);
  while (
    await Promise.race([second.then(() => true), clock.advance(1_000).then(() => false)]) === false
  );
  assert.equal((await second)?.name, "monitor-server@b:8889");
  await first?.release();
  const again = await choose(2);
  assert.equal(again?.name, "monitor-server");
  // who loses its connection has lost its name
  assert.equal(again?.isLost(), false);
  await database.sql`
    select pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid()`;
  while (!again?.isLost()) await systemClock.sleep(5);
  assert.notEqual(lockKey("a"), lockKey("b"));
  await Promise.all(pools.map((sql) => sql.end({ timeout: 0 })));
});
