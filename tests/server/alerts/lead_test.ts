/** One evaluator at work on a real database. */
import assert from "node:assert/strict";
import { connect, type Sql } from "../../../db/connect.ts";
import { beginEvaluation, insertRule } from "../../../db/rules.ts";
import { ensureHostShapes } from "../../../db/shapes.ts";
import { silentLogger } from "../../../log.ts";
import { Lead } from "../../../server/alerts/lead.ts";
import { breakableDatabase } from "../../support/breakable_database.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { ownShapes, seenMeanwhile } from "../../support/own_shapes.ts";
import { testDatabase } from "../../support/test_database.ts";

const OWN = { enabled: true, source: "api" } as const;
const DISK = { metric: "disk.*.used_percent", condition: "above" };

Deno.test("Lead looks at hosts and shapes that come while it reads of others", async () => {
  await using database = await testDatabase();
  const { sql } = database;
  const clock = new FakeClock();
  const now_ms = clock.now();
  const definition = {
    name: "Any",
    metric: "disk.*.used_percent",
    condition: "above",
    threshold: 0,
  };
  await insertRule(sql, { name: "Any", definition, enabled: true, source: "api" }, now_ms);
  const options = { sql, clock, log: silentLogger, name: "test", isTaking: () => true };
  const lead = await Lead.begin(options);
  await lead.tick();
  // after the evaluator has begun: it knows none of them
  const shapes = await ownShapes(sql, 100, now_ms);
  await seenMeanwhile(shapes, {
    see: (shape) => lead.observe({ ...shape, at_ms: now_ms, length: 1, value: () => 1 }),
    work: () => lead.save(),
  });
  while (lead.isBusy) await lead.save();
  const told = await sql<{ hostname: string }[]>`
    select hostname from transition join host on host.id = host_id where kind = 'firing'`;
  const missed = shapes.filter(({ hostname }) => !told.some((one) => one.hostname === hostname));
  assert.deepEqual(missed, []);
});

Deno.test("Lead reads the past of a series again when the database was away at first", async () => {
  await using database = await breakableDatabase();
  const clock = new FakeClock();
  const now_ms = clock.now();
  const definition = {
    name: "Fast",
    metric: "disk.0.used_percent",
    condition: "rate",
    threshold: 5,
  };
  const rule = { name: "Fast", definition: { ...definition, over: "10m" }, source: "api" as const };
  await insertRule(database.sql, { ...rule, enabled: true }, now_ms);
  const [shape] = await ownShapes(database.sql, 1, now_ms);
  assert.ok(shape);
  const { host_id, shape_id } = shape;
  await ensureHostShapes(database.sql, [{ host_id, shape_id }]);
  await database.sql`
    insert into report (host_id, shape_id, at, vals)
    values (${host_id}, ${shape_id}, to_timestamp(${now_ms / 1000}::float8), '{0}')`;
  const sql = connect(database.url, { connections_max: 1 });
  const options = { sql, clock, log: silentLogger, name: "test", isTaking: () => true };
  const lead = await Lead.begin(options);
  database.cut();
  await assert.rejects(lead.save());
  database.mend();
  const save = () => lead.save().then(() => true, () => false);
  while (!await save());
  await clock.advance(10_000);
  lead.observe({ ...shape, at_ms: now_ms + 10_000, length: 1, value: () => 100 });
  while (!await save());
  const rows = await database.sql`select kind from transition`;
  assert.deepEqual(rows.map(({ kind }) => kind), ["firing"]);
  await sql.end();
});

Deno.test("Lead tells of what begins again, or gets worse and better, within a millisecond", async () => {
  await using database = await testDatabase();
  const { sql } = database;
  const clock = new FakeClock();
  const now_ms = clock.now();
  const definition = {
    metric: "disk.*.used_percent",
    condition: "above",
    warning: 80,
    critical: 90,
  };
  await insertRule(
    sql,
    { name: "Any", definition: { name: "Any", ...definition }, ...OWN },
    now_ms,
  );
  const options = { sql, clock, log: silentLogger, name: "test", isTaking: () => true };
  const lead = await Lead.begin(options);
  await lead.tick();
  const [shape] = await ownShapes(sql, 1, now_ms);
  assert.ok(shape);
  // an agent sends what it has kept, in one body
  [95, 50, 85, 95, 85].forEach((value, i) =>
    lead.observe({ ...shape, at_ms: now_ms - 50_000 + i * 10_000, length: 1, value: () => value })
  );
  while (lead.isBusy) await lead.save();
  const told = await sql`select kind, severity from transition order by id`;
  assert.deepEqual(told.map(({ kind, severity }) => `${kind} ${severity}`), [
    "firing critical",
    "resolved critical",
    "firing warning",
    "severity critical",
    "severity warning",
  ]);
  const open = await sql`
    select
      i.severity, (select count(*) from incident_event where incident_id = i.id)::int as events
    from incident i join alert on incident_key = i.key where resolved_at is null`;
  assert.deepEqual([...open], [{ severity: "warning", events: 3 }]);
});

