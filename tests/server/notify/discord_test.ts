import assert from "node:assert/strict";
import { webhookCollector } from "../../support/webhook_collector.ts";
import { conforms, HUGE, onlyJson, send } from "./channel_cases.ts";

const SECRET = "webhook-token-99";

conforms({
  kind: "discord",
  config: (url) => ({ kind: "discord", url: `${url}/api/webhooks/1/${SECRET}` }),
  secret: SECRET,
});

Deno.test("discord: an embed that mentions nobody, and waits for the answer", async () => {
  await using collector = webhookCollector();
  await send({ kind: "discord", url: `${collector.url}/hook` });
  const body = onlyJson(collector);
  assert.equal(collector.received[0]?.path, "/hook?wait=true");
  assert.deepEqual(body.allowed_mentions, { parse: [] });
  const [embed] = body.embeds;
  assert.deepEqual([embed.color, embed.url], [0xd1324a, "https://monitor.example/alerts"]);
  assert.match(embed.description, /<b\\>web\\_2<\/b\\> & \\\*@everyone\\\* is 91/);
});

Deno.test("discord: its own answer to too many messages is read", async () => {
  await using collector = webhookCollector();
  collector.answer = () => Response.json({ retry_after: 0.25, global: false }, { status: 429 });
  const delivery = await send({ kind: "discord", url: collector.url });
  assert.ok(delivery.outcome === "retryable");
  assert.equal(delivery.retry_after_ms, 250);
});

Deno.test("discord: title and description have the lengths that Discord takes", async () => {
  await using collector = webhookCollector();
  await send({ kind: "discord", url: collector.url }, HUGE);
  const [embed] = onlyJson(collector).embeds;
  assert.ok(embed.title.length <= 256 * 2 && [...embed.title].length <= 256);
  assert.ok([...embed.description].length <= 4_096);
});
