/**
 * When a rule would have fired, on the history there is: the answer before somebody is woken by it.
 *
 * Every sample is looked at as long as they are few enough, else the values of five minutes: of what
 * is above a threshold the largest, of what is below it the smallest, so that no breach is missed
 * (a short one lasts as long as its five minutes). Host by host, one question at a time.
 */
import { setImmediate } from "node:timers/promises";
import type { Kind, Series } from "../query/catalog.ts";
import { type QueryContext, TooMuchError } from "../query/context.ts";
import type { Samples } from "../query/samples.ts";
import { type Pick, readWindows } from "../query/windows.ts";
import { type Fired, replay } from "./replay.ts";
import { readRule, type Rule, ruleSchema } from "./rule_schema.ts";
import { type ActiveRule, hostMatcher, metricMatcher } from "./selection.ts";

/** Looked at in a few seconds. */
const SAMPLES_MAX = 4_000_000;
/** What agents send. */
const INTERVAL_MS = 10_000;
const FIVE_MINUTES_MS = 300_000;
const WEEK_MS = 7 * 86_400_000;
/** Listed in an answer, the newest; all are counted. */
const LISTED_MAX = 1_000;

export interface BacktestQuery {
  /** As it is written, and right. */
  definition: unknown;
  from_ms: number;
  to_ms: number;
}

export interface BacktestResult {
  tier: "raw" | "5m";
  series: number;
  samples: number;
  pages: number;
  pages_per_week: number;
  /** In order. */
  fired: Fired[];
}

/**
 * Tries a rule on the past.
 *
 * @throws TooMuchError when even the values of five minutes are too many
 */
export async function backtest(
  context: QueryContext,
  query: BacktestQuery,
): Promise<BacktestResult> {
  const { definition, from_ms, to_ms } = query;
  const rule = readRule(ruleSchema.parse(definition));
  const active: ActiveRule = { id: 1, revision: 0, rule, definition };
  const selected = await selectSeries(context, rule);
  const tier = tierFor(rule, { series: selected.length, span_ms: to_ms - from_ms });
  using _place = await context.large.enter();
  const fired: Fired[] = [];
  let samples = 0;
  for (const own of Map.groupBy(selected, ({ host }) => host.id).values()) {
    const [first] = own;
    if (first === undefined) continue;
    const before_ms = rule.condition === "unusual" ? rule.weeks * WEEK_MS : rule.over_ms;
    const series = own.map(({ metric }) => ({ metric, samples: none() }));
    const range = {
      from_ms: from_ms - before_ms,
      before_ms: to_ms + 1,
      tier,
      pick: pickFor(rule, first.kind),
    };
    // a rule is tried on days: the newest seconds do not matter
    await context.read(
      { ...range, step_ms: Infinity },
      (sql) =>
        readWindows(sql, own.map(({ keys }) => keys), {
          ...range,
          found: (index, found) => {
            const one = series[index];
            if (one !== undefined) one.samples = found;
          },
        }),
    );
    samples += series.reduce((sum, one) => sum + one.samples.times_ms.length, 0);
    fired.push(...replay(active, { host: first.host, series }, { from_ms, to_ms }));
    await setImmediate();
  }
  fired.sort((a, b) => a.opened_ms - b.opened_ms);
  return {
    tier,
    series: selected.length,
    samples,
    pages: fired.length,
    pages_per_week: fired.length / ((to_ms - from_ms) / WEEK_MS),
    fired: fired.slice(-LISTED_MAX),
  };
}

async function selectSeries({ catalog }: QueryContext, rule: Rule): Promise<Series[]> {
  const isHost = hostMatcher(rule);
  if (rule.condition !== "host_silent") {
    return await catalog.select({ host: isHost, metric: metricMatcher(rule) });
  }
  // whatever came says that a host was there: one series of each of its shapes
  const all = await catalog.select({ host: isHost, metric: () => true });
  const seen = new Set<string>();
  return all.filter(({ keys }) => {
    const fresh = keys.filter((key) => !seen.has(`${key.host_id} ${key.shape_id}`));
    for (const key of fresh) seen.add(`${key.host_id} ${key.shape_id}`);
    return fresh.length > 0;
  });
}

function tierFor(
  rule: Rule,
  { series, span_ms }: { series: number; span_ms: number },
): "raw" | "5m" {
  const isHabit = rule.condition === "unusual";
  const isFew = series * span_ms / INTERVAL_MS <= SAMPLES_MAX;
  if (!isHabit && isFew) return "raw";
  const all_ms = isHabit ? span_ms + rule.weeks * WEEK_MS : span_ms;
  const values = Math.round(series * all_ms / FIVE_MINUTES_MS);
  if (values <= SAMPLES_MAX) return "5m";
  throw new TooMuchError(
    `Cannot try the rule at once: ${series} series have some ${values} values of five minutes, ` +
      `at most ${SAMPLES_MAX} are looked at; begin later, or try it on fewer hosts`,
  );
}

function pickFor({ condition, comparison }: Rule, kind: Kind): Pick {
  if (condition === "rate" || condition === "script_failed" || kind === "counter") return "last";
  if (condition !== comparison) return "average";
  return comparison === "below" ? "min" : comparison === "above" ? "max" : "last";
}

function none(): Samples {
  return { times_ms: new Float64Array(), values: new Float64Array() };
}
