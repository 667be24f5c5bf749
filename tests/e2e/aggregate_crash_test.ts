/**
 * `kill -9` of `monitor aggregate` at 20 points, while a server takes reports into the same database:
 * in time, late, and repeated. Afterwards every report is in history, once, and history is right.
 *
 * A run is killed when it has told of a random one of its steps, and a random moment later.
 */
import assert from "node:assert/strict";
import { systemClock } from "../../clock.ts";
import { HOUR_MS } from "../../db/tiers.ts";
import { hotState, rawSamples } from "../server/aggregate/stored.ts";
import { testDatabase } from "../support/test_database.ts";
import { monitorCommand, runMonitor, startMonitor } from "./run_monitor.ts";

const KILLS = 20;
const HOSTS = 8;
const SPACING_S = 30;
const REPORTS_PER_REQUEST = 100;
const STEPS_MAX = 6;
const MOMENT_MS_MAX = 60;

interface Report {
  hostname: string;
  timestamp: number;
  metrics: Record<string, number>;
}

/** Repeatable: a failure prints the seed. */
function random(seed: number): () => number {
  let state = seed;
  return () => (state = state * 48_271 % 2_147_483_647) / 2_147_483_647;
}

function makeHour(start_s: number): Report[] {
  return Array.from({ length: 3_600 / SPACING_S * HOSTS }, (_, i) => {
    const timestamp = start_s + Math.floor(i / HOSTS) * SPACING_S;
    const host = i % HOSTS;
    // + 0: JSON has no -0
    const wave = Math.round(100 * Math.sin(timestamp / 500 + host)) / 100 + 0;
    return {
      hostname: `host-${host}`,
      timestamp,
      metrics: { requests_total: timestamp % 7_200 * (host + 1), wave, constant: 7 },
    };
  });
}

async function send(url: string, reports: readonly Report[]): Promise<void> {
  for (let i = 0; i < reports.length; i += REPORTS_PER_REQUEST) {
    const body = JSON.stringify(reports.slice(i, i + REPORTS_PER_REQUEST));
    const response = await fetch(`${url}/metrics`, { method: "POST", body });
    assert.equal(response.status, 200, await response.text());
  }
}

/** Runs until a step and a moment after it; whether it was killed before its end. */
async function runAndKill(
  url: string,
  point: { step: number; moment_ms: number },
): Promise<boolean> {
  const command = ["aggregate", "--database-url", url, "--log-level", "debug"];
  const child = monitorCommand(command).spawn();
  const drained = child.stdout.pipeTo(new WritableStream());
  const decoder = new TextDecoder();
  let told = "";
  for await (const chunk of child.stderr) {
    const before = told.split("\n").length - 1;
    told += decoder.decode(chunk, { stream: true });
    const lines = told.split("\n").length - 1;
    if (before >= point.step || lines < point.step) continue;
    await systemClock.sleep(point.moment_ms);
    try {
      child.kill("SIGKILL");
    } catch {
      // it has ended already
    }
  }
  await drained;
  return (await child.status).signal === "SIGKILL";
}

Deno.test("kill -9 of monitor aggregate at 20 points loses nothing and doubles nothing", async () => {
  await using database = await testDatabase();
  const { sql, url } = database;
  const env = { MONITOR_AGGREGATE_SCHEDULE: "never" };
  await using server = await startMonitor(["serve", "--port", "0", "--database-url", url], { env });
  const seed = 1 + Math.floor(Math.random() * 1e9);
  const next = random(seed);
  const start_s = Math.floor(Date.now() / HOUR_MS - 40) * 3_600;
  const sent: Report[] = [];
  let late: Report[] = [];
  let killed = 0;
  for (let round = 0; killed < KILLS && round < 2 * KILLS; round++) {
    const hour = makeHour(start_s + round * 3_600);
    const back = hour.filter(() => next() < 0.1);
    const now = hour.filter((report) => !back.includes(report));
    const again = now.filter(() => next() < 0.05);
    const sending = send(server.url, [...now, ...late, ...again]);
    const point = {
      step: 1 + Math.floor(next() * STEPS_MAX),
      moment_ms: next() * MOMENT_MS_MAX,
    };
    if (await runAndKill(url, point)) killed++;
    await sending;
    sent.push(...hour);
    late = back;
  }
  assert.ok(killed >= KILLS / 2, `only ${killed} runs were killed before their end (seed ${seed})`);
  await send(server.url, late);

  const finished = await runMonitor(["aggregate", "--database-url", url]);
  assert.equal(finished.code, 0, finished.err);
  assert.equal((await hotState(sql)).late, 0);
  const verified = await runMonitor([
    ...["aggregate", "--database-url", url, "--verify", "--sample", "100000"],
  ]);
  assert.deepEqual([verified.code, verified.err], [0, ""], verified.out);
  const hosts = new Map(
    (await sql<{ id: number; hostname: string }[]>`select id, hostname from host`)
      .map(({ id, hostname }) => [hostname, id]),
  );
  const [shape] = await sql<{ id: number }[]>`select id from shape`;
  // values in the order of their names
  const expected = new Map(sent.map(({ hostname, timestamp, metrics }) => [
    `${hosts.get(hostname)} ${shape?.id} ${timestamp * 1000}`,
    [metrics.constant, metrics.requests_total, metrics.wave],
  ]));
  // a report in two blocks makes this throw
  const found = await rawSamples(sql);
  assert.equal(found.size, expected.size, `seed ${seed}`);
  for (const [key, values] of expected) {
    assert.deepEqual(found.get(key), values, `${key}, seed ${seed}`);
  }
});
