/**
 * `deno task bench alerts`: 200 rules over 5,000 hosts that report 100 metrics every 10 seconds.
 *
 *   evaluation  the evaluator alone, in this process: its processor time for five minutes of reports and
 *               looks at the time, as a share of one core
 *   end to end  a whole server with its database, the same load over HTTP; some values are wrong each
 *               second: the time from the answer to the report until a webhook has it
 */
import process from "node:process";
import { systemClock } from "../../clock.ts";
import { Evaluator } from "../../server/alerts/evaluator.ts";
import { readRule, ruleSchema } from "../../server/alerts/rule_schema.ts";
import { startMonitor } from "../e2e/run_monitor.ts";
import { tempDir } from "../support/temp_dir.ts";
import { webhookCollector } from "../support/webhook_collector.ts";

const HOSTS = 5_000;
const METRICS = 100;
const INTERVAL_S = 10;
const SECONDS = 60;
/** Of the evaluator alone, faster than time goes: forecasts are made anew every five minutes. */
const EVALUATED_S = 300;
const BATCH = 50;
const RULES = 200;
/** Hosts a second whose value goes wrong; each is well again with its next report. */
const WRONG_PER_S = 5;

/** Of each kind what a fleet has: mostly thresholds, some that look at more than one sample. */
function rules(): Record<string, unknown>[] {
  const metric = (i: number) => `metric_${i % METRICS}`;
  return Array.from({ length: RULES }, (_, i) => {
    const name = `rule ${i}`;
    if (i < 150) {
      return { name, metric: metric(i), condition: "above", warning: 1e6, critical: 2e6 };
    }
    if (i < 170) {
      return {
        name,
        metric: metric(i),
        hosts: `host-${i % 10}*`,
        condition: "below",
        threshold: -1,
      };
    }
    if (i < 180) return { name, metric: metric(i), condition: "rate", threshold: 1e6 };
    if (i < 185) return { name, metric: metric(i), condition: "change", threshold: 1e6 };
    if (i < 187) return { name, metric: metric(i), condition: "forecast", threshold: 1e6 };
    if (i < 197) return { name, metric: metric(i), condition: "no_data", for: "5m" };
    return { name, tags: { rack: `r${i - 197}` }, condition: "host_silent", for: "2m" };
  });
}

function valuesAt(host: number, second: number): number[] {
  return Array.from({ length: METRICS }, (_, i) => (host * 31 + i * 17 + second) % 1000 / 10);
}

