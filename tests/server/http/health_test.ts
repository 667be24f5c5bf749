/** `GET /health` and `GET /ready` on a real server: what each says when something is missing. */
import assert from "node:assert/strict";
import { readySchema } from "../../../server/wire/ready.ts";
import { breakableDatabase } from "../../support/breakable_database.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { type TestApp, testApp } from "../../support/test_app.ts";

async function ready(app: TestApp) {
  const { status, body } = await app.get("/ready");
  const { ready, checks } = readySchema.strict().parse(body);
  assert.equal(status, ready ? 200 : 503);
  return checks;
}

Deno.test("GET /ready is yes with each check, GET /health always", async () => {
  await using app = await testApp({ clock: new FakeClock() });
  assert.deepEqual(await ready(app), {
    database: { ok: true },
    migrations: { ok: true },
    partitions: { ok: true },
    disk: { ok: true },
    running: { ok: true },
  });
  const health = await app.get("/health");
  assert.deepEqual([health.status, health.body], [200, { status: "ok" }]);
  assert.equal(health.headers.get("cache-control"), "no-store");
});

Deno.test("GET /ready sees a missing partition and another program's migration", async () => {
  const clock = new FakeClock();
  await using app = await testApp({ clock });
  const { sql } = app.database;
  assert.equal((await ready(app)).partitions.ok, true);
  await sql`
    insert into migration (number, name, checksum, applied_at) values (9999, 'later', 'x', now())`;
  const [{ name } = { name: "" }] = await sql<{ name: string }[]>`
    select inhrelid::regclass::text as name from pg_inherits
    where inhparent = 'report'::regclass order by name limit 1`;
  await sql`alter table report detach partition ${sql(name)}`;
  // an answer counts as new for a second
  assert.equal((await ready(app)).partitions.ok, true);
  await clock.advance(1_000);
  const { partitions, migrations, database } = await ready(app);
  assert.equal(database.ok, true);
  assert.match(partitions.why ?? "", /no partition/);
  assert.match(migrations.why ?? "", /9999_later/);
});

Deno.test("GET /ready is no while PostgreSQL is away, GET /health is not concerned", async () => {
  await using database = await breakableDatabase();
  await using app = await testApp({ database });
  database.cut();
  const { database: there, migrations, running } = await ready(app);
  assert.equal(there.ok, false);
  // it is for everybody: no address, no user
  assert.match(there.why ?? "", /^PostgreSQL (cannot be reached|has not answered for 2 s)$/);
  assert.equal(migrations.ok, false);
  assert.equal(running.ok, true);
  assert.equal((await app.get("/health")).status, 200);
  const text = (await app.get("/metrics")).body;
  assert.match(text, /^monitor_server_database_up [01]$/m);
  database.mend();
});

Deno.test("GET /ready is no while the server drains, and everything else is still answered", async () => {
  const clock = new FakeClock();
  await using app = await testApp({ clock, config: { webapp: { drain_s: 5 } } });
  assert.equal((await ready(app)).running.ok, true);
  const stopped = app.server.stop();
  assert.match((await ready(app)).running.why ?? "", /stopping/);
  const at_s = clock.now() / 1000;
  const { status } = await app.post({ hostname: "a", timestamp: at_s, metrics: { x: 1 } });
  assert.equal(status, 200);
  await clock.advance(5_000);
  await stopped;
  await assert.rejects(fetch(`${app.url}/health`));
});
