import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { channelSchema } from "../../../server/notify/channels.ts";
import { webhookCollector } from "../../support/webhook_collector.ts";
import { CLOCK, conforms, FIRING, onlyJson, RESOLVED, send } from "./channel_cases.ts";

const SECRET = "hook-secret-4711";

conforms({
  kind: "webhook",
  config: (url) => ({ kind: "webhook", url: `${url}/${SECRET}` }),
  secret: SECRET,
});

Deno.test("webhook: the plain body says what, why, since when, and for which incidents", async () => {
  await using collector = webhookCollector();
  await send({ kind: "webhook", url: collector.url }, RESOLVED);
  const body = onlyJson(collector);
  assert.deepEqual([body.version, body.status, body.reason, body.severity], [
    1,
    "resolved",
    "resolved",
    "critical",
  ]);
  assert.equal(body.title, "✓ Resolved: cpu high: cpu_usage of web-1");
  assert.equal(body.timestamp, CLOCK.now() / 1000);
  assert.deepEqual(
    [body.incidents[0].opened_at, body.incidents[0].resolved_at],
    [CLOCK.now() / 1000 - 65, CLOCK.now() / 1000],
  );
  assert.equal(body.key, RESOLVED.key);
});

Deno.test("webhook: the signature covers the time and the body", async () => {
  await using collector = webhookCollector();
  const headers = { "x-team": "web" };
  await send({ kind: "webhook", url: collector.url, signing_secret: "s3cret", headers });
  const [request] = collector.received;
  const [, t, v1] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(
    request?.headers.get("x-monitor-signature") ?? "",
  ) ?? [];
  assert.equal(Number(t), CLOCK.now() / 1000);
  const mac = createHmac("sha256", "s3cret").update(`${t}.${request?.text}`).digest("hex");
  assert.equal(v1, mac);
  assert.equal(request?.headers.get("x-team"), "web");
});

Deno.test("webhook: a template gives JSON of its own form, with values that stay what they are", async () => {
  await using collector = webhookCollector();
  const template = {
    "subject": "{{severity}}: {{title}}",
    "n": "{{value}}",
    "list": ["{{incidents}}", 5],
    "dedupe": "{{ key }}",
  };
  await send({ kind: "webhook", url: collector.url, method: "PUT", template });
  const body = onlyJson(collector);
  assert.equal(collector.received[0]?.method, "PUT");
  assert.equal(body.subject, "critical: ■ critical: cpu high: cpu_usage of web-1 and 1 more");
  assert.deepEqual([body.n, body.list[1], body.dedupe], [97.5, 5, FIRING.key]);
  assert.equal(body.list[0][1].hostname, FIRING.incidents[1]?.hostname);
});

Deno.test("webhook: a template that names what is not there is refused, with what there is", () => {
  const config = { kind: "webhook", url: "http://x/", template: { a: ["{{titel}}"] } };
  const parsed = channelSchema.safeParse(config);
  assert.match(parsed.error?.issues[0]?.message ?? "", /title, text.*current value has \{\{titel/);
  assert.deepEqual(parsed.error?.issues[0]?.path, ["template"]);
});
