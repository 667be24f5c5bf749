/**
 * What was acknowledged survives `kill -9`, of the server and of its PostgreSQL, exactly once.
 */
import assert from "node:assert/strict";
import { systemClock } from "../../clock.ts";
import { startMonitor } from "./run_monitor.ts";
import { tempDir } from "../support/temp_dir.ts";

const REPORTS = 2_000;
const HOSTS = 50;
const RETRY_MS = 100;

interface Sent {
  hostname: string;
  timestamp: number;
  metrics: Record<string, number>;
}

/** Reports of many hosts, all different, of the last minutes. */
function makeReports(now_s: number): Sent[] {
  return Array.from({ length: REPORTS }, (_, i) => ({
    hostname: `host-${i % HOSTS}`,
    timestamp: now_s - 600 + Math.floor(i / HOSTS),
    metrics: { number: i, half: i / 2, constant: 7 },
  }));
}

async function send(
  url: string,
  report: Sent,
): Promise<{ stored: number; duplicate: number } | undefined> {
  try {
    const response = await fetch(`${url}/metrics`, {
      method: "POST",
      body: JSON.stringify(report),
    });
    const reply = await response.json();
    return response.status === 200 ? reply : undefined;
  } catch {
    return undefined;
  }
}

/** All samples of metric `number`, by host and time. */
async function readBack(url: string): Promise<Map<string, number[]>> {
  const found = new Map<string, number[]>();
  for (let host = 0; host < HOSTS; host++) {
    const response = await fetch(`${url}/fetch/history/host-${host}/number?limit=100000`);
    if (response.status === 404) {
      await response.body?.cancel();
      continue;
    }
    for (const [at, value] of await response.json()) {
      const key = `host-${host} ${at}`;
      found.set(key, [...found.get(key) ?? [], value]);
    }
  }
  return found;
}

function keyOf({ hostname, timestamp }: Sent): string {
  return `${hostname} ${timestamp}`;
}

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

/** As a sender does: a server whose connections are not all back yet says to come again. */
async function sendUntilTaken(url: string, report: Sent) {
  for (;;) {
    const reply = await send(url, report);
    if (reply !== undefined) return reply;
    await systemClock.sleep(RETRY_MS);
  }
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

/** kill -9 of a postmaster alone would let its children finish what they are doing. */
function killTree(pid: number): void {
  const children = [...Deno.readDirSync("/proc")].map(({ name }) => Number(name)).filter(
    (child) => {
      try {
        return Deno.readTextFileSync(`/proc/${child}/stat`).split(") ")[1]?.split(" ")[1] ===
          String(pid);
      } catch {
        return false;
      }
    },
  );
  for (const victim of [pid, ...children]) Deno.kill(victim, "SIGKILL");
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
