/** Downtimes over HTTP, on a real server: the original's calls, and our own. */
import assert from "node:assert/strict";
import { downtimePreviewSchema, downtimeSchema } from "../../../server/wire/downtime.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { fire } from "../../support/outbox.ts";
import { type TestApp, testApp } from "../../support/test_app.ts";

const NOW_S = Date.UTC(2025, 0, 15, 12) / 1000;
const HOUR_S = 3_600;

async function startApp(): Promise<TestApp> {
  const app = await testApp({ clock: new FakeClock(NOW_S * 1000) });
  await app.post([
    { hostname: "web-1", metrics: { cpu: 1 }, tags: { env: "prod" } },
    { hostname: "db-1", metrics: { cpu: 1 } },
  ]);
  return app;
}

async function call(app: TestApp, method: string, path: string, body?: unknown) {
  const response = await fetch(app.url + path, { method, body: JSON.stringify(body) });
  return { status: response.status, body: await response.json() };
}

Deno.test("/downtime: the original's bodies and answers", async () => {
  await using app = await startApp();
  const span = { start_time: NOW_S, end_time: NOW_S + HOUR_S };
  const made = await call(app, "POST", "/downtime", { hostname: "web-1", ...span });
  assert.deepEqual(made, { status: 200, body: { status: "success", id: 1 } });
  const [listed, ...others] = (await call(app, "GET", "/downtime?hostname=web-1")).body;
  assert.equal(others.length, 0);
  assert.deepEqual(
    [listed.id, listed.hostname, listed.start_time, listed.end_time],
    [1, "web-1", NOW_S, NOW_S + HOUR_S],
  );
  assert.deepEqual((await call(app, "GET", "/downtime?hostname=db-1")).body, []);
  const removed = await call(app, "DELETE", "/downtime", { id: 1 });
  assert.deepEqual(removed.body, { status: "success", id: 1 });
  assert.deepEqual((await call(app, "GET", "/downtime")).body, []);
});

Deno.test("/downtime: what cannot be is refused, with what would be right", async () => {
  await using app = await startApp();
  const span = { start_time: NOW_S, end_time: NOW_S + HOUR_S };
  const cases: [string, unknown, number, RegExp][] = [
    ["POST", { hostname: "web-9", ...span }, 404, /Cannot find the host "web-9"/],
    ["POST", { hostname: "web-1", ...span, end_time: NOW_S }, 400, /end_time must be after start/],
    ["POST", { hostname: "web-1", ...span, start_time: 1, end_time: 2 }, 400, /in the future/],
    ["POST", { hostname: "web-1", start_time: NOW_S * 1000 }, 400, /in seconds, not milliseconds/],
    ["POST", { hostname: "web-1" }, 400, /start_time must be given: seconds since 1970/],
    ["DELETE", { id: 77 }, 404, /Cannot find downtime 77/],
    ["DELETE", {}, 400, /id must be given/],
  ];
  for (const [method, body, status, message] of cases) {
    const answer = await call(app, method, "/downtime", body);
    assert.equal(answer.status, status, JSON.stringify(answer));
    assert.match(answer.body.error, message);
  }
});

Deno.test("/api/v1/downtimes: recurring, previewed, extended, ended, changed, deleted", async () => {
  await using app = await startApp();
  const labels = { "tag.env": "prod" };
  await fire(app.database.sql, "a", { at_ms: NOW_S * 1000, hostname: "web-1", labels });
  const wanted = {
    hosts: ["web-*"],
    tags: { env: "p*" },
    pattern: "0 11 * * *",
    duration_s: 2 * HOUR_S,
    zone: "UTC",
    start: NOW_S - 2 * HOUR_S,
    note: "nightly; with, signs",
  };
  const preview = await call(app, "POST", "/api/v1/downtimes/preview", wanted);
  const seen = downtimePreviewSchema.strict().parse(preview.body);
  assert.deepEqual([seen.hosts, seen.incident_count], [["web-1"], 1]);
  assert.deepEqual(seen.occurrences[0], { start: NOW_S - HOUR_S, end: NOW_S + HOUR_S });
  assert.deepEqual((await call(app, "GET", "/api/v1/downtimes")).body, {
    downtimes: [],
    next: null,
  });

  const made = await call(app, "POST", "/api/v1/downtimes", wanted);
  assert.equal(made.status, 201);
  const downtime = downtimeSchema.strict().parse(made.body);
  assert.deepEqual(downtime.active, { start: NOW_S - HOUR_S, end: NOW_S + HOUR_S });
  assert.equal(downtime.next[0]?.start, NOW_S + 23 * HOUR_S);
  // the occurrence goes on as a downtime of its own
  const extended = await call(app, "POST", "/api/v1/downtimes/1/extend", { by_s: 600 });
  assert.deepEqual(
    [extended.body.id, extended.body.start, extended.body.end, extended.body.hosts],
    [2, NOW_S + HOUR_S, NOW_S + HOUR_S + 600, ["web-*"]],
  );
  const ended = await call(app, "POST", "/api/v1/downtimes/1/end");
  assert.deepEqual([ended.body.active, ended.body.next[0].start], [null, NOW_S + 23 * HOUR_S]);
  assert.equal((await call(app, "POST", "/api/v1/downtimes/1/end")).status, 400);
  const change = { start: NOW_S + 60, end: NOW_S + 7_200, note: "late" };
  const changed = await call(app, "PATCH", "/api/v1/downtimes/2", change);
  assert.deepEqual([changed.body.start, changed.body.note], [NOW_S + 60, "late"]);
  assert.equal((await call(app, "DELETE", "/api/v1/downtimes/2")).status, 200);
  assert.equal((await call(app, "GET", "/api/v1/downtimes/2")).status, 404);
});

