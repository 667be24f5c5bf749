/**
 * `deno task bench scripts [--minutes=10] [--scripts=200] [--every=1s]`: an agent with many collectors
 * of its own, as a process of its own. Each script says when it was started, by the same clock that the
 * ticks are of, and whether it was started while it was running.
 *
 *   tick      how late the first script of a tick was started
 *   script    how late each script was started
 *   asleep    how late a process that only sleeps until the same ticks wakes up: what the machine,
 *             and whatever else runs on it, takes from everybody
 */
import { parseArgs } from "node:util";
import { systemClock } from "../../clock.ts";
import { monitorCommand, watchMonitor } from "../e2e/run_monitor.ts";
import { type TempDir, tempDir } from "../support/temp_dir.ts";
import { treeUse } from "./process_tree.ts";

/** Loading scripts and starting their processes is told apart. */
const SETTLE_S = 30;
const SAMPLE_MS = 5_000;
const LATE_MS_MAX = 50;

function say(text: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`${text}\n`));
}

/** One in ten needs something, so that there is more than one Worker. */
function scriptText(index: number, every: string): string {
  const permissions = index % 10 === 0 ? { net: ["localhost:9"] } : {};
  return `export const metric = ${JSON.stringify({ every, permissions })};
let running = false;
let overlaps = 0;
export async function collect(host) {
  const started_ms = Date.now();
  if (running) overlaps += 1;
  running = true;
  const load = await host.loadavg();
  running = false;
  return { started_ms, overlaps, load: load[0] };
}
`;
}

async function writeScripts(dir: TempDir, options: { scripts: number; every: string }) {
  await Deno.mkdir(dir.join("metrics"));
  const names = Array.from({ length: options.scripts }, (_, index) => `script_${index + 1}`);
  for (const [index, name] of names.entries()) {
    await Deno.writeTextFile(dir.join("metrics", `${name}.ts`), scriptText(index, options.every));
  }
}

interface Report {
  timestamp: number;
  metrics: Record<string, unknown>;
}

