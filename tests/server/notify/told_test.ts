/** From a report to the person: the original's alert with a duration, a webhook and a mail server. */
import assert from "node:assert/strict";
import { eventually, send } from "../../support/asking.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { mailCollector } from "../../support/mail_collector.ts";
import { testApp } from "../../support/test_app.ts";
import { webhookCollector } from "../../support/webhook_collector.ts";

const RULE = {
  hostname: "web-1",
  metric_name: "cpu_usage",
  condition: "above",
  threshold: 90,
  duration: 60,
};

Deno.test("an alert of 60 s on a steady breach is told once after 60 s and is over once, by webhook and by mail", async () => {
  await using webhook = webhookCollector();
  await using mail = await mailCollector();
  const clock = new FakeClock();
  await using app = await testApp({
    clock,
    channels: {
      hook: { kind: "webhook", url: webhook.url },
      mail: {
        kind: "email",
        host: "127.0.0.1",
        port: mail.port,
        security: "none",
        from: "monitor@example.com",
        to: "ops@example.com",
      },
    },
  });
  const report = async (cpu_usage: number) =>
    await app.post({ hostname: "web-1", metrics: { cpu_usage } });
  await report(10);
  const made = await send(app, "POST", "/alert_config", RULE);
  assert.equal(made.status, 200);
  await clock.advance(1_000);
  await eventually(() => app.get("/api/v1/alerts"), ({ evaluation }) => evaluation.rules === 1);

  const begun_ms = clock.now();
  const state = async () => (await app.get("/api/v1/alerts")).body.alerts[0]?.state;
  // up to 50 s: at 60 it may be so in the same moment
  for (let after_s = 10; after_s <= 50; after_s += 10) {
    await report(97.5);
    await clock.advance(10_000);
    assert.notEqual(await state(), "firing", `after ${after_s} s`);
  }
  assert.deepEqual([webhook.received.length, mail.received.length], [0, 0]);

  /** Reports go on until both have got so many. */
  const until = async (count: number, cpu_usage: number) => {
    for (
      let second = 0;
      webhook.received.length < count || mail.received.length < count;
      second++
    ) {
      assert.ok(second < 300, `only ${webhook.received.length} and ${mail.received.length}`);
      await clock.advance(1_000);
      await report(cpu_usage);
      await state();
    }
  };
  await until(1, 97.5);
  const [firing] = webhook.received.map(({ text }) => JSON.parse(text));
  assert.deepEqual([firing.status, firing.reason], ["firing", "first"]);
  assert.match(firing.title, /critical: .*: cpu_usage of web-1$/);
  const fired_ms = firing.incidents[0].opened_at * 1000;
  assert.ok(fired_ms - begun_ms >= 60_000 && fired_ms - begun_ms <= 70_000, `${fired_ms}`);

  // nothing more while it goes on
  for (let i = 0; i < 12; i++) {
    await report(97.5);
    await clock.advance(10_000);
    assert.equal(await state(), "firing");
  }
  assert.deepEqual([webhook.received.length, mail.received.length], [1, 1]);

  await report(10);
  await until(2, 10);
  for (let i = 0; i < 12; i++) {
    await report(10);
    await clock.advance(10_000);
  }
  const told = webhook.received.map(({ text }) => JSON.parse(text).status);
  assert.deepEqual(told, ["firing", "resolved"]);
  const subjects = mail.received.map(({ text }) =>
    /^Subject: .*?(critical|Resolved)/m.exec(text)?.[1]
  );
  assert.deepEqual(subjects, ["critical", "Resolved"]);
  assert.deepEqual(app.log_lines, []);
});

Deno.test("most hosts fall silent at once: one message about all of them, not one for each", async () => {
  await using webhook = webhookCollector();
  const clock = new FakeClock();
  await using app = await testApp({
    clock,
    channels: { hook: { kind: "webhook", url: webhook.url } },
    routes: [{ name: "all", channels: ["hook"], group_by: ["host"] }],
  });
  const hosts = ["a", "b", "c", "d", "e", "f"];
  const report = async (names: string[]) =>
    await app.post(names.map((hostname) => ({ hostname, metrics: { up: 1 } })));
  await report(hosts);
  const rule = { name: "silent", condition: "host_silent", for: "60s" };
  assert.equal((await send(app, "POST", "/api/v1/rules", rule)).status, 201);
  await clock.advance(1_000);
  await eventually(() => app.get("/api/v1/alerts"), ({ evaluation }) => evaluation.rules === 1);
  const live = async (seconds: number, names: string[]) => {
    for (let at_s = 0; at_s < seconds; at_s += 10) {
      if (names.length > 0) await report(names);
      await clock.advance(10_000);
      await app.get("/api/v1/alerts");
    }
  };
  /** Time goes on until so many were told. */
  const until = async (count: number, names: string[]) => {
    for (let i = 0; webhook.received.length < count; i++) {
      assert.ok(i < 300, `only ${webhook.received.length} were told`);
      await live(10, names);
    }
  };
  await live(90, hosts);
  await until(1, []);
  // nothing else comes
  await live(300, []);
  const told = () => webhook.received.map(({ text }) => JSON.parse(text));
  assert.deepEqual(told().map(({ status }) => status), ["firing"], JSON.stringify(told()));
  assert.match(told()[0].incidents[0].summary, /6/);
  // all come back but one, who is told by name
  await until(3, hosts.slice(1));
  await live(300, hosts.slice(1));
  const after = told().slice(1);
  assert.deepEqual(
    after.map(({ status, incidents }) => `${status} ${incidents[0].hostname}`).sort(),
    ["firing a", `resolved ${told()[0].incidents[0].hostname}`],
    JSON.stringify(after),
  );
});