/** A rule of half an hour that has held for a minute when its evaluator is gone. */
async function heldForAMinute(sql: Sql, clock: FakeClock) {
  const definition = { name: "Any", ...DISK, threshold: 90, for: "30m" };
  await insertRule(sql, { name: "Any", definition, ...OWN }, clock.now());
  const [shape] = await ownShapes(sql, 1, clock.now());
  assert.ok(shape);
  await ensureHostShapes(sql, [shape]);
  const options = { sql, log: silentLogger, name: "test", isTaking: () => true };
  const lead = await Lead.begin({ ...options, clock });
  const minute = async (lead: Lead, clock: FakeClock) => {
    lead.observe({ ...shape, at_ms: clock.now(), length: 1, value: () => 95 });
    await lead.tick();
    await lead.save();
  };
  await minute(lead, clock);
  await clock.advance(60_000);
  await minute(lead, clock);
  /** After how many minutes it is told. */
  const firesAfter = async (lead: Lead, clock: FakeClock) => {
    for (let minutes = 0; minutes < 300; minutes++) {
      await minute(lead, clock);
      const told = await sql`select kind from transition`;
      if (told.length > 0) return minutes;
      await clock.advance(60_000);
    }
  };
  return { options, firesAfter };
}

Deno.test("Lead: who takes over and is gone at once hides nothing of the time in which nobody watched", async () => {
  await using database = await testDatabase();
  const { sql } = database;
  const clock = new FakeClock();
  const { options, firesAfter } = await heldForAMinute(sql, clock);
  await clock.advance(3_600_000);
  await beginEvaluation(sql, "fails while it reads");
  await clock.advance(1_000);
  await Lead.begin({ ...options, clock });
  await clock.advance(1_000);
  const lead = await Lead.begin({ ...options, clock });
  assert.equal(await firesAfter(lead, clock), 29);
});

Deno.test("Lead: a clock that is behind that of the evaluator before lengthens no duration", async () => {
  await using database = await testDatabase();
  const clock = new FakeClock();
  const behind = new FakeClock(clock.now() - 3 * 3_600_000);
  const { options, firesAfter } = await heldForAMinute(database.sql, clock);
  const lead = await Lead.begin({ ...options, clock: behind });
  assert.equal(await firesAfter(lead, behind), 29);
});

Deno.test("Lead: a silent host is not heard because the clock is behind its last report", async () => {
  await using database = await testDatabase();
  const { sql } = database;
  const clock = new FakeClock();
  const definition = { name: "Silent", condition: "host_silent", for: "2m" };
  await insertRule(sql, { name: "Silent", definition, ...OWN }, clock.now());
  const [shape] = await ownShapes(sql, 1, clock.now());
  assert.ok(shape);
  await ensureHostShapes(sql, [shape]);
  await sql`
    insert into report (host_id, shape_id, at, vals)
    values (
      ${shape.host_id}, ${shape.shape_id}, to_timestamp(${clock.now() / 1000}::float8), '{0}'
    )`;
  const options = { sql, log: silentLogger, name: "test", isTaking: () => true };
  const first = await Lead.begin({ ...options, clock });
  await clock.advance(600_000);
  await first.tick();
  await first.save();
  const behind = new FakeClock(clock.now() - 3 * 3_600_000);
  const lead = await Lead.begin({ ...options, clock: behind });
  await lead.observeLatest();
  for (let minutes = 0; minutes < 5; minutes++) {
    await lead.tick();
    await lead.save();
    await behind.advance(60_000);
  }
  const told = await sql`select kind from transition order by id`;
  assert.deepEqual(told.map(({ kind }) => kind), ["firing"]);
});

Deno.test("Lead keeps the points of an incident when the database was away after it was written", async () => {
  await using database = await breakableDatabase();
  const clock = new FakeClock();
  const now_ms = clock.now();
  const definition = { name: "Any", ...DISK, threshold: 90 };
  await insertRule(database.sql, { name: "Any", definition, ...OWN }, now_ms);
  const [shape] = await ownShapes(database.sql, 1, now_ms);
  assert.ok(shape);
  await database.sql`
    insert into report (host_id, shape_id, at, vals)
    values (${shape.host_id}, ${shape.shape_id}, to_timestamp(${now_ms / 1000}::float8), '{95}')`;
  const sql = connect(database.url, { connections_max: 1 });
  const options = { sql, clock, log: silentLogger, name: "test", isTaking: () => true };
  const lead = await Lead.begin({ ...options, onOutbox: () => database.cut() });
  await lead.tick();
  lead.observe({ ...shape, at_ms: now_ms, length: 1, value: () => 95 });
  await assert.rejects(lead.save());
  await clock.advance(60_000);
  database.mend();
  const save = () => lead.save().then(() => true, () => false);
  while (!await save());
  const rows = await database.sql`select points from incident`;
  assert.deepEqual(rows.map(({ points }) => points), [[[now_ms / 1000, 95]]]);
  await sql.end();
});
