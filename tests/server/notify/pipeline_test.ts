/** The pipeline as a whole, on connections that say nothing any more and with settings that change. */
import assert from "node:assert/strict";
import { systemClock } from "../../../clock.ts";
import { connect, type Sql } from "../../../db/connect.ts";
import { silentLogger } from "../../../log.ts";
import { channelSchema } from "../../../server/notify/channels.ts";
import { Pipeline, type PipelineOptions } from "../../../server/notify/pipeline.ts";
import { type RouteInput, routeSchema } from "../../../server/notify/route.ts";
import type { NotifySettings } from "../../../server/notify/setup.ts";
import { breakableDatabase } from "../../support/breakable_database.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { fire } from "../../support/outbox.ts";
import { testDatabase } from "../../support/test_database.ts";
import { type WebhookCollector, webhookCollector } from "../../support/webhook_collector.ts";

function settingsFor({ url }: WebhookCollector, more: Partial<RouteInput> = {}): NotifySettings {
  const route = { name: "all", channels: ["ops"], group_by: ["host"], group_wait: 0, ...more };
  return {
    channels: { ops: channelSchema.parse({ kind: "webhook", url }) },
    routes: [routeSchema.parse(route)],
    page_url: null,
  };
}

function pipelineOn(
  url: string,
  options: Pick<PipelineOptions, "settings"> & Partial<PipelineOptions>,
): Pipeline {
  return new Pipeline({
    connect: () => connect(url, { connections_max: 3 }),
    clock: systemClock,
    log: silentLogger,
    ...options,
  });
}

const fireNow = (sql: Sql, hostname: string, host_id: number) =>
  fire(sql, hostname, { hostname, host_id, at_ms: systemClock.now() });

/** Resolves when every message has come to its end. */
async function allSent(sql: Sql): Promise<void> {
  for (;;) {
    const rows = await sql`select state from notification`;
    if (rows.length > 0 && rows.every(({ state }) => state === "sent")) return;
    await systemClock.sleep(5);
  }
}

const keysOf = ({ received }: WebhookCollector) =>
  received.map(({ headers }) => headers.get("idempotency-key"));

Deno.test("connections that say nothing any more are given up: the next incident is told on new ones", async () => {
  await using database = await breakableDatabase();
  await using collector = webhookCollector();
  const settings = settingsFor(collector);
  await using pipeline = pipelineOn(database.url, { settings, answer_ms_max: 500 });
  await fireNow(database.sql, "a", 1);
  pipeline.wake();
  await collector.count(1);
  await allSent(database.sql);
  database.forget();
  await fireNow(database.sql, "b", 2);
  pipeline.wake();
  await collector.count(2);
  await allSent(database.sql);
  assert.equal(new Set(keysOf(collector)).size, 2);
});

Deno.test("a connection that falls silent while a message is sent: that it has arrived is written on another", async () => {
  await using database = await breakableDatabase();
  await using collector = webhookCollector();
  collector.answer = () => {
    database.forget();
    return new Response("ok");
  };
  const settings = settingsFor(collector);
  await using pipeline = pipelineOn(database.url, { settings, answer_ms_max: 1_500 });
  await fireNow(database.sql, "a", 1);
  pipeline.wake();
  await allSent(database.sql);
  assert.equal(collector.received.length, 1);
});

Deno.test("the pipeline stops also when the database says nothing", async () => {
  await using database = await breakableDatabase();
  await using collector = webhookCollector();
  const settings = settingsFor(collector);
  const pipeline = pipelineOn(database.url, { settings, answer_ms_max: 600_000 });
  await fireNow(database.sql, "a", 1);
  pipeline.wake();
  await collector.count(1);
  await allSent(database.sql);
  database.forget();
  pipeline.wake();
  await pipeline[Symbol.asyncDispose]();
});

Deno.test("settings that change between decision and message: what is sent by the old ones is waited for", async () => {
  await using database = await testDatabase();
  await using collector = webhookCollector();
  const answer = Promise.withResolvers<Response>();
  collector.answer = () => answer.promise;
  const settings = settingsFor(collector);
  const clock = new FakeClock();
  await fire(database.sql, "a", { at_ms: clock.now() });
  const pipeline = pipelineOn(database.url, {
    settings,
    clock,
    onStep: (step) => {
      if (step === "decided") pipeline.reload({ ...settings });
    },
  });
  await collector.count(1);
  // the new settings are in use, and there is nothing more to do
  while (clock.sleeping === 0) await systemClock.sleep(1);
  const stopped = pipeline[Symbol.asyncDispose]();
  answer.resolve(new Response("ok"));
  await stopped;
  assert.deepEqual([...await database.sql`select state from notification`], [{ state: "sent" }]);
});

Deno.test("new routes tell of everything that is open, also of more than is looked at once", async () => {
  await using database = await testDatabase();
  await using collector = webhookCollector();
  const { sql } = database;
  await fireNow(sql, "a", 1);
  // those that no route is for come first; nothing of all this is in the outbox
  await sql`
    insert into incident (
      host_id, key, rule_id, metric, hostname, story, severity, worst_severity, summary, labels, rule,
      opened_at
    )
    select
      host_id, s.severity || n, rule_id, metric, hostname, story, s.severity, s.severity, summary, labels,
      rule, opened_at
    from incident, (values (1, 'warning'), (2, 'critical')) as s (place, severity),
      generate_series(1, 700) as n
    order by s.place, n`;
  const settings = settingsFor(collector, { match: { severity: "critical" } });
  await using _pipeline = pipelineOn(database.url, { settings });
  await collector.count(1);
  const members = await sql`select count(*) as count from notification_member`;
  assert.equal(members[0]?.count, 700);
});
