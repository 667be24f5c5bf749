import assert from "node:assert/strict";
import { webhookCollector } from "../../support/webhook_collector.ts";
import { conforms, FIRING, onlyJson, RESOLVED, send } from "./channel_cases.ts";

const SECRET = "am-password-1";

conforms({
  kind: "alertmanager",
  config: (url) => ({ kind: "alertmanager", url, username: "m", password: SECRET }),
  secret: SECRET,
});

Deno.test("alertmanager: the body of version 4, field by field", async () => {
  await using collector = webhookCollector();
  await send({ kind: "alertmanager", url: collector.url, token: "t" });
  const body = onlyJson(collector);
  assert.deepEqual(Object.keys(body).sort(), [
    "alerts",
    "commonAnnotations",
    "commonLabels",
    "externalURL",
    "groupKey",
    "groupLabels",
    "receiver",
    "status",
    "truncatedAlerts",
    "version",
  ]);
  assert.deepEqual([body.version, body.status, body.receiver, body.groupKey], [
    "4",
    "firing",
    "ops",
    FIRING.group_key,
  ]);
  assert.deepEqual(body.groupLabels, { alertname: "cpu high" });
  assert.deepEqual(body.commonLabels, { team: "web", alertname: "cpu high", metric: "cpu_usage" });
  assert.deepEqual(body.alerts[0].labels, {
    team: "web",
    alertname: "cpu high",
    instance: "web-1",
    severity: "critical",
    metric: "cpu_usage",
  });
  assert.deepEqual([body.alerts[0].startsAt, body.alerts[0].endsAt], [
    "2025-01-15T11:58:55.000Z",
    "0001-01-01T00:00:00Z",
  ]);
  assert.match(body.alerts[0].fingerprint, /^[0-9a-f]{16}$/);
  assert.equal(collector.received[0]?.headers.get("authorization"), "Bearer t");
});

Deno.test("alertmanager: a resolved alert is the same alert with its end", async () => {
  await using collector = webhookCollector();
  await send({ kind: "alertmanager", url: collector.url });
  await send({ kind: "alertmanager", url: collector.url }, RESOLVED);
  const [firing, resolved] = collector.received.map(({ text }) => JSON.parse(text).alerts[0]);
  assert.equal(firing.fingerprint, resolved.fingerprint);
  assert.deepEqual([resolved.status, resolved.endsAt], ["resolved", "2025-01-15T12:00:00.000Z"]);
});
