/**
 * A server is stopped and another one started in its place while reports come in: every report is
 * acknowledged in the end, and stored exactly once.
 */
import assert from "node:assert/strict";
import { freePort } from "../support/free_port.ts";
import { tempDir } from "../support/temp_dir.ts";
import { startMonitor } from "./run_monitor.ts";
import { keyOf, makeReports, readBack, REPORTS, sendUntilTaken, type Sent } from "./senders.ts";

const SENDERS = 40;

/** Sends everything, `restart` beginning at a quarter of it; returns how many were stored, by the answers. */
async function sendAround(url: string, reports: Sent[], restart: () => Promise<void>) {
  const rest = [...reports];
  let stored = 0;
  let duplicate = 0;
  let restarted: Promise<void> | undefined;
  await Promise.all(Array.from({ length: SENDERS }, async () => {
    for (let report = rest.pop(); report !== undefined; report = rest.pop()) {
      const reply = await sendUntilTaken(url, report);
      stored += reply.stored;
      duplicate += reply.duplicate;
      if (stored + duplicate >= REPORTS / 4) restarted ??= restart();
    }
  }));
  await restarted;
  return { stored, duplicate };
}

async function statusOf(url: string): Promise<number> {
  const response = await fetch(url);
  await response.body?.cancel();
  return response.status;
}

async function assertAllOnce(url: string, reports: Sent[]): Promise<void> {
  const found = await readBack(url);
  assert.equal(found.size, REPORTS);
  for (const report of reports) {
    assert.deepEqual(found.get(keyOf(report)), [report.metrics.number], keyOf(report));
  }
}

Deno.test("a restart under load loses nothing and doubles nothing", async () => {
  await using dir = await tempDir();
  await using running = new AsyncDisposableStack();
  const reports = makeReports(Math.floor(Date.now() / 1000));
  const env = { MONITOR_WEBAPP_DRAIN_S: "10" };
  const serve = (port: string) =>
    startMonitor(["serve", "--port", port, "--data", dir.path], { env });
  const first = running.use(await serve(String(freePort())));
  const { port } = new URL(first.url);
  const answers = await sendAround(first.url, reports, async () => {
    first.kill("SIGTERM");
    // it says so before it goes
    while (await statusOf(`${first.url}/ready`) !== 503);
    assert.equal(await first.ended, 0, first.err);
    running.use(await serve(port));
  });
  // a stop answers what it has taken: nobody had to ask twice whether it was stored
  assert.deepEqual(answers, { stored: REPORTS, duplicate: 0 });
  await assertAllOnce(first.url, reports);
});
