import assert from "node:assert/strict";
import { webhookCollector } from "../../support/webhook_collector.ts";
import { conforms, FIRING, HUGE, onlyJson, RESOLVED, send } from "./channel_cases.ts";

const SECRET = "genie-key-secret";

const config = (api_url: string) => ({ kind: "opsgenie", api_url, api_key: SECRET });

conforms({ kind: "opsgenie", config, secret: SECRET });

Deno.test("opsgenie: an alert by its alias, for the teams it is for", async () => {
  await using collector = webhookCollector();
  collector.answer = () => Response.json({ result: "Request will be processed" }, { status: 202 });
  await send({ ...config(collector.url), teams: ["web"], tags: ["prod"], details: { site: "b" } });
  const alert = onlyJson(collector);
  const [request] = collector.received;
  assert.equal(request?.path, "/v2/alerts");
  assert.equal(request?.headers.get("authorization"), `GenieKey ${SECRET}`);
  assert.deepEqual([alert.alias, alert.priority, alert.entity, alert.tags], [
    FIRING.group_key,
    "P1",
    "web-1",
    ["prod"],
  ]);
  assert.deepEqual(alert.responders, [{ type: "team", name: "web" }]);
  assert.deepEqual(alert.details, { rule: "cpu high", site: "b" });
});

Deno.test("opsgenie: closes by the alias, and keeps its lengths", async () => {
  await using collector = webhookCollector();
  await send(config(collector.url), RESOLVED);
  assert.equal(
    collector.received[0]?.path,
    "/v2/alerts/default%2Fops%2Fcpu%20high/close?identifierType=alias",
  );
  await send(config(collector.url), HUGE);
  const { message, description } = JSON.parse(collector.received[1]?.text ?? "");
  assert.ok([...message].length <= 130 && [...description].length <= 15_000);
});
