import assert from "node:assert/strict";
import fc from "fast-check";
import { fitting } from "../../../server/ingest/new_series.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { type TestApp, testApp } from "../../support/test_app.ts";
import { testDatabase } from "../../support/test_database.ts";

const names = fc.uniqueArray(fc.stringMatching(/^[a-z]{1,2}$/), { maxLength: 20 });

Deno.test("fitting() keeps what is known, fills the room there is, and no more", () => {
  fc.assert(fc.property(names, names, fc.nat(25), (wanted, known_names, series_max) => {
    const known = new Set(known_names);
    const fit = fitting(wanted, known, series_max);
    const isNew = (name: string) => !known.has(name);
    assert.deepEqual(fit.filter((name) => known.has(name)), wanted.filter((n) => known.has(n)));
    const room = Math.max(0, series_max - known.size);
    assert.deepEqual(fit.filter(isNew), wanted.filter(isNew).slice(0, room));
  }));
});

function report(hostname: string, metrics: Record<string, number>, clock: FakeClock) {
  clock.set(clock.now() + 1_000);
  return { hostname, timestamp: clock.now() / 1000, metrics };
}

async function seriesOf(app: TestApp, hostname: string): Promise<string[]> {
  const { body } = await app.get(`/fetch/latest?hostname=${hostname}`);
  return Object.keys(body[hostname].metrics).sort();
}

Deno.test("a host keeps its series, and those beyond the limit are refused by name", async () => {
  const clock = new FakeClock();
  await using app = await testApp({ clock, config: { limits: { host_series_max: 3 } } });
  assert.equal((await app.post(report("a", { x: 1, y: 2 }, clock))).status, 200);
  const over = await app.post(report("a", { x: 3, req_1: 1, req_2: 1, y: 4 }, clock));
  assert.equal(over.status, 207);
  const message =
    'must be at most 3 series of a host (limits.host_series_max), which "a" has: "req_2" were ' +
    "refused; put no ids or times into names, or raise the limit";
  assert.deepEqual(over.body, {
    status: "received",
    stored: 1,
    duplicate: 0,
    refused: [{ index: 0, path: "metrics", message }],
    refused_count: 1,
  });
  // the next round trip needs no database to know; the template of before still matches
  const again = await app.post([
    report("a", { x: 5, y: 6 }, clock),
    report("a", { x: 7, req_3: 1 }, clock),
    report("a", { req_4: 1 }, clock),
    report("b", { req_4: 1 }, clock),
  ]);
  assert.equal(again.body.stored, 3);
  assert.deepEqual(again.body.refused.map((one: { path: string }) => one.path), [
    "[1].metrics",
    "[2].metrics",
  ]);
  assert.deepEqual(await seriesOf(app, "a"), ["req_1", "x", "y"]);
  assert.deepEqual(await seriesOf(app, "b"), ["req_4"]);
  // names that nobody may use are not made
  const made = await app.database.sql`select name from metric where name like 'req_%' order by 1`;
  assert.deepEqual(made.map(({ name }) => name), ["req_1", "req_4"]);
  const all_new = await app.post(report("a", { req_5: 1 }, clock));
  assert.equal(all_new.status, 400);
  assert.match(all_new.body.error, /^Cannot take the report: metrics must be at most 3 series/);
  // said where the host's own remarks are, once, and once in the log
  const remarks = await app.get("/api/v1/messages?host=a");
  assert.deepEqual(
    remarks.body.messages.map((one: { metric: string; message: string }) => [
      one.metric,
      one.message,
    ]),
    [["limits.host_series_max", message]],
  );
  assert.equal(app.log_lines.filter((line) => line.includes("series refused")).length, 1);
  const own = (await app.get("/metrics")).body;
  assert.match(own, /^monitor_server_series_refused_total 4$/m);
  const { received, stored, duplicate, refused } = app.server.counters;
  assert.equal(received, stored + duplicate + refused);
});

Deno.test("limits hold over restarts and over several servers at once", async () => {
  const clock = new FakeClock();
  await using database = await testDatabase();
  const config = { limits: { host_series_max: 10, hosts_max: 5 } };
  {
    await using first = await testApp({ clock, database, config });
    const old = Object.fromEntries(Array.from({ length: 8 }, (_, i) => [`old_${i}`, i]));
    assert.equal((await first.post(report("a", old, clock))).status, 200);
  }
  await using one = await testApp({ clock, database, config });
  await using two = await testApp({ clock, database, config });
  await Promise.all([one, two].flatMap((app, server) =>
    Array.from({ length: 10 }, async (_, i) => {
      const name = `new_${server}_${i}`;
      await app.post(report("a", { old_0: i, [name]: i }, clock));
      await app.post(report(name, { x: 1 }, clock));
    })
  ));
  const [counted] = await database.sql`
    select (select count(distinct m)::int from host_shape hs join shape s on s.id = hs.shape_id
        cross join lateral unnest(s.metric_ids) m
        where hs.host_id = (select id from host where hostname = 'a')) as series,
      (select count(*)::int from host) as hosts`;
  assert.deepEqual({ ...counted }, { series: 10, hosts: 5 });
  const stranger = await one.post(report("stranger", { x: 1 }, clock));
  assert.equal(stranger.status, 400);
  assert.match(stranger.body.error, /hostname must be one of the 5 hosts there may be/);
});
