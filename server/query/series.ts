/**
 * Many series at once, in steps that are the same for all: what `/api/v1/series` gives.
 *
 * Gauges and states have the average, the smallest and the largest value of each step. Counters are
 * never averaged: they have their last value, and the rate, which is the increase since the last
 * sample before, resets corrected, by the time since then. So rates times durations add up to the
 * whole increase, also over gaps. One more step is read before the first, to know that sample; the
 * first step of all has the rate between its own samples, and none when there is only one.
 *
 * A step without a sample is left out: t has the times of those that are there.
 *
 * `!` after an index: indexes are those of the arrays' own places.
 */
import { setImmediate } from "node:timers/promises";
import { type CellKey, type KeySlices, selectCells } from "../../db/block_cells.ts";
import type { Sql } from "../../db/connect.ts";
import type { Tier } from "../../db/tiers.ts";
import type { Kind, Selection, Series } from "./catalog.ts";
import { type QueryContext, requireBlocks, TooMuchError } from "./context.ts";
import { type Aggregate, Fleet, isPercentile, type Percentile } from "./fleet.ts";
import { type Detail, Grid } from "./grid.ts";
import { fillGrid } from "./rows.ts";
import { chooseResolution, type Resolution } from "./tier.ts";

export interface SeriesQuery {
  selection: Selection;
  /** Milliseconds since 1970; both belong to the range. */
  from_ms: number;
  to_ms: number;
  /** The most steps, at least 2. */
  points: number;
  tier?: Tier;
  /** One series a metric over all its hosts. */
  aggregate?: Aggregate;
  /** Aborted when nobody waits for the answer any more. */
  signal?: AbortSignal;
}

/** Arrays are of one length. Times are seconds since 1970, when each step begins. */
export interface SeriesResult extends Partial<Record<Percentile, number[]>> {
  /** Left out when it is over several hosts. */
  host?: string;
  /** How many hosts it is over. */
  hosts?: number;
  metric: string;
  unit: string | null;
  kind: Kind;
  t: number[];
  avg?: number[];
  sum?: number[];
  min?: number[];
  max?: number[];
  count?: number[];
  /** Of counters and states. */
  last?: number[];
  /** Of counters: increase a second; null where it is not known. */
  rate?: (number | null)[];
}

export interface SeriesAnswer {
  resolution: Resolution;
  series: SeriesResult[];
}

/** Values of hosts that percentiles need side by side: 40 MB. */
const PERCENTILE_VALUES_MAX = 5_000_000;
/** Series between two looks at what else there is to do: some milliseconds. */
const SERIES_A_TURN = 32;
/** Keys from which on a question is large. */
const LARGE_KEYS = 17;

/** Keys from which on a question is asked in two parts. */
const DIVIDED_KEYS = 256;

/**
 * The series of a selection.
 *
 * @throws TooMuchError, with what to reduce
 */
export async function readSeries(
  context: QueryContext,
  query: SeriesQuery,
): Promise<SeriesAnswer> {
  const selected = await context.catalog.select(query.selection);
  const resolution = chooseResolution({
    ...query,
    now_ms: context.clock.now(),
    kept_ms: context.keptMs([...new Set(selected.map(({ metric }) => metric))]),
  });
  requireBounded(context, selected, { resolution, aggregate: query.aggregate });
  const keeps_values = query.aggregate !== undefined && isPercentile(query.aggregate);
  const keys = selected.reduce((sum, series) => sum + series.keys.length, 0);
  using _place = keys < LARGE_KEYS ? undefined : await context.large.enter(query.signal);
  const { signal } = query;
  const options = { ...resolution, signal, detail: detailFor(selected, query) };
  const series = await context.read({ ...resolution, signal }, async (sql) => {
    const parts = partsOf(selected, keys).map((part) => readGrids(sql, part, options));
    return query.aggregate === undefined
      ? (await Promise.all(parts.map(eachSeries))).flat()
      : eachMetric(
        await Promise.all(parts.map((part) => addUp(part, keeps_values))),
        query.aggregate,
      );
  });
  return { resolution, series };
}

/**
 * A large question as two, asked at once on two connections: finding thousands of slices takes
 * PostgreSQL longer than making an answer of them. A series is whole in one of them, so that all of
 * it is seen in one moment; and it is always the same one, so that sums are the same to the last bit.
 */
function partsOf(selected: readonly Series[], keys: number): (readonly Series[])[] {
  if (keys < DIVIDED_KEYS) return [selected];
  const half = selected.length >> 1;
  return [selected.slice(0, half), selected.slice(half)];
}

function detailFor(selected: readonly Series[], { aggregate }: SeriesQuery): Detail {
  // rates need it all, and of states the last is wanted
  if (selected.some(({ kind }) => kind === "counter")) return "all";
  if (aggregate === undefined) return selected.every(isGauge) ? "extremes" : "all";
  return aggregate === "min" || aggregate === "max" ? "extremes" : "average";
}

function isGauge({ kind }: Series): boolean {
  return kind === "gauge";
}

function requireBounded(
  context: QueryContext,
  selected: readonly Series[],
  { resolution, aggregate }: { resolution: Resolution; aggregate: Aggregate | undefined },
): void {
  const { steps } = resolution;
  const { limits: { question_points_max } } = context;
  const metrics = new Set(selected.map(({ metric }) => metric)).size;
  const values = (aggregate === undefined ? selected.length : metrics) * steps;
  if (values > question_points_max) {
    throw new TooMuchError(
      `Cannot answer at once: ${values / steps} series of ${steps} points are more than ` +
        `${question_points_max} points (limits.question_points_max); reduce points, or select ` +
        "fewer hosts or metrics, or aggregate",
    );
  }
  const kept = selected.length * steps;
  if (aggregate !== undefined && isPercentile(aggregate) && kept > PERCENTILE_VALUES_MAX) {
    throw new TooMuchError(
      `Cannot answer at once: ${aggregate} over ${selected.length} series of ${steps} points needs ` +
        `${kept} values side by side, at most ${PERCENTILE_VALUES_MAX} are kept; reduce points, ` +
        "or select fewer hosts or metrics",
    );
  }
  const keys = selected.reduce((sum, series) => sum + series.keys.length, 0);
  requireBlocks(context, { ...resolution, series: selected.length, keys });
}