Deno.test("/api/v1/downtimes: faults name the field", async () => {
  await using app = await startApp();
  const cases: [object, RegExp][] = [
    [{}, /hosts must be given, or tags, or rules; for everything say all: true/],
    [{ all: true }, /end must be given, or duration_s/],
    [{ hosts: ["a"], pattern: "nope", duration_s: 1 }, /pattern must be a cron pattern/],
    [{ hosts: ["a"], pattern: "* * * * *" }, /duration_s must be given with pattern/],
    [{ hosts: ["a"], duration_s: 60, zone: "Mars/Base" }, /zone must be a time zone/],
    [{ hosts: "a", duration_s: 60 }, /hosts must be a list/],
    [{ hosts: ["a"], duration_s: 60, until: 5 }, /until is no field there is/],
    [{ hosts: ["a"], end: NOW_S - 1, start: NOW_S - 9 }, /must be in the future/],
  ];
  for (const [body, message] of cases) {
    const answer = await call(app, "POST", "/api/v1/downtimes", body);
    assert.equal(answer.status, 400);
    assert.match(answer.body.error, message);
  }
});

Deno.test("/api/v1/downtimes.ics: events that a calendar can read", async () => {
  await using app = await startApp();
  const note = `with a comma, a semicolon; a long text ${"that goes on ".repeat(10)}\nand a line`;
  const wanted = { hosts: ["web-*"], pattern: "0 3 * * SUN", duration_s: 3_600, note };
  await call(app, "POST", "/api/v1/downtimes", wanted);
  const response = await fetch(`${app.url}/api/v1/downtimes.ics`);
  assert.match(response.headers.get("content-type") ?? "", /^text\/calendar/);
  const text = await response.text();
  const lines = text.split("\r\n");
  assert.ok(lines.every((line) => new TextEncoder().encode(line).length <= 75));
  const unfolded = text.replaceAll("\r\n ", "").split("\r\n");
  assert.equal(unfolded.filter((line) => line === "BEGIN:VEVENT").length, 52);
  assert.ok(unfolded.includes("DTSTART:20250119T030000Z"));
  assert.ok(unfolded.includes("DTEND:20250119T040000Z"));
  assert.ok(unfolded.includes("SUMMARY:Downtime: web-*"));
  const description = unfolded.find((line) => line.startsWith("DESCRIPTION:")) ?? "";
  assert.match(description, /a comma\\, a semicolon\\; .*\\nand a line$/);
});

Deno.test("GET /api/v1/downtimes/spans: when downtimes were and will be in force", async () => {
  const clock = new FakeClock(NOW_S * 1000);
  await using app = await testApp({ clock });
  await app.post([
    { hostname: "web-1", metrics: { cpu: 1 }, tags: { env: "prod" } },
    { hostname: "db-1", metrics: { cpu: 1 } },
  ]);
  const daily = { hosts: ["web-*"], pattern: "0 2 * * *", duration_s: HOUR_S, zone: "UTC" };
  await call(app, "POST", "/api/v1/downtimes", daily);
  await call(app, "POST", "/api/v1/downtimes", { hosts: ["db-1"], duration_s: 4 * HOUR_S });
  await clock.advance(HOUR_S * 1000);
  // ended early: what it was is kept, what it would have been is not
  assert.equal((await call(app, "POST", "/api/v1/downtimes/2/end")).status, 200);
  const spans = async (query: string) => {
    const { status, body } = await call(app, "GET", `/api/v1/downtimes/spans?${query}`);
    assert.equal(status, 200, JSON.stringify(body));
    return body.spans.map((span: { id: number; start: number; end: number }) => [
      span.id,
      (span.start - NOW_S) / HOUR_S,
      (span.end - NOW_S) / HOUR_S,
    ]);
  };
  const from = NOW_S - 2 * HOUR_S;
  assert.deepEqual(await spans(`from=${from}&to=${NOW_S + 48 * HOUR_S}`), [
    [1, 14, 15],
    [1, 38, 39],
    [2, 0, 1],
  ]);
  assert.deepEqual(await spans(`hostname=db-1&from=${from}`), [[2, 0, 1]]);
  assert.deepEqual(await spans(`hostname=db-1`), []);
  const { status, body } = await call(app, "GET", `/api/v1/downtimes/spans?from=now&to=now-1h`);
  assert.equal(status, 400);
  assert.match(body.error, /to must be after from/);
});
