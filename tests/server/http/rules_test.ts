/** `/api/v1/rules`, `/alert_config` and the faults they tell. */
import assert from "node:assert/strict";
import { send } from "../../support/asking.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { testApp } from "../../support/test_app.ts";

const NOW_S = Date.UTC(2025, 0, 15, 12) / 1000;
const BUSY = { name: "Busy", metric: "cpu", condition: "above", threshold: 90, for: "20s" };

Deno.test("/api/v1/rules makes, changes and deletes rules", async () => {
  await using app = await testApp();
  const made = await send(app, "POST", "/api/v1/rules", BUSY);
  assert.equal(made.status, 201);
  assert.deepEqual(made.body.rule, BUSY);
  const { id } = made.body;
  assert.equal((await send(app, "POST", "/api/v1/rules", BUSY)).status, 409);
  const changed = await send(app, "PUT", `/api/v1/rules/${id}`, { ...BUSY, threshold: 80 });
  assert.deepEqual([changed.body.revision, changed.body.rule.threshold], [2, 80]);
  assert.equal((await app.get("/api/v1/rules")).body.rules.length, 1);
  assert.equal((await send(app, "DELETE", `/api/v1/rules/${id}`)).status, 200);
  assert.equal((await app.get(`/api/v1/rules/${id}`)).status, 404);
  // the name is free again
  assert.equal((await send(app, "POST", "/api/v1/rules", BUSY)).status, 201);
});

Deno.test("/api/v1/rules says everything that is wrong with a rule", async () => {
  await using app = await testApp();
  for (
    const [rule, fault] of [
      [{ ...BUSY, treshold: 1 }, /treshold is no setting there is/],
      [{ ...BUSY, threshold: undefined }, /threshold must be given with above/],
      [{ ...BUSY, threshold: [1, 2] }, /threshold must be one number/],
      [{ ...BUSY, condition: "outside" }, /threshold must be two numbers \[low, high\]/],
      [{ ...BUSY, warning: 1 }, /threshold must not be given together with warning/],
      [{ ...BUSY, threshold: undefined, warning: 90, critical: 80 }, /critical must be at least/],
      [{ ...BUSY, for: "soon" }, /for must be a number of seconds, or a text such as 90s/],
      [{ ...BUSY, message: "{{hots}}" }, /message must not have \{\{hots\}\}: known are host,/],
      [{ ...BUSY, metric: undefined }, /metric must be given/],
      [{ name: "x", condition: "host_silent", threshold: 1 }, /threshold has no meaning/],
      [{ ...BUSY, runbook: "wiki" }, /runbook must be a link/],
      [{ ...BUSY, over: "5m" }, /over goes with change, rate/],
    ] as const
  ) {
    const { status, body } = await send(app, "POST", "/api/v1/rules", rule);
    assert.equal(status, 400);
    assert.match(body.error, fault);
  }
  assert.match((await send(app, "POST", "/api/v1/rules", [])).body.error, /must be a rule/);
  assert.equal((await app.get("/api/v1/rules/first")).status, 400);
});

Deno.test("/api/v1/rules/apply makes the file's rules those given, and leaves others alone", async () => {
  await using app = await testApp();
  await send(app, "POST", "/api/v1/rules", { ...BUSY, name: "Mine" });
  const apply = async (rules: object[], dry_run = false) =>
    (await send(app, "POST", "/api/v1/rules/apply", { rules, dry_run })).body;
  const counts = { changed: [], removed: [], unchanged: 0 };
  const [one, two] = [{ ...BUSY, name: "One" }, { ...BUSY, name: "Two" }];
  assert.deepEqual(await apply([one, two], true), {
    dry_run: true,
    ...counts,
    created: ["One", "Two"],
  });
  assert.equal((await app.get("/api/v1/rules")).body.rules.length, 1);
  await apply([one, two]);
  const again = await apply([{ ...one, threshold: 50 }]);
  assert.deepEqual(again, {
    dry_run: false,
    created: [],
    changed: ["One"],
    removed: ["Two"],
    unchanged: 0,
  });
  const names = (await app.get("/api/v1/rules")).body.rules
    .map(({ rule }: { rule: { name: string } }) => rule.name);
  assert.deepEqual(names, ["Mine", "One"]);
  assert.match((await apply([one, one])).error, /names must be unique/);
});

