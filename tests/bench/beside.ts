/**
 * `deno task bench beside`: whether aggregation makes those who report wait. Some minutes of reports of
 * 1,000 hosts are stored as fast as it goes; then 100,000 samples a second come in, first alone, then
 * while the server aggregates what was stored.
 */
import { systemClock } from "../../clock.ts";
import { startMonitor } from "../e2e/run_monitor.ts";
import { tempDir } from "../support/temp_dir.ts";
import { load, METRICS, requireWrk } from "./load.ts";

const FILL_SECONDS = 12;
const SECONDS = 15;
const REPORTS_PER_S = 1_000;
const CONNECTIONS = 32;
/** Between two looks at whether aggregation has ended. */
const LOOK_MS = 250;

async function aggregate(url: string): Promise<number> {
  const started_ms = systemClock.monotonic();
  for (;;) {
    const response = await fetch(`${url}/aggregate`, { method: "POST" });
    const { state } = await response.json();
    if (state !== "running") return systemClock.monotonic() - started_ms;
    await systemClock.sleep(LOOK_MS);
  }
}

export async function run(): Promise<Record<string, unknown>> {
  await requireWrk();
  await using dir = await tempDir();
  await using monitor = await startMonitor(["serve", "--port", "0", "--data", dir.join("data")], {
    env: { MONITOR_AGGREGATE_SCHEDULE: "never" },
  });
  const { url } = monitor;
  const base = { url, dir: dir.path, batch: 1 };
  const filled = await load({ ...base, connections: 256, seconds: FILL_SECONDS, rate: 0, run: 1 });
  const steady = { ...base, connections: CONNECTIONS, seconds: SECONDS, rate: REPORTS_PER_S };
  const alone = await load({ ...steady, run: 2 });
  const [beside, aggregate_ms] = await Promise.all([load({ ...steady, run: 3 }), aggregate(url)]);
  const short = (value: number) => Number(value.toPrecision(3));
  return {
    reports_aggregated: Math.round(filled.requests_per_s * FILL_SECONDS),
    aggregate_s: short(aggregate_ms / 1000),
    incoming_samples_per_s: Math.round(beside.requests_per_s * METRICS),
    alone_p50_ms: short(alone.p50_ms),
    alone_p99_ms: short(alone.p99_ms),
    beside_p50_ms: short(beside.p50_ms),
    beside_p99_ms: short(beside.p99_ms),
    p99_ratio: short(beside.p99_ms / alone.p99_ms),
    errors: alone.errors + beside.errors,
  };
}