interface FilledGrid {
  series: Series;
  /** Valid until the next is read. */
  grid: Grid;
}

/** Each selected series in a grid with one step more, before the first of the resolution. */
async function* readGrids(
  sql: Sql,
  selected: readonly Series[],
  { tier, from_ms, before_ms, step_ms, steps, detail, signal }: Resolution & {
    detail: Detail;
    signal?: AbortSignal;
  },
): AsyncGenerator<FilledGrid> {
  const owners: number[] = [];
  const keys: CellKey[] = [];
  selected.forEach((series, owner) => {
    for (const key of series.keys) {
      owners.push(owner);
      keys.push(key);
    }
  });
  if (keys.length === 0) return;
  const hasCounters = selected.some(({ kind }) => kind === "counter");
  const range = { keys, from_ms: hasCounters ? from_ms - step_ms : from_ms, before_ms, signal };
  const grid = new Grid(from_ms - step_ms, step_ms, steps + 1, detail);
  let slices: KeySlices[] = [];
  let done = 0;
  for await (const found of selectCells(sql, tier, range)) {
    const owner = owners[found.key]!;
    slices.push(found);
    if (owners[found.key + 1] === owner) continue;
    grid.clear();
    fillGrid(grid, tier, slices);
    yield { series: selected[owner]!, grid };
    slices = [];
    if (++done % SERIES_A_TURN === 0) await setImmediate();
  }
}

async function eachSeries(grids: AsyncGenerator<FilledGrid>): Promise<SeriesResult[]> {
  const results: SeriesResult[] = [];
  for await (const { series, grid } of grids) {
    const { host: { hostname: host }, metric, unit, kind } = series;
    results.push({ host, metric, unit, kind, ...columnsOf(grid, kind) });
  }
  return results;
}

function columnsOf(grid: Grid, kind: Kind): Pick<SeriesResult, "t"> & Partial<SeriesResult> {
  const steps = Array.from(grid.count.keys()).filter((step) => step > 0 && grid.count[step]! > 0);
  const pick = (values: Float64Array) => steps.map((step) => values[step]!);
  const t = steps.map((step) => grid.startOf(step) / 1000);
  if (kind === "counter") {
    const rates = ratesOf(grid);
    const rate = steps.map((step) => Number.isNaN(rates[step]!) ? null : rates[step]!);
    return { t, last: pick(grid.last), rate };
  }
  const avg = steps.map((step) => grid.sum[step]! / grid.count[step]!);
  const last = kind === "state" ? { last: pick(grid.last) } : {};
  return { t, avg, min: pick(grid.min), max: pick(grid.max), ...last };
}

/** A counter's increase a second in each step; NaN where it is not known. */
function ratesOf(grid: Grid): Float64Array {
  const rates = new Float64Array(grid.steps).fill(NaN);
  let before: number | undefined;
  for (let step = 0; step < grid.steps; step++) {
    if (grid.count[step] === 0) continue;
    const [first, last] = [grid.first[step]!, grid.last[step]!];
    const since = before === undefined ? first : grid.last[before]!;
    const since_ms = before === undefined ? grid.first_ms[step]! : grid.last_ms[before]!;
    // below the value before: it began anew at 0
    const increase = last - (first < since ? 0 : since) + grid.lost[step]!;
    if (grid.last_ms[step]! > since_ms) {
      rates[step] = increase / (grid.last_ms[step]! - since_ms) * 1000;
    }
    before = step;
  }
  return rates;
}

interface MetricFleet {
  result: SeriesResult;
  fleet: Fleet;
  grid: Grid;
}

/** The hosts of each metric, in the order of the metrics. */
async function addUp(
  grids: AsyncGenerator<FilledGrid>,
  keeps_values: boolean,
): Promise<MetricFleet[]> {
  const metrics: MetricFleet[] = [];
  for await (const { series: { metric, unit, kind }, grid } of grids) {
    let last = metrics.at(-1);
    if (last?.result.metric !== metric) {
      last = {
        result: { hosts: 0, metric, unit, kind, t: [] },
        fleet: new Fleet(grid.steps, keeps_values),
        grid,
      };
      metrics.push(last);
    }
    last.result.hosts!++;
    last.fleet.add(grid, kind === "counter" ? ratesOf(grid) : undefined);
  }
  return metrics;
}

/** The parts of a question, each with its hosts of a metric, as one series a metric. */
function eachMetric(parts: MetricFleet[][], aggregate: Aggregate): SeriesResult[] {
  const metrics = new Map<string, MetricFleet>();
  for (const part of parts.flat()) {
    const known = metrics.get(part.result.metric);
    if (known === undefined) metrics.set(part.result.metric, part);
    else {
      known.result.hosts! += part.result.hosts!;
      known.fleet.join(part.fleet);
    }
  }
  return [...metrics.values()].map(({ result, fleet, grid }) => {
    const values: number[] = [];
    for (let step = 1; step < grid.steps; step++) {
      const value = fleet.valueAt(step, aggregate);
      if (value === undefined) continue;
      result.t.push(grid.startOf(step) / 1000);
      values.push(value);
    }
    return { ...result, [aggregate]: values };
  });
}
