/** `GET /metrics` on a real server: what it has counted, in the format that is asked for. */
import assert from "node:assert/strict";
import { testApp } from "../../support/test_app.ts";

Deno.test("GET /metrics tells what was stored, and POST /metrics still takes reports", async () => {
  await using app = await testApp();
  const sent = { hostname: "web-1", timestamp: 1_700_000_000, metrics: { cpu: 1 } };
  const now_s = Math.floor(performance.timeOrigin / 1000);
  for (let i = 0; i < 3; i++) await app.post({ ...sent, timestamp: now_s - i });
  await app.post({ ...sent, timestamp: now_s });
  await app.post({ hostname: "web-1" });
  const { status, headers, body } = await app.get("/metrics");
  assert.equal(status, 200);
  assert.equal(headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  const lines: string[] = body.split("\n");
  for (
    const line of [
      "monitor_server_reports_received_total 5",
      'monitor_server_reports_total{result="stored"} 3',
      'monitor_server_reports_total{result="duplicate"} 1',
      'monitor_server_reports_total{result="refused"} 1',
      'monitor_server_reports_total{result="failed"} 0',
      "monitor_server_queue_bytes 0",
      "# TYPE monitor_server_commit_seconds histogram",
    ]
  ) assert.ok(lines.includes(line), `${line}\n${body}`);
  const open = await fetch(`${app.url}/metrics`, {
    headers: { accept: "application/openmetrics-text;version=1.0.0;q=0.8,text/plain;q=0.5" },
  });
  assert.match(open.headers.get("content-type") ?? "", /^application\/openmetrics-text/);
  assert.match(await open.text(), /\n# EOF\n$/);
});