/** Milliseconds of processor time of this process so far. */
function processorMs(): number {
  // process.cpuUsage() of node: user and system, in microseconds
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

function evaluation(): Record<string, number> {
  const start_ms = Date.UTC(2025, 0, 15);
  const evaluator = new Evaluator(start_ms);
  const names = Array.from({ length: METRICS }, (_, i) => `metric_${i}`);
  evaluator.setShapes(new Map([[1, names]]), new Map());
  evaluator.setHosts(
    Array.from({ length: HOSTS }, (_, i) => ({
      id: i + 1,
      hostname: `host-${i}`,
      alias: null,
      location: null,
      tags: { rack: `r${i % 5}` },
    })),
    start_ms,
  );
  const before_ms = processorMs();
  evaluator.setRules(
    rules().map((definition, index) => ({
      id: index + 1,
      revision: 1,
      definition,
      rule: readRule(ruleSchema.parse(definition)),
    })),
    { now_ms: start_ms },
  );
  const rules_ms = processorMs() - before_ms;
  // the values are made before: only the evaluator is measured
  const values = Array.from({ length: 64 }, (_, i) => valuesAt(i, i));
  let spent_ms = 0;
  const warm_up_s = 2 * INTERVAL_S;
  for (let second = 0; second < EVALUATED_S + warm_up_s; second++) {
    const now_ms = start_ms + second * 1000;
    const begun_ms = processorMs();
    for (let host = second % INTERVAL_S; host < HOSTS; host += INTERVAL_S) {
      const own = values[(host + second) % 64] ?? [];
      evaluator.observe(
        { host_id: host + 1, shape_id: 1, at_ms: now_ms, value: (index) => own[index] ?? 0 },
        now_ms,
      );
    }
    for (const missing of evaluator.takeMissing()) {
      // six hours of what forecasts look at; the others have it soon
      const isForecast = missing.entry.active.rule.condition === "forecast";
      const past = Array.from({ length: isForecast ? 72 : 0 }, (_, i) => 71 - i);
      evaluator.fill(missing, past.map((i) => now_ms - i * 300_000 - 1), past.map((i) => i % 7));
    }
    evaluator.tick(now_ms);
    evaluator.takeChanges(now_ms);
    if (second >= warm_up_s) spent_ms += processorMs() - begun_ms;
  }
  return {
    evaluation_core_share: Number((spent_ms / (EVALUATED_S * 1000)).toPrecision(3)),
    rules_applied_ms: Math.round(rules_ms),
  };
}

async function post(url: string, body: unknown): Promise<void> {
  const response = await fetch(`${url}/metrics`, { method: "POST", body: JSON.stringify(body) });
  if (response.status >= 300) throw new Error(await response.text());
  await response.body?.cancel();
}

function report(host: number, second: number, isWrong: boolean) {
  const values = valuesAt(host, second);
  const metrics = Object.fromEntries(values.map((value, i) => [`metric_${i}`, value]));
  if (isWrong) metrics.metric_7 = 3e6;
  return { hostname: `host-${host}`, metrics, tags: { rack: `r${host % 5}` } };
}

async function endToEnd(): Promise<Record<string, number>> {
  await using dir = await tempDir();
  await using hooks = webhookCollector();
  const told = new Map<string, number>();
  hooks.answer = ({ text }) => {
    for (const { hostname } of JSON.parse(text).incidents) {
      if (!told.has(hostname)) told.set(hostname, systemClock.monotonic());
    }
    return new Response();
  };
  const config = dir.join("config.json");
  await Deno.writeTextFile(dir.join("rules.json"), JSON.stringify({ rules: rules() }));
  await Deno.writeTextFile(
    config,
    JSON.stringify({
      alerts: { rules_file: dir.join("rules.json") },
      channels: { hook: { kind: "webhook", url: hooks.url } },
      routes: [{ name: "all", channels: ["hook"], group_by: ["host"], group_wait: 0 }],
    }),
  );
  const args = ["serve", "--port", "0", "--data", dir.join("data"), "--config", config];
  await using monitor = await startMonitor(args);
  const sent = new Map<string, number>();
  for (let second = -INTERVAL_S; second < SECONDS; second++) {
    const begun_ms = systemClock.monotonic();
    const due = Array.from(
      { length: HOSTS / INTERVAL_S },
      (_, i) => i * INTERVAL_S + ((second + INTERVAL_S) % INTERVAL_S),
    );
    for (let at = 0; at < due.length; at += BATCH) {
      const hosts = due.slice(at, at + BATCH);
      const place = second * WRONG_PER_S % due.length - at;
      const wrong = second < 0 ? [] : hosts.filter((_, i) => i >= place && i < place + WRONG_PER_S);
      await post(monitor.url, hosts.map((host) => report(host, second, wrong.includes(host))));
      for (const host of wrong) {
        const name = `host-${host}`;
        if (!sent.has(name)) sent.set(name, systemClock.monotonic());
      }
    }
    await systemClock.sleep(1_000 - (systemClock.monotonic() - begun_ms));
  }
  await systemClock.sleep(5_000);
  const times = [...sent].flatMap(([host, at_ms]) => {
    const told_ms = told.get(host);
    return told_ms === undefined ? [] : [told_ms - at_ms];
  }).sort((a, b) => a - b);
  const at = (share: number) => Math.round(times[Math.floor(times.length * share)] ?? 0);
  return {
    went_wrong: sent.size,
    told: times.length,
    to_webhook_p50_ms: at(0.5),
    to_webhook_p99_ms: at(0.99),
    to_webhook_max_ms: Math.round(times.at(-1) ?? 0),
  };
}

export async function run([only]: string[]): Promise<Record<string, unknown>> {
  const figures = { hosts: HOSTS, rules: RULES, metrics: METRICS, interval_s: INTERVAL_S };
  if (only === "evaluation") return { ...figures, ...evaluation() };
  return { ...figures, ...evaluation(), ...await endToEnd() };
}
