/** Rules, reports and incidents on a real server and database. */
import assert from "node:assert/strict";
import { systemClock } from "../../../clock.ts";
import type { Sql } from "../../../db/connect.ts";
import { createLogger } from "../../../log.ts";
import { listAlerts } from "../../../server/alerts/listing.ts";
import { Alerting, type AlertingOptions } from "../../../server/alerts/service.ts";
import { eventually, send } from "../../support/asking.ts";
import { breakableDatabase } from "../../support/breakable_database.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { type TestApp, testApp } from "../../support/test_app.ts";
import { testDatabase } from "../../support/test_database.ts";

const RULE = {
  hostname: "a",
  metric_name: "cpu",
  condition: "above",
  threshold: 90,
  duration: 60,
};

Deno.test("the contract's calls make a rule that fires once after 60 s and resolves once", async () => {
  const clock = new FakeClock();
  await using app = await testApp({ clock });
  await app.post({ hostname: "a", metrics: { cpu: 10 } });
  const made = await send(app, "POST", "/alert_config", RULE);
  assert.deepEqual(made, { status: 200, body: { status: "success", id: made.body.id } });
  const id = made.body.id;
  assert.deepEqual((await send(app, "POST", "/alert_config", RULE)).body.id, id);
  assert.deepEqual((await app.get("/alert_config")).body, [{ id, ...RULE, enabled: true }]);
  await clock.advance(1_000);
  await eventually(() => app.get("/api/v1/alerts"), ({ evaluation }) => evaluation.rules === 1);

  const reach = () => app.get("/api/v1/rules");
  await eventually(reach, ({ rules }) => rules[0].series === 1);
  const recent = () => app.get("/fetch/recent_alerts?hostname=a");
  const alerts = () => app.get("/api/v1/alerts");
  await app.post({ hostname: "a", metrics: { cpu: 95 } });
  await eventually(alerts, (body) => body.alerts[0]?.state === "pending");
  for (let at_s = 10; at_s <= 50; at_s += 10) {
    await clock.advance(10_000);
    await app.post({ hostname: "a", metrics: { cpu: 95 } });
  }
  assert.deepEqual((await recent()).body, []);
  await clock.advance(10_000);
  const [fired] = await eventually(recent, (body) => body.length === 1);
  assert.deepEqual({ ...fired, id: 0, timestamp: 0, rule_id: 0 }, {
    id: 0,
    hostname: "a",
    metric_name: "cpu",
    timestamp: 0,
    value: 95,
    condition: "above",
    threshold: 90,
    severity: "critical",
    summary: "cpu of a is 95, above 90 for 1m",
    rule_id: 0,
    resolved: null,
  });
  await clock.advance(10_000);
  await app.post({ hostname: "a", metrics: { cpu: 10 } });
  const [over] = await eventually(recent, (body) => body[0]?.resolved !== null);
  assert.equal(over.id, fired.id);
  const evidence = (await app.get(`/api/v1/incidents/${fired.id}`)).body;
  assert.deepEqual(
    evidence.events.map(({ kind }: { kind: string }) => kind),
    ["opened", "resolved"],
  );
  assert.equal(evidence.rule.threshold, 90);
  assert.deepEqual(evidence.points.at(-1)[1], 95);
  assert.equal(evidence.resolved_reason, "recovered");
  const rows = await app.database.sql`select kind from transition order by id`;
  assert.deepEqual(rows.map(({ kind }) => kind), ["firing", "resolved"]);
});

const BUSY = { name: "Busy", metric: "cpu", condition: "above", threshold: 90 };

/** A server that evaluates one rule by now. */
async function appWith(
  rule: object,
  options: Parameters<typeof testApp>[0] = {},
): Promise<TestApp> {
  const app = await testApp(options);
  assert.equal((await send(app, "POST", "/api/v1/rules", rule)).status, 201);
  await eventually(() => app.get("/api/v1/alerts"), ({ evaluation }) => evaluation.rules === 1);
  return app;
}

/** An evaluator without a server around it. */
function watching(sql: Sql, options: Partial<AlertingOptions> & Pick<AlertingOptions, "address">) {
  const clock = options.clock ?? systemClock;
  const told: string[] = [];
  const write = (line: string) => told.push(line);
  const alerting = new Alerting({
    clock,
    log: createLogger({ level: "error", format: "json", now: () => 0, write }),
    name: "test",
    isTaking: () => true,
    onOutbox: () => told.push("outbox"),
    ...options,
  });
  return {
    told,
    listing: async () => {
      const body = await listAlerts(sql, { clock, lead: alerting.lead });
      return { status: 200, headers: new Headers(), body };
    },
    /** It has looked once, and sleeps until the clock moves. */
    looked: async () => {
      while (alerting.looks === 0) await systemClock.sleep(5);
    },
    [Symbol.asyncDispose]: () => alerting[Symbol.asyncDispose](),
  };
}

const openIncidents = (app: TestApp) => app.get("/api/v1/incidents?state=open");