Deno.test("/alert_config keeps the original's bodies, and 404 is for what is not there", async () => {
  await using app = await testApp();
  const config = {
    hostname: "a",
    metric_name: "disk.root",
    condition: "below",
    threshold: 5.5,
    duration: 0,
  };
  const { body: { id } } = await send(app, "POST", "/alert_config", config);
  await send(app, "POST", "/api/v1/rules", BUSY);
  assert.deepEqual((await app.get("/alert_config")).body, [{ id, ...config, enabled: true }]);
  assert.deepEqual(await send(app, "POST", "/alert_state", { id, enabled: false }), {
    status: 200,
    body: { status: "success", id },
  });
  assert.equal((await app.get("/alert_config")).body[0].enabled, false);
  assert.equal((await send(app, "DELETE", "/alert_config", { id })).body.status, "success");
  assert.deepEqual((await app.get("/alert_config")).body, []);
  assert.equal((await send(app, "DELETE", "/alert_config", { id })).status, 404);
  assert.equal((await send(app, "POST", "/alert_state", { id, enabled: true })).status, 404);
  assert.equal((await app.get("/fetch/recent_alerts?hostname=nobody")).status, 404);
  const refused = await send(app, "POST", "/alert_config", { ...config, condition: "over" });
  assert.match(refused.body.error, /condition must be "above" or "below": current value is "over"/);
});

Deno.test("the same /alert_config from two at once is one alert", async () => {
  await using app = await testApp();
  const { sql } = app.database;
  const config = { hostname: "a", metric_name: "x", condition: "above", threshold: 7, duration: 0 };
  const made = await sql.begin(async (tx) => {
    // both find none, and wait to make one
    await tx`lock table rule in share mode`;
    const asked = [1, 2].map(() => send(app, "POST", "/alert_config", config));
    for (let waiting = 0; waiting < 2;) {
      const [row] = await sql<{ count: number }[]>`
        select count(*)::int as count from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock'`;
      waiting = row?.count ?? 0;
    }
    return { asked };
  });
  const [one, other] = await Promise.all(made.asked);
  assert.equal(one?.status, 200);
  assert.deepEqual(other, one);
});

Deno.test("/api/v1/rules/backtest says when a rule would have fired", async () => {
  await using app = await testApp({ clock: new FakeClock(NOW_S * 1000) });
  const value = (i: number) => i >= 60 && i < 90 ? 95 : i === 120 ? 99 : 10;
  await app.post(
    Array.from({ length: 360 }, (_, i) => ({
      hostname: "a",
      timestamp: NOW_S - 3600 + i * 10,
      metrics: { cpu: value(i), "up.time": i },
    })),
  );
  const { status, body } = await send(app, "POST", "/api/v1/rules/backtest", {
    rule: BUSY,
    from: "now-1h",
  });
  assert.equal(status, 200);
  assert.deepEqual(
    {
      ...body,
      incidents: body.incidents.map(({ opened, resolved }: Record<string, number>) => [
        (opened ?? 0) - NOW_S + 3600,
        (resolved ?? 0) - NOW_S + 3600,
      ]),
    },
    {
      from: NOW_S - 3600,
      to: NOW_S,
      tier: "raw",
      series: 1,
      samples: 360,
      pages: 1,
      pages_per_week: 168,
      incidents: [[620, 900]],
    },
  );
  const wrong = await send(app, "POST", "/api/v1/rules/backtest", { rule: { name: "x" } });
  assert.match(wrong.body.error, /condition must be one of/);
  assert.equal((await send(app, "POST", "/api/v1/rules/backtest", {})).status, 400);
});
