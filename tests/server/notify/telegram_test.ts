import assert from "node:assert/strict";
import { webhookCollector } from "../../support/webhook_collector.ts";
import { conforms, onlyJson, RESOLVED, send } from "./channel_cases.ts";

const SECRET = "123456:ABC-token";

conforms({
  kind: "telegram",
  config: (url) => ({ kind: "telegram", api_url: url, token: SECRET, chat_id: -100 }),
  secret: SECRET,
  key_header: false,
});

Deno.test("telegram: sendMessage with text that cannot be taken for tags", async () => {
  await using collector = webhookCollector();
  const config = { kind: "telegram", api_url: collector.url, token: SECRET, chat_id: "@ops" };
  await send({ ...config, message_thread_id: 5 });
  const body = onlyJson(collector);
  assert.equal(collector.received[0]?.path, `/bot${SECRET}/sendMessage`);
  assert.deepEqual([body.chat_id, body.message_thread_id, body.parse_mode], ["@ops", 5, "HTML"]);
  assert.match(body.text, /^<b>■ critical: cpu high: cpu_usage of web-1 and 1 more<\/b>\n/);
  assert.match(body.text, /&lt;b&gt;web_2&lt;\/b&gt; &amp; \*@everyone\*/);
  assert.equal(body.disable_notification, false);
  await send(config, RESOLVED);
  assert.equal(JSON.parse(collector.received[1]?.text ?? "").disable_notification, true);
});

Deno.test("telegram: its own answer to too many messages is read", async () => {
  await using collector = webhookCollector();
  const answer = { ok: false, description: "Too Many Requests", parameters: { retry_after: 9 } };
  collector.answer = () => Response.json(answer, { status: 429 });
  const config = { kind: "telegram", api_url: collector.url, token: SECRET, chat_id: 1 };
  const delivery = await send(config);
  assert.ok(delivery.outcome === "retryable");
  assert.deepEqual([delivery.retry_after_ms, delivery.why], [
    9_000,
    "Telegram answered 429: Too Many Requests",
  ]);
});
