import assert from "node:assert/strict";
import { channelSchema } from "../../../server/notify/channels.ts";
import { type MailCollector, mailCollector } from "../../support/mail_collector.ts";
import { FIRING, RESOLVED, send } from "./channel_cases.ts";

const settings = ({ port }: MailCollector, more: object = {}) => ({
  kind: "email",
  host: "127.0.0.1",
  port,
  security: "none",
  from: "Monitor <monitor@example.com>",
  to: ["ops@example.com", "Night shift <night@example.com>"],
  ...more,
});

/** Headers with folded lines put together. */
const headersOf = (text: string) => (text.split("\r\n\r\n")[0] ?? "").replaceAll(/\r\n[ \t]/g, " ");

Deno.test("email: one mail to all, as text and as HTML, in one thread", async () => {
  await using collector = await mailCollector();
  assert.deepEqual(await send(settings(collector)), { outcome: "delivered" });
  assert.deepEqual(await send(settings(collector), RESOLVED), { outcome: "delivered" });
  const [firing, resolved] = collector.received;
  assert.deepEqual([firing?.from, firing?.to], [
    "monitor@example.com",
    ["ops@example.com", "night@example.com"],
  ]);
  const headers = headersOf(firing?.text ?? "");
  assert.match(headers, /^Message-ID: <default=2Fops=2Fcpu=20high=231@example\.com>$/m);
  assert.match(headers, /^References: <default=2Fops=2Fcpu=20high@example\.com>$/m);
  assert.match(headers, /^Auto-Submitted: auto-generated$/m);
  assert.match(headers, /^Content-Type: multipart\/alternative/m);
  assert.match(headersOf(resolved?.text ?? ""), /^In-Reply-To: <default=2Fops=2Fcpu=20high@/m);
  const [, html = ""] = (firing?.text ?? "").split("text/html");
  assert.match(html, /&lt;b&gt;web_2&lt;\/b&gt; &amp; \*@everyone/);
  assert.doesNotMatch(html, /<b>web/);
});

Deno.test("email: a log-in that is refused is for people to repair; nothing says the password", async () => {
  await using collector = await mailCollector({ login: { username: "m", password: "right" } });
  const login = { username: "m", password: "wrong-password" };
  const refused = await send(settings(collector, login));
  assert.ok(refused.outcome === "permanent", JSON.stringify(refused));
  assert.match(refused.why, /^Cannot send through 127\.0\.0\.1: .*535/);
  assert.doesNotMatch(refused.why, /wrong-password/);
  const right = settings(collector, { username: "m", password: "right" });
  assert.equal((await send(right)).outcome, "delivered");
});

Deno.test("email: 4xx is for later, 5xx is not, and a few refused recipients are told", async () => {
  await using collector = await mailCollector();
  collector.refuse = () => "451 greylisted";
  assert.equal((await send(settings(collector))).outcome, "retryable");
  collector.refuse = () => "550 no such mailbox";
  assert.equal((await send(settings(collector))).outcome, "permanent");
  collector.refuse = (to) => to.startsWith("night") ? "550 no such mailbox" : undefined;
  const some = await send(settings(collector));
  assert.ok(some.outcome === "permanent");
  assert.match(some.why, /not for night@example\.com/);
  assert.equal(collector.received.length, 1);
});

Deno.test("email: a server that is away, or insists on no encryption, is told apart", async () => {
  const collector = await mailCollector();
  const plain = await send(settings(collector, { security: "starttls" }));
  assert.ok(plain.outcome !== "delivered", JSON.stringify(plain));
  await collector[Symbol.asyncDispose]();
  const away = await send(settings(collector));
  assert.ok(away.outcome === "retryable");
  assert.match(away.why, /ECONNREFUSED/);
});

Deno.test("email: a name cannot bring headers of its own", async () => {
  await using collector = await mailCollector();
  const [incident] = FIRING.incidents;
  assert.ok(incident !== undefined);
  const evil = { ...incident, hostname: "x\r\nBcc: thief@example.com\r\n\r\nhello" };
  await send(settings(collector), { ...FIRING, incidents: [evil] });
  const [mail] = collector.received;
  assert.equal(mail?.to.length, 2);
  assert.doesNotMatch(headersOf(mail?.text ?? ""), /^Bcc:/im);
});

Deno.test("email: addresses are checked when the settings are read", () => {
  const config = { kind: "email", host: "mail", from: "monitor", to: ["ops@example.com"] };
  const [issue] = channelSchema.safeParse(config).error?.issues ?? [];
  assert.deepEqual(issue?.path, ["from"]);
  assert.match(issue?.message ?? "", /must be an address .*current value is "monitor"/);
});
