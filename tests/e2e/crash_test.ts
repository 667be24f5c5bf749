/**
 * What was acknowledged survives `kill -9`, of the server and of its PostgreSQL, exactly once.
 */
import assert from "node:assert/strict";
import { startMonitor } from "./run_monitor.ts";
import { killTree } from "../bench/process_tree.ts";
import { tempDir } from "../support/temp_dir.ts";
import {
  keyOf,
  makeReports,
  readBack,
  REPORTS,
  send,
  sendUntilTaken,
  type Sent,
} from "./senders.ts";

/** Keeps 500 requests under way, calls `kill` in the middle; returns the reports acknowledged. */
async function sendAndKill(url: string, reports: Sent[], kill: () => void): Promise<Sent[]> {
  const acknowledged: Sent[] = [];
  const rest = [...reports];
  await Promise.all(Array.from({ length: 500 }, async () => {
    for (let report = rest.pop(); report !== undefined; report = rest.pop()) {
      if (await send(url, report) === undefined) continue;
      acknowledged.push(report);
      if (acknowledged.length === 300) kill();
    }
  }));
  return acknowledged;
}

async function checkAll(url: string, reports: Sent[], acknowledged: Sent[]): Promise<void> {
  const found = await readBack(url);
  for (const report of acknowledged) {
    assert.deepEqual(found.get(keyOf(report)), [report.metrics.number], keyOf(report));
  }
  for (const values of found.values()) assert.equal(values.length, 1);
  // every report again: those that were stored change nothing, the others are stored now
  const before = found.size;
  let stored = 0;
  for (let round = 0; round < 2; round++) {
    const replies = await Promise.all(reports.map((report) => sendUntilTaken(url, report)));
    stored += replies.reduce((sum, reply) => sum + reply.stored, 0);
  }
  assert.equal(stored, REPORTS - before);
  const after = await readBack(url);
  assert.equal(after.size, REPORTS);
  for (const report of reports) {
    assert.deepEqual(after.get(keyOf(report)), [report.metrics.number], keyOf(report));
  }
}

Deno.test("kill -9 of the server loses nothing it acknowledged and doubles nothing", async () => {
  await using dir = await tempDir();
  const reports = makeReports(Math.floor(Date.now() / 1000));
  let acknowledged: Sent[];
  {
    await using monitor = await startMonitor(["serve", "--port", "0", "--data", dir.path]);
    acknowledged = await sendAndKill(monitor.url, reports, () => monitor.kill("SIGKILL"));
    assert.ok(acknowledged.length < REPORTS, "killed too late to show anything");
  }
  await using monitor = await startMonitor(["serve", "--port", "0", "--data", dir.path]);
  await checkAll(monitor.url, reports, acknowledged);
});

Deno.test("kill -9 of PostgreSQL loses nothing acknowledged, and the server brings it back", async () => {
  await using dir = await tempDir();
  const reports = makeReports(Math.floor(Date.now() / 1000));
  await using monitor = await startMonitor(["serve", "--port", "0", "--data", dir.path]);
  const [pid] = (await Deno.readTextFile(dir.join("postgres", "cluster-18", "postmaster.pid")))
    .split("\n");
  const acknowledged = await sendAndKill(
    monitor.url,
    reports,
    () => killTree(Number(pid)),
  );
  assert.ok(acknowledged.length < REPORTS, "killed too late to show anything");
  await monitor.line(/PostgreSQL is back/);
  await checkAll(monitor.url, reports, acknowledged);
});
