import assert from "node:assert/strict";
import { webhookCollector } from "../../support/webhook_collector.ts";
import { conforms, FIRING, onlyJson, RESOLVED, send } from "./channel_cases.ts";

const SECRET = "routing-key-0815";

const config = (api_url: string) => ({ kind: "pagerduty", api_url, routing_key: SECRET });

conforms({ kind: "pagerduty", config, secret: SECRET });

Deno.test("pagerduty: triggers with the group as dedup_key", async () => {
  await using collector = webhookCollector();
  collector.answer = () => new Response("{}", { status: 202 });
  assert.equal((await send(config(collector.url))).outcome, "delivered");
  const event = onlyJson(collector);
  assert.equal(collector.received[0]?.path, "/v2/enqueue");
  assert.deepEqual([event.routing_key, event.event_action, event.dedup_key], [
    SECRET,
    "trigger",
    FIRING.group_key,
  ]);
  const { summary, severity, source, timestamp, custom_details } = event.payload;
  assert.equal(summary, "■ critical: cpu high: cpu_usage of web-1 and 1 more");
  assert.deepEqual([severity, source, timestamp], [
    "critical",
    "web-1",
    "2025-01-15T11:58:55.000Z",
  ]);
  assert.deepEqual([custom_details.firing, custom_details.reason], [2, "first"]);
  assert.deepEqual(event.links, [{ href: "https://wiki.example/cpu", text: "Runbook" }]);
});

Deno.test("pagerduty: resolves the same key", async () => {
  await using collector = webhookCollector();
  await send(config(collector.url), RESOLVED);
  assert.deepEqual(onlyJson(collector), {
    routing_key: SECRET,
    dedup_key: FIRING.group_key,
    event_action: "resolve",
  });
});
