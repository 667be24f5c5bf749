/** Channels over HTTP, and the whole way from the outbox of a running server to a receiver. */
import assert from "node:assert/strict";
import { systemClock } from "../../../clock.ts";
import { channelSchema, channelTestSchema } from "../../../server/wire/channel.ts";
import { fire, resolve } from "../../support/outbox.ts";
import { testApp } from "../../support/test_app.ts";
import { webhookCollector } from "../../support/webhook_collector.ts";

Deno.test("/api/v1/channels: what is set without its secrets, whether it works, and a test", async () => {
  await using collector = webhookCollector();
  await using app = await testApp({
    channels: {
      hook: { kind: "webhook", url: `${collector.url}/secret-path`, signing_secret: "s3cr3t" },
      page: { kind: "pagerduty", routing_key: "r0uting", api_url: collector.url },
    },
    routes: [{ name: "all", channels: ["hook"], escalate: [{ after: 60, channels: ["page"] }] }],
  });
  const { body } = await app.get("/api/v1/channels");
  assert.doesNotMatch(JSON.stringify(body), /secret-path|s3cr3t|r0uting/);
  const [hook, page] = body.channels.map((one: unknown) => channelSchema.strict().parse(one));
  assert.deepEqual([hook.name, hook.kind, hook.routes, hook.waiting], [
    "hook",
    "webhook",
    ["all"],
    0,
  ]);
  assert.deepEqual([page.routes, page.last_error], [["all"], null]);

  const test = async (name: string) => {
    const response = await fetch(`${app.url}/api/v1/channels/${name}/test`, { method: "POST" });
    return { status: response.status, body: await response.json() };
  };
  assert.equal(channelTestSchema.strict().parse((await test("hook")).body).outcome, "delivered");
  assert.match(JSON.parse(collector.received[0]?.text ?? "").title, /\(test\)/);
  collector.answer = () => new Response("wrong key", { status: 400 });
  const refused = await test("page");
  assert.deepEqual([refused.status, refused.body.outcome], [200, "permanent"]);
  assert.match(refused.body.why, /answered 400: wrong key/);
  const unknown = await test("boss");
  assert.equal(unknown.status, 404);
  assert.match(unknown.body.error, /the configuration has hook, page/);
});

Deno.test("a running server tells what is in its outbox, once, and that it is over", async () => {
  await using collector = webhookCollector();
  await using app = await testApp({
    channels: { hook: { kind: "webhook", url: collector.url } },
    routes: [{ name: "all", channels: ["hook"], group_wait: 0, group_interval: 0 }],
  });
  const { sql } = app.database;
  await fire(sql, "a", { at_ms: systemClock.now() });
  await collector.count(1);
  await resolve(sql, "a", systemClock.now());
  const told = (await collector.count(2)).map(({ text }) => JSON.parse(text));
  assert.deepEqual(told.map(({ status, reason }) => [status, reason]), [
    ["firing", "first"],
    ["resolved", "resolved"],
  ]);
  assert.deepEqual(app.log_lines, []);
});
