import assert from "node:assert/strict";
import { webhookCollector } from "../../support/webhook_collector.ts";
import { CLOCK, conforms, HUGE, RESOLVED, send } from "./channel_cases.ts";

const SECRET = "app-token-secret";

const config = (api_url: string) => ({ kind: "pushover", api_url, token: SECRET, user: "u-key" });

conforms({ kind: "pushover", config, secret: SECRET });

const fieldsOf = (text = "") => Object.fromEntries(new URLSearchParams(text));

Deno.test("pushover: a form; critical is high priority, resolved is not", async () => {
  await using collector = webhookCollector();
  await send(config(collector.url));
  await send(config(collector.url), RESOLVED);
  const [firing, resolved] = collector.received;
  assert.equal(firing?.path, "/1/messages.json");
  const fields = fieldsOf(firing?.text);
  assert.deepEqual([fields.token, fields.user, fields.priority, fields.retry, fields.timestamp], [
    SECRET,
    "u-key",
    "1",
    undefined,
    `${CLOCK.now() / 1000}`,
  ]);
  assert.equal(fieldsOf(resolved?.text).priority, "0");
});

Deno.test("pushover: emergencies ring, and only when that is wanted", async () => {
  await using collector = webhookCollector();
  await send({ ...config(collector.url), emergency: true });
  const fields = fieldsOf(collector.received[0]?.text);
  assert.deepEqual([fields.priority, fields.retry, fields.expire], ["2", "60", "3600"]);
});

Deno.test("pushover: title and message have the lengths that Pushover takes", async () => {
  await using collector = webhookCollector();
  await send(config(collector.url), HUGE);
  const fields = fieldsOf(collector.received[0]?.text);
  assert.ok([...fields.title ?? ""].length <= 250 && [...fields.message ?? ""].length <= 1_024);
});
