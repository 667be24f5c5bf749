/**
 * A server with all it does for a long time, and what became of it:
 *
 *   1,000 hosts    one report of 100 metrics a second each (with the default rate)
 *   dashboards     ask for newest values, history of the present and of blocks, one metric of all hosts
 *   pages          follow the live stream
 *   alerts         46 rules; every five seconds a host gets into trouble and out of it again, and a
 *                  webhook is told
 *   aggregation    of two hours of the past at the start, then on its schedule, every ten minutes
 *
 * At the end every report that was acknowledged is read back, every trouble must have been told once
 * as begun and once as over, and verdict.ts says whether anything has grown.
 */
import { systemClock } from "../../clock.ts";
import type { Sql } from "../../db/connect.ts";
import { type RunningMonitor, startMonitor } from "../e2e/run_monitor.ts";
import { tempDir } from "../support/temp_dir.ts";
import { type WebhookCollector, webhookCollector } from "../support/webhook_collector.ts";
import { Journal } from "./journal.ts";
import { connectTo, tableBytes } from "./look.ts";
import { Measures } from "./measures.ts";
import { aggregate, PAST_S, seedPast } from "./past.ts";
import { readBack } from "./read_back.ts";
import { runReaders } from "./readers.ts";
import { METRICS, Senders } from "./senders.ts";
import {
  expectedTroubles,
  isInTrouble,
  soakRules,
  troubleFaults,
  troublePlan,
  wordsTold,
} from "./troubles.ts";
import type { Judged } from "./verdict.ts";

/** Shorter runs say what happened, not whether something grew: caches are still filling. */
const JUDGED_S_MIN = 600;
/** Slices of a run; there are fewer in a very short one. */
const SLICES = 30;
/** How long the last words may take after the last report. */
const LAST_WORD_MS = 60_000;
const LOOK_MS = 200;
/** That are listed; all are counted. */
const LOG_LINES_MAX = 10;

export interface SoakOptions {
  seconds: number;
  /** Samples a second. */
  rate: number;
  say: (text: string) => void;
  /** Ends it early; there is a report all the same. */
  signal: AbortSignal;
}

export interface SoakReport {
  passed: boolean;
  /** Why it has not passed. */
  faults: string[];
  measures: Judged[];
  figures: Record<string, unknown>;
}

export async function runSoak(options: SoakOptions): Promise<SoakReport> {
  const { seconds, rate, say } = options;
  const hosts = Math.max(1, Math.round(rate / METRICS));
  await using dir = await tempDir();
  await using hooks = webhookCollector();
  const data_dir = dir.join("data");
  await Deno.writeTextFile(dir.join("rules.json"), JSON.stringify({ rules: soakRules() }));
  const route = { name: "all", channels: ["hook"], group_by: ["host"], group_wait: 0 };
  await Deno.writeTextFile(
    dir.join("config.json"),
    JSON.stringify({
      alerts: { rules_file: dir.join("rules.json") },
      channels: { hook: { kind: "webhook", url: hooks.url } },
      routes: [{ ...route, group_interval: 0, repeat_interval: "12h" }],
      log: { format: "json" },
    }),
  );
  const args = ["serve", "--port", "0", "--data", data_dir, "--config", dir.join("config.json")];
  await using monitor = await startMonitor(args);
  await using sql = Object.assign(connectTo(data_dir), {
    [Symbol.asyncDispose]: () => sql.end(),
  });
  say(`server ${monitor.url}, process ${monitor.pid}, data ${data_dir}`);
  const past = await seedPast(monitor.url, Math.ceil(hosts / 25), say);
  await aggregate(monitor.url);
  const world = { monitor, hooks, sql, data_dir, hosts, past };
  return await run(world, { ...options, seconds, say });
}

interface World {
  monitor: RunningMonitor;
  hooks: WebhookCollector;
  sql: Sql;
  data_dir: string;
  hosts: number;
  past: { hosts: string[]; to_s: number };
}

async function run(world: World, options: SoakOptions): Promise<SoakReport> {
  const { monitor, hooks, sql, hosts, past } = world;
  const { seconds, say, signal } = options;
  const { url } = monitor;
  const journal = new Journal();
  const plan = { ...troublePlan(hosts, seconds), end_s: seconds };
  const end = new AbortController();
  const sending = end.signal;
  signal.addEventListener("abort", () => end.abort(), { once: true });
  const senders = new Senders({
    url: () => url,
    hosts,
    journal,
    signal: sending,
    isWrong: (host, second) => isInTrouble(host, second, plan),
  });
  const past_range = { hosts: past.hosts, from_s: past.to_s - PAST_S, to_s: past.to_s };
  const reading = runReaders({ url, hosts, past: past_range, journal, signal: sending });
  const measures = new Measures({ ...world, journal, signal: sending, say });
  const measuring = measures.run(Math.max(2, seconds / SLICES));
  const begun_ms = systemClock.monotonic();
  const running = senders.run();
  await systemClock.sleep(seconds * 1000, signal);
  end.abort();
  await running;
  const took_s = (systemClock.monotonic() - begun_ms) / 1000;
  const { live_events } = await reading;
  await measuring;
  say("reading everything back");
  const missing = await readBack(url, senders);
  const troubles = await waitForWords(hooks, expectedTroubles(plan, senders.second));
  const judged = measures.judged(seconds >= JUDGED_S_MIN);
  const log = warnings(monitor);
  const faults = [
    ...Object.entries(journal.faults()).map(([text, count]) => `${text} (${count} times)`),
    ...missing.faults,
    ...troubles.faults,
    ...log.slice(0, LOG_LINES_MAX).map((line) => `log: ${line}`),
    ...live_events === 0 ? ["live streams said nothing"] : [],
    ...judged.filter(({ grew }) => grew).map(({ name }) => `${name} grew`),
  ];
  const figures = {
    took_s: Math.round(took_s),
    growth_judged: seconds >= JUDGED_S_MIN,
    hosts,
    samples_per_s: Math.round(senders.sent * METRICS / took_s),
    samples: senders.sent * METRICS,
    reports: senders.sent,
    acknowledged: senders.sent - senders.lost,
    duplicates: senders.duplicates,
    missing: missing.missing,
    doubled: missing.doubled,
    made_up: missing.made_up,
    requests: journal.requests,
    errors: journal.fault_count,
    told_to_wait: journal.told_to_wait,
    troubles: troubles.count,
    messages: hooks.received.length,
    live_events,
    warnings: log.length,
    rss_mb_max: Math.round(measures.rss_mb_max),
    tables: await tableBytes(sql),
  };
  return { passed: faults.length === 0, faults, measures: judged, figures };
}

/** Waits until every trouble was told; after a while what was not is a fault. */
async function waitForWords(hooks: WebhookCollector, expected: ReadonlyMap<string, number>) {
  const until_ms = systemClock.monotonic() + LAST_WORD_MS;
  let faults = troubleFaults(expected, wordsTold(hooks));
  while (faults.length > 0 && systemClock.monotonic() < until_ms) {
    await systemClock.sleep(LOOK_MS);
    faults = troubleFaults(expected, wordsTold(hooks));
  }
  const count = [...expected.values()].reduce((sum, times) => sum + times, 0);
  return { faults: faults.slice(0, 10), count };
}

/** Lines of the server's log that say that something is wrong. */
function warnings(monitor: RunningMonitor): string[] {
  return `${monitor.out}\n${monitor.err}`.split("\n")
    .filter((line) => /"level":"(warn|error)"/.test(line));
}