Deno.test("what fires goes on firing over a restart, and is told once", async () => {
  await using database = await testDatabase();
  const clock = new FakeClock();
  {
    await using app = await appWith(BUSY, { clock, database });
    await app.post({ hostname: "a", metrics: { cpu: 95 } });
    await eventually(() => openIncidents(app), ({ incidents }) => incidents.length === 1);
  }
  await clock.advance(3_600_000);
  await using again = await testApp({ clock, database });
  await again.post({ hostname: "a", metrics: { cpu: 96 } });
  await again.post({ hostname: "b", metrics: { cpu: 96 } });
  const { incidents } = await eventually(
    () => openIncidents(again),
    (body) => body.incidents.length === 2,
  );
  assert.deepEqual(incidents.map(({ host }: { host: string }) => host), ["b", "a"]);
  await again.post({ hostname: "a", metrics: { cpu: 10 } });
  await eventually(() => openIncidents(again), (body) => body.incidents.length === 1);
  const kinds = await database.sql`select kind from transition order by id`;
  assert.deepEqual(kinds.map(({ kind }) => kind), ["firing", "firing", "resolved"]);
});

Deno.test("of two servers one evaluates, also what the other stores, and the other takes over", async () => {
  await using database = await testDatabase();
  const first = await appWith(BUSY, { database });
  await using second = await testApp({ database });
  await second.post({ hostname: "a", metrics: { cpu: 95 } });
  await eventually(() => openIncidents(second), ({ incidents }) => incidents.length === 1);
  await first.server.stop();
  await second.post({ hostname: "a", metrics: { cpu: 5 } });
  await eventually(() => openIncidents(second), ({ incidents }) => incidents.length === 0);
  const kinds = await database.sql`select kind from transition order by id`;
  assert.deepEqual(kinds.map(({ kind }) => kind), ["firing", "resolved"]);
});

Deno.test("an incident is acknowledged, commented and ended by hand, and begins anew after that", async () => {
  await using app = await appWith(BUSY);
  await app.post({ hostname: "a", metrics: { cpu: 95 } });
  const { incidents: [{ id }] } = await eventually(
    () => openIncidents(app),
    ({ incidents }) => incidents.length === 1,
  );
  const path = `/api/v1/incidents/${id}`;
  const acknowledged = await send(app, "POST", `${path}/acknowledge`, {
    who: "ann",
    note: "on my way",
    for: "2h",
  });
  assert.equal(acknowledged.body.acknowledged.who, "ann");
  assert.equal((await send(app, "POST", `${path}/comment`, { note: "disk?" })).status, 200);
  assert.equal((await send(app, "POST", `${path}/comment`, { note: "" })).status, 400);
  const ended = await send(app, "POST", `${path}/resolve`, { who: "bob", note: "known" });
  assert.deepEqual([ended.status, ended.body.resolved_reason], [200, "by_hand"]);
  assert.equal((await send(app, "POST", `${path}/resolve`, {})).status, 409);
  const { events } = (await app.get(path)).body;
  assert.deepEqual(
    events.map(({ kind, who }: { kind: string; who: string }) => [kind, who]),
    [["opened", null], ["acknowledged", "ann"], ["commented", null], ["resolved", "bob"]],
  );
  for (const cpu of [96, 10, 97]) await app.post({ hostname: "a", metrics: { cpu } });
  const { incidents } = await eventually(
    () => openIncidents(app),
    (body) => body.incidents.length === 1,
  );
  assert.equal(incidents[0].value, 97);
});

Deno.test("a database that is away is a story of its own, and resolves nothing", async () => {
  await using database = await breakableDatabase();
  {
    await using app = await appWith(BUSY, { database });
    await app.post({ hostname: "a", metrics: { cpu: 95 } });
    await eventually(() => openIncidents(app), ({ incidents }) => incidents.length === 1);
  }
  await using watched = watching(database.sql, {
    address: database.url,
    answer_ms_max: 600,
  });
  await eventually(watched.listing, ({ evaluation }) => evaluation.rules === 1);
  database.cut();
  const away = await eventually(
    watched.listing,
    ({ evaluation }) => evaluation.reason === "database",
  );
  assert.deepEqual(
    away.alerts.map(({ state, unknown }: { state: string; unknown: string }) => [state, unknown]),
    [["firing", "server"]],
  );
  database.mend();
  const back = await eventually(
    watched.listing,
    ({ evaluation }) => evaluation.state === "running",
  );
  assert.equal(back.alerts[0].state, "firing");
  assert.deepEqual(watched.told.filter((line) => line === "outbox"), []);
});

Deno.test("while no reports are taken nobody is silent, and what fires goes on", async () => {
  await using database = await testDatabase();
  let isTaking = true;
  const silent = { name: "Silent", condition: "host_silent", for: "1m" };
  const clock = new FakeClock();
  {
    await using app = await appWith(BUSY, { clock, database });
    await send(app, "POST", "/api/v1/rules", silent);
    await app.post({ hostname: "a", metrics: { cpu: 95 } });
    await eventually(() => openIncidents(app), ({ incidents }) => incidents.length === 1);
  }
  await using watched = watching(database.sql, {
    address: database.address,
    clock,
    isTaking: () => isTaking,
  });
  const { listing, told } = watched;
  await eventually(listing, ({ evaluation }) => evaluation.rules === 2);
  await watched.looked();
  isTaking = false;
  for (let i = 0; i < 30; i++) await clock.advance(10_000);
  const full = await eventually(listing, ({ evaluation }) => evaluation.reason === "disk full");
  assert.deepEqual(full.alerts.map(({ unknown }: { unknown: string }) => unknown), ["server"]);
  isTaking = true;
  await clock.advance(10_000);
  const back = await eventually(listing, ({ evaluation }) => evaluation.state === "running");
  assert.deepEqual(back.alerts.map(({ rule }: { rule: string }) => rule), ["Busy"]);
  assert.deepEqual(told, []);
});
