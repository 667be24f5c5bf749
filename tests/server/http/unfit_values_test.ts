/** Values that no database can hold are the asker's to change: 400, never 500. */
import assert from "node:assert/strict";
import { testApp } from "../../support/test_app.ts";

const NINES = "9".repeat(30);
const BEYOND = Number.MAX_SAFE_INTEGER;
const NUL = "\u0000";

const QUESTIONS = [
  ...[`/api/v1/incidents?after=1-${NINES}`, `/api/v1/incidents?after=${NINES}-1`],
  ...["/api/v1/incidents?to=99999999999999999", `/api/v1/incidents?rule=${BEYOND}`],
  ...["/api/v1/incidents?host=%00", "/api/v1/incidents?text=%00", "/api/v1/incidents?metric=%00"],
  ...["/fetch/recent_alerts?hostname=%00", "/api/v1/messages?host=%00", "/api/v1/live?host=%00"],
  ...[`/api/v1/rules/${BEYOND}`, `/api/v1/incidents/${NINES}`, "/fetch/history/%00/x"],
  ...["/fetch/history/a/%00", "/api/v1/series?metric=%00", "/api/v1/export?host=%00"],
];

const rule = { name: "a", metric: "x", condition: "above", threshold: 1 };
const ORDERS: [method: string, path: string, body: unknown][] = [
  ["DELETE", "/alert_config", { id: BEYOND }],
  ["POST", "/alert_state", { id: BEYOND, enabled: true }],
  ["DELETE", "/downtime", { id: BEYOND }],
  ["POST", "/downtime", { hostname: "a", start_time: 1, end_time: 1e300 }],
  ["POST", "/downtime", { hostname: NUL, start_time: 1, end_time: 2 }],
  ["POST", "/api/v1/rules", { ...rule, name: NUL }],
  ["POST", "/api/v1/rules", { ...rule, labels: { [NUL]: NUL }, message: NUL }],
  ["POST", "/api/v1/downtimes", { hosts: ["a"], start: 1, end: 1e17, note: NUL }],
  ["PATCH", "/api/v1/hosts/a", { alias: NUL }],
];

Deno.test("values that no table could hold are told as such, wherever they stand", async () => {
  await using app = await testApp();
  await app.post({ hostname: "a", metrics: { x: 1 } });
  for (const path of QUESTIONS) {
    const { status, body } = await app.get(path);
    assert.ok(status >= 400 && status < 500, `${path}: ${status}`);
    assert.equal(typeof body.error, "string", path);
  }
  for (const [method, path, body] of ORDERS) {
    const response = await fetch(app.url + path, { method, body: JSON.stringify(body) });
    const text = await response.text();
    assert.ok(
      response.status >= 400 && response.status < 500,
      `${path}: ${response.status} ${text}`,
    );
    assert.match(text, /"error":/);
  }
  assert.deepEqual(app.log_lines.filter((line) => line.includes("request failed")), []);
});
