/**
 * What every channel that speaks HTTP does alike: one suite, run by the test of each. And the
 * notifications they are tried with.
 */
import assert from "node:assert/strict";
import type { Notification } from "../../../server/notify/channel.ts";
import { channelOf, channelSchema } from "../../../server/notify/channels.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { type WebhookCollector, webhookCollector } from "../../support/webhook_collector.ts";

const AT_MS = Date.UTC(2025, 0, 15, 12);

/** Two incidents fire; names try to be more than names. */
export const FIRING: Notification = {
  key: "default/ops/cpu high#1",
  group_key: "default/ops/cpu high",
  channel: "ops",
  status: "firing",
  reason: "first",
  group_labels: { rule: "cpu high" },
  incidents: [
    {
      id: 7,
      state: "firing",
      rule: "cpu high",
      severity: "critical",
      hostname: "web-1",
      metric: "cpu_usage",
      summary: "cpu_usage of web-1 is 97.5, above 90",
      value: 97.5,
      labels: { team: "web" },
      runbook_url: "https://wiki.example/cpu",
      opened_at_ms: AT_MS - 65_000,
      resolved_at_ms: null,
    },
    {
      id: 8,
      state: "firing",
      rule: "cpu high",
      severity: "warning",
      hostname: "<b>web_2</b> & *@everyone*",
      metric: "cpu_usage",
      summary: "cpu_usage of <b>web_2</b> & *@everyone* is 91, above 90",
      value: 91,
      labels: { team: "web" },
      runbook_url: null,
      opened_at_ms: AT_MS - 5_000,
      resolved_at_ms: null,
    },
  ],
  left_out: 0,
  url: "https://monitor.example/alerts",
  at_ms: AT_MS,
};

export const RESOLVED: Notification = {
  ...FIRING,
  key: "default/ops/cpu high#2",
  status: "resolved",
  reason: "resolved",
  incidents: FIRING.incidents.slice(0, 1).map((one) => ({
    ...one,
    state: "resolved",
    resolved_at_ms: AT_MS,
  })),
};

/** Far more text than any receiver takes. */
export const HUGE: Notification = {
  ...FIRING,
  incidents: Array.from({ length: 50 }, (_, id) => ({
    ...FIRING.incidents[0] ?? assert.fail(),
    id,
    hostname: `web-${id}-${"&<>*🚒".repeat(100)}`,
    summary: `cpu_usage of web-${id} ${"&<>*🚒".repeat(300)}`,
  })),
  left_out: 450,
};

export const CLOCK = new FakeClock(AT_MS);

/**
 * Sends with the given settings, as the pipeline would. `timeout_s` may be shorter here than a person
 * can set it.
 */
export async function send(config: object, notification = FIRING, timeout_s?: number) {
  const parsed = channelSchema.parse(config);
  if (timeout_s !== undefined) parsed.timeout_s = timeout_s;
  const context = { clock: CLOCK, signal: new AbortController().signal };
  return await channelOf("ops", parsed).send(notification, context);
}

/** The JSON of the only request. */
// deno-lint-ignore no-explicit-any -- tests look into whatever JSON came
export function onlyJson({ received }: WebhookCollector): any {
  assert.equal(received.length, 1);
  return JSON.parse(received[0]?.text ?? "");
}

export interface ConformOptions {
  kind: string;
  /** Settings that send to this address; the secret stands in it or beside it. */
  config: (url: string) => object;
  secret: string;
  key_header?: false;
}

/** Registers the tests. */
export function conforms({ kind, config, secret, key_header }: ConformOptions): void {
  Deno.test(`${kind}: what an answer means, without the secret in any sentence`, async () => {
    await using collector = webhookCollector();
    const cases: [Response, "delivered" | "retryable" | "permanent"][] = [
      [new Response("ok"), "delivered"],
      [new Response(`no ${secret}`, { status: 400 }), "permanent"],
      [new Response("gone", { status: 404 }), "permanent"],
      [new Response("", { status: 302, headers: { location: "http://x/" } }), "permanent"],
      [new Response(`oh ${encodeURIComponent(secret)}`, { status: 503 }), "retryable"],
    ];
    for (const [response, outcome] of cases) {
      const { status } = response;
      collector.answer = () => response;
      const delivery = await send(config(collector.url));
      assert.equal(delivery.outcome, outcome, `${status}: ${JSON.stringify(delivery)}`);
      if (delivery.outcome === "delivered") continue;
      assert.match(delivery.why, new RegExp(`${status}`));
      assert.doesNotMatch(delivery.why, new RegExp(secret));
    }
    const [request] = collector.received;
    if (key_header !== false) assert.equal(request?.headers.get("idempotency-key"), FIRING.key);
  });

  Deno.test(`${kind}: a receiver that asks for time gets it; one that is silent or away is for later`, async () => {
    const collector = webhookCollector();
    collector.answer = () => new Response("", { status: 429, headers: { "retry-after": "7" } });
    const slow_down = await send(config(collector.url));
    assert.ok(slow_down.outcome === "retryable");
    assert.equal(slow_down.retry_after_ms, 7_000);
    const silence = Promise.withResolvers<Response>();
    collector.answer = () => silence.promise;
    const silent = await send(config(collector.url), FIRING, 0.05);
    silence.resolve(new Response());
    assert.ok(silent.outcome === "retryable", JSON.stringify(silent));
    assert.match(silent.why, /^127\.0\.0\.1:\d+ did not answer within 0\.05 s$/);
    await collector[Symbol.asyncDispose]();
    const away = await send(config(collector.url));
    assert.ok(away.outcome === "retryable", JSON.stringify(away));
    assert.match(away.why, /^Cannot reach 127\.0\.0\.1:\d+: /);
    assert.doesNotMatch(away.why, new RegExp(secret));
  });

  Deno.test(`${kind}: a text without end is cut to what the receiver takes`, async () => {
    await using collector = webhookCollector();
    assert.equal((await send(config(collector.url), HUGE)).outcome, "delivered");
    assert.ok((collector.received[0]?.text.length ?? 0) < 250_000);
  });
}
