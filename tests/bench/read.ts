/**
 * `deno task bench read`: what dashboards ask all the time, of 1,000 hosts with 100 metrics each, while
 * 100,000 samples a second come in.
 *
 *   latest    /fetch/latest of all hosts
 *   history   /fetch/history of one series over an hour, 360 points
 */
import { systemClock } from "../../clock.ts";
import { startMonitor } from "../e2e/run_monitor.ts";
import { tempDir } from "../support/temp_dir.ts";
import { load, METRICS, requireWrk } from "./load.ts";

const SECONDS = 20;
const WARM_UP_SECONDS = 5;
const REPORTS_PER_S = 1_000;
const HISTORY_HOSTS = 20;

/** An hour at ten seconds of some hosts of their own. */
async function seedHistory(url: string, now_s: number): Promise<void> {
  for (let host = 0; host < HISTORY_HOSTS; host++) {
    const batch = Array.from({ length: 360 }, (_, i) => ({
      hostname: `history-${host}`,
      timestamp: now_s - 3_600 + i * 10,
      metrics: Object.fromEntries(
        Array.from({ length: METRICS }, (_, k) => [`metric_name_${k}`, (i * k) % 100 + k / 10]),
      ),
    }));
    const response = await fetch(`${url}/metrics`, { method: "POST", body: JSON.stringify(batch) });
    if (!response.ok) throw new Error(await response.text());
    await response.body?.cancel();
  }
}

interface Times {
  p50_ms: number;
  p99_ms: number;
  bytes: number;
}

/** Asks one question after the other until `until`. */
async function ask(urlOf: (i: number) => string, until: () => boolean): Promise<Times> {
  const times: number[] = [];
  let bytes = 0;
  for (let i = 0; !until(); i++) {
    const start = systemClock.monotonic();
    const response = await fetch(urlOf(i));
    bytes = (await response.arrayBuffer()).byteLength;
    times.push(systemClock.monotonic() - start);
    if (!response.ok) throw new Error(`${urlOf(i)} answered ${response.status}`);
    await systemClock.sleep(5);
  }
  times.sort((a, b) => a - b);
  const at = (share: number) =>
    Number((times[Math.floor(times.length * share)] ?? 0).toPrecision(3));
  return { p50_ms: at(0.5), p99_ms: at(0.99), bytes };
}

export async function run(): Promise<Record<string, unknown>> {
  await requireWrk();
  await using dir = await tempDir();
  await using monitor = await startMonitor(["serve", "--port", "0", "--data", dir.join("data")]);
  const { url } = monitor;
  const now_s = Math.floor(systemClock.now() / 1000);
  await seedHistory(url, now_s);
  const base = { url, dir: dir.path, batch: 1, connections: 32 };
  await load({ ...base, seconds: WARM_UP_SECONDS, rate: 0, run: 1 });
  let loading = true;
  const incoming = load({ ...base, seconds: SECONDS, rate: REPORTS_PER_S, run: 2 })
    .finally(() => loading = false);
  const half = systemClock.monotonic() + SECONDS * 500;
  const latest = await ask(() => `${url}/fetch/latest`, () => systemClock.monotonic() > half);
  const range = `start=${now_s - 3_600}&end=${now_s}`;
  const history = await ask(
    (i) => `${url}/fetch/history/history-${i % HISTORY_HOSTS}/metric_name_${i % METRICS}?${range}`,
    () => !loading,
  );
  const { requests_per_s, p99_ms } = await incoming;
  return {
    incoming_samples_per_s: Math.round(requests_per_s * METRICS),
    incoming_p99_ms: Number(p99_ms.toPrecision(3)),
    latest_p50_ms: latest.p50_ms,
    latest_p99_ms: latest.p99_ms,
    latest_bytes: latest.bytes,
    history_p50_ms: history.p50_ms,
    history_p99_ms: history.p99_ms,
  };
}
