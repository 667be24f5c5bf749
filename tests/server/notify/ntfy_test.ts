import assert from "node:assert/strict";
import { webhookCollector } from "../../support/webhook_collector.ts";
import { conforms, HUGE, onlyJson, RESOLVED, send } from "./channel_cases.ts";

const SECRET = "tk_secret-topic";

conforms({
  kind: "ntfy",
  config: (url) => ({ kind: "ntfy", url, topic: SECRET, token: SECRET }),
  secret: SECRET,
});

Deno.test("ntfy: JSON to the root, priority and tag by what is wrong", async () => {
  await using collector = webhookCollector();
  await send({ kind: "ntfy", url: collector.url, topic: "ops", token: "tk_1" });
  const body = onlyJson(collector);
  assert.deepEqual([body.topic, body.priority, body.tags, body.click], [
    "ops",
    5,
    ["rotating_light"],
    "https://monitor.example/alerts",
  ]);
  assert.equal(collector.received[0]?.headers.get("authorization"), "Bearer tk_1");
  const login = { username: "phil", password: "mypass" };
  await send({ kind: "ntfy", url: collector.url, topic: "ops", ...login }, RESOLVED);
  const resolved = collector.received[1];
  assert.equal(resolved?.headers.get("authorization"), "Basic cGhpbDpteXBhc3M=");
  assert.deepEqual(JSON.parse(resolved?.text ?? "").tags, ["white_check_mark"]);
});

Deno.test("ntfy: a message stays one message", async () => {
  await using collector = webhookCollector();
  await send({ kind: "ntfy", url: collector.url, topic: "ops" }, HUGE);
  const bytes = new TextEncoder().encode(onlyJson(collector).message).length;
  assert.ok(bytes <= 4_096 && bytes > 2_000, `${bytes}`);
});