/** Takes every report, and keeps what the scripts said. */
class Takings implements AsyncDisposable {
  /** By tick, the lateness of each script. */
  readonly ticks = new Map<number, number[]>();
  overlaps = 0;
  missed = 0;
  errors = 0;
  counting = false;
  readonly #server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (request) => {
      const body = await request.json();
      const reports: Report[] = Array.isArray(body) ? body : [body];
      for (const report of reports) this.#take(report);
      return Response.json({ status: "received", stored: reports.length, duplicate: 0 });
    },
  );

  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}`;
  }

  #take({ timestamp, metrics }: Report): void {
    const at_ms = timestamp * 1_000;
    // The first run is at the start, and not at a tick.
    const counts = this.counting && at_ms % 1_000 === 0;
    for (const [name, value] of Object.entries(metrics)) {
      if (name === "monitor_agent_ticks_missed_total") this.missed = Number(value);
      if (name === "monitor_agent_script_errors_total") this.errors = Number(value);
      if (!counts) continue;
      if (name.endsWith(".overlaps")) this.overlaps = Math.max(this.overlaps, Number(value));
      if (!name.endsWith(".started_ms")) continue;
      const late = this.ticks.get(at_ms) ?? [];
      this.ticks.set(at_ms, late);
      late.push(Number(value) - at_ms);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}

function spread(values: number[]): Record<string, number> {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number) => {
    const value = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
    return Math.round(value * 10) / 10;
  };
  const on_time = values.filter((value) => value <= LATE_MS_MAX).length;
  return {
    count: values.length,
    p50_ms: at(0.5),
    p99_ms: at(0.99),
    p999_ms: at(0.999),
    max_ms: at(1),
    within_50_ms_percent: Math.round(100_000 * on_time / Math.max(1, values.length)) / 1_000,
  };
}

/** What a process without any work is late by, in ms. */
async function sleepUntilTicks(signal: AbortSignal): Promise<number[]> {
  const late: number[] = [];
  while (!signal.aborted) {
    const now_ms = systemClock.now();
    const tick_ms = Math.floor(now_ms / 1_000) * 1_000 + 1_000;
    await systemClock.sleep(tick_ms - now_ms, signal);
    if (!signal.aborted) late.push(systemClock.now() - tick_ms);
  }
  return late;
}

async function measure(pid: number, takings: Takings, minutes: number) {
  await systemClock.sleep(SETTLE_S * 1_000);
  takings.counting = true;
  const missed_before = takings.missed;
  const over = new AbortController();
  const asleep = sleepUntilTicks(over.signal);
  const begun = treeUse(pid);
  const begin_ms = systemClock.monotonic();
  const rss_mb: number[] = [];
  const pss_mb: number[] = [];
  while (systemClock.monotonic() - begin_ms < minutes * 60_000) {
    await systemClock.sleep(SAMPLE_MS);
    const { rss_kb, pss_kb } = treeUse(pid);
    rss_mb.push(Math.round(rss_kb / 1024));
    pss_mb.push(Math.round(pss_kb / 1024));
    if (rss_mb.length % 12 === 0) say(`  ${rss_mb.length / 12} min: ${rss_mb.at(-1)} MB RSS`);
  }
  over.abort();
  const seconds = (systemClock.monotonic() - begin_ms) / 1_000;
  const ended = treeUse(pid);
  const [tenth, fifth] = [Math.ceil(rss_mb.length / 10), Math.ceil(rss_mb.length / 5)];
  const mean = (values: number[]) =>
    Math.round(values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length));
  const middle = Math.floor(rss_mb.length / 2);
  return {
    asleep: spread(await asleep),
    missed: takings.missed - missed_before,
    processes: ended.processes,
    // Each a mean, since a moment before a collection of garbage says nothing.
    rss_mb: {
      start: mean(rss_mb.slice(0, tenth)),
      middle: mean(rss_mb.slice(middle - tenth, middle + tenth)),
      end: mean(rss_mb.slice(-tenth)),
      max: Math.max(...rss_mb),
    },
    pss_mb_end: mean(pss_mb.slice(-fifth)),
    cpu_percent_of_a_core: Math.round(1_000 * (ended.cpu_s - begun.cpu_s) / seconds) / 10,
  };
}

export async function run(args: string[]): Promise<Record<string, unknown>> {
  const { values } = parseArgs({
    args,
    options: {
      minutes: { type: "string", default: "10" },
      scripts: { type: "string", default: "200" },
      every: { type: "string", default: "1s" },
    },
  });
  const [minutes, scripts] = [Number(values.minutes), Number(values.scripts)];
  await using dir = await tempDir();
  await writeScripts(dir, { scripts, every: values.every });
  await using takings = new Takings();
  const config = dir.join("agent.json");
  const [data_dir, metrics] = [dir.join("data"), [dir.join("metrics")]];
  await Deno.writeTextFile(
    config,
    JSON.stringify({ server: takings.url, shipped: false, data_dir, metrics }),
  );
  say(`${scripts} scripts every ${values.every} for ${minutes} min`);
  const child = monitorCommand(["agent", "--config", config, "--log-level", "warn"]).spawn();
  await using agent = watchMonitor(child);
  const figures = await measure(child.pid, takings, minutes);
  const ticks = [...takings.ticks.values()];
  const complete = ticks.filter((late) => late.length === scripts).length;
  if (agent.err !== "") say(agent.err.split("\n").slice(0, 20).join("\n"));
  return {
    scripts,
    every: values.every,
    minutes,
    tick: spread(ticks.map((late) => Math.min(...late))),
    script: spread(ticks.flat()),
    ticks: ticks.length,
    complete_ticks: complete,
    overlaps: takings.overlaps,
    errors: takings.errors,
    ...figures,
  };
}
