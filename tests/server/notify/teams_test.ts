import assert from "node:assert/strict";
import { webhookCollector } from "../../support/webhook_collector.ts";
import { conforms, HUGE, onlyJson, RESOLVED, send } from "./channel_cases.ts";

const SECRET = "sig-of-a-workflow";

conforms({
  kind: "teams",
  config: (url) => ({ kind: "teams", url: `${url}/workflows/1?sig=${SECRET}` }),
  secret: SECRET,
});

Deno.test("teams: an adaptive card in a message, with buttons", async () => {
  await using collector = webhookCollector();
  collector.answer = () => new Response("", { status: 202 });
  assert.equal((await send({ kind: "teams", url: collector.url })).outcome, "delivered");
  const body = onlyJson(collector);
  assert.equal(body.type, "message");
  const [{ contentType, content }] = body.attachments;
  assert.equal(contentType, "application/vnd.microsoft.card.adaptive");
  assert.deepEqual([content.type, content.body[0].color], ["AdaptiveCard", "Attention"]);
  assert.match(content.body[2].text, /<b>web\\_2<\/b> & \\\*@everyone\\\*/);
  assert.deepEqual(
    content.actions.map((action: { title: string; url: string }) => [action.title, action.url]),
    [["Open", "https://monitor.example/alerts"], ["Runbook", "https://wiki.example/cpu"]],
  );
});

Deno.test("teams: resolved is good, and a card stays below 28 kB", async () => {
  await using collector = webhookCollector();
  await send({ kind: "teams", url: collector.url }, RESOLVED);
  assert.equal(onlyJson(collector).attachments[0].content.body[0].color, "Good");
  await send({ kind: "teams", url: collector.url }, HUGE);
  const text = collector.received[1]?.text ?? "";
  assert.match(text, /… and 475 more/);
  assert.ok(text.length < 28_000, `${text.length}`);
});
