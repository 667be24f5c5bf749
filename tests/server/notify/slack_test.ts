import assert from "node:assert/strict";
import { webhookCollector } from "../../support/webhook_collector.ts";
import { conforms, HUGE, onlyJson, RESOLVED, send } from "./channel_cases.ts";

const SECRET = "T000-B000-XXXX";

conforms({
  kind: "slack",
  config: (url) => ({ kind: "slack", url: `${url}/services/${SECRET}` }),
  secret: SECRET,
});

Deno.test("slack: a title with a link, lines below it, the colour of the state", async () => {
  await using collector = webhookCollector();
  await send({ kind: "slack", url: collector.url, channel: "#ops" });
  const body = onlyJson(collector);
  const [attachment] = body.attachments;
  assert.equal(body.channel, "#ops");
  assert.equal(body.text, "■ critical: cpu high: cpu_usage of web-1 and 1 more");
  assert.equal(attachment.color, "#d1324a");
  assert.equal(attachment.blocks[0].text.text, `*<https://monitor.example/alerts|${body.text}>*`);
  assert.equal(
    attachment.blocks[1].text.text,
    "■ cpu_usage of web-1 is 97.5, above 90 (since 1 min)\n" +
      "▲ cpu_usage of &lt;b&gt;web_2&lt;/b&gt; &amp; *@everyone* is 91, above 90 (since 5 s)\n" +
      "Runbook: https://wiki.example/cpu",
  );
});

Deno.test("slack: resolved is green, and a block is never longer than Slack takes", async () => {
  await using collector = webhookCollector();
  await send({ kind: "slack", url: collector.url }, RESOLVED);
  assert.equal(onlyJson(collector).attachments[0].color, "#2a9d6f");
  await send({ kind: "slack", url: collector.url }, HUGE);
  const body = JSON.parse(collector.received[1]?.text ?? "");
  assert.ok(body.attachments[0].blocks[1].text.text.length <= 3_000);
  assert.doesNotMatch(body.attachments[0].blocks[1].text.text, /&(?!(amp|lt|gt);)/);
});
