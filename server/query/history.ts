/**
 * The history of one series as pairs of time and value, newest first: what `/fetch/history` gives.
 *
 *   samples   (neither points nor a tier, or tier raw) the newest `limit` samples. Blocks are read
 *             backwards in time, a few at once, until there are enough.
 *   tier      the values of its buckets, at the times they begin: the average of a gauge; of a counter
 *             or a state, which have no average, the last.
 *   points    at most so many pairs for the whole span, in steps of a fitting resolution. Each step
 *             has its smallest and its largest value, in the order they came: an average would hide
 *             the spike somebody is looking for, and these two are what is left of a curve drawn a
 *             step wide. (M4 adds the first and the last: twice the points for lines that join
 *             better, which two pixels a step do not show.) Samples give both with their own times.
 *             In a rollup their times are not known; they are put at its first and its last sample's,
 *             in the order of a rise or a fall.
 *
 * `!` after an index: loops run over the arrays' own lengths.
 */
import { type CellKey, selectCells, selectNewestCells } from "../../db/block_cells.ts";
import { askedAgain } from "../../db/cancel.ts";
import { selectExtent } from "../../db/series.ts";
import { type Tier, TIERS } from "../../db/tiers.ts";
import type { Sql } from "../../db/connect.ts";
import type { Series } from "./catalog.ts";
import { NotFoundError, type QueryContext, requireBlocks } from "./context.ts";
import { Grid } from "./grid.ts";
import { fillGrid, samplesOf } from "./rows.ts";
import { firstFrom, mergeSamples, type Samples } from "./samples.ts";
import { chooseResolution, POINTS_MIN, type Resolution } from "./tier.ts";

export { NotFoundError };

export interface HistoryQuery {
  hostname: string;
  metric: string;
  /** Milliseconds since 1970; both ends belong to the range. */
  from_ms: number;
  to_ms: number;
  /** The most pairs; the newest count. */
  limit: number;
  /** At most so many for the whole span: see above. */
  points?: number;
  tier?: Tier;
  /** Aborted when nobody waits for the answer any more. */
  signal?: AbortSignal;
}

/** Time in milliseconds since 1970, and the value. */
export type Sample = [at_ms: number, value: number];

/** A block has at most so many samples for a sampling of every ten seconds, which is usual. */
const BLOCK_SAMPLES = 360;
/** Blocks read at once: 64 hours of one metric are 30 kB. */
const BLOCKS_MAX = 64;
/** Buckets looked through at once for those of a tier. */
const BUCKETS_MAX = 20_000;

/**
 * The newest pairs of a range, newest first.
 *
 * @throws NotFoundError when there is no such host, or it never reported such a metric
 */
export async function history(context: QueryContext, query: HistoryQuery): Promise<Sample[]> {
  const series = await findSeries(context, query.hostname, query.metric);
  if (query.points !== undefined) return await envelope(context, series, query);
  if (query.tier !== undefined && query.tier !== "raw") {
    return await buckets(context, series, { ...query, tier: query.tier });
  }
  const asked = { before_ms: query.to_ms + 1, step_ms: 0, signal: query.signal };
  return await context.read(asked, (sql) => newestSamples(sql, series.keys, query));
}

async function findSeries(
  { catalog }: QueryContext,
  hostname: string,
  metric: string,
): Promise<Series> {
  const found = await catalog.find(hostname, metric);
  if (typeof found === "object") return found;
  const host = `host ${JSON.stringify(hostname)}`;
  const missing = found === "no host" ? host : `metric ${JSON.stringify(metric)} of ${host}`;
  throw new NotFoundError(`Cannot find ${missing}`);
}

async function newestSamples(
  sql: Sql,
  keys: readonly CellKey[],
  { from_ms, to_ms, limit, signal }: HistoryQuery,
): Promise<Sample[]> {
  let found: Samples = { times_ms: new Float64Array(), values: new Float64Array() };
  let before_ms = to_ms + 1;
  let blocks_max = Math.min(BLOCKS_MAX, Math.ceil(limit / BLOCK_SAMPLES) + 1);
  // hot rows come along the first time, and are then complete: at most `limit` of them can count
  for (let samples_max = limit;; samples_max = 0) {
    const range = { keys, from_ms, before_ms, samples_max, blocks_max, signal };
    const slices = await selectNewestCells(sql, range);
    const { raw, oldest_ms } = slices;
    found = mergeSamples([samplesOf([slices], from_ms, to_ms + 1), found]);
    if (raw.length < blocks_max || oldest_ms === undefined) return newestOf(found, limit);
    const complete = found.times_ms.length - firstFrom(found.times_ms, oldest_ms);
    if (complete >= limit || oldest_ms <= from_ms) return newestOf(found, limit);
    before_ms = oldest_ms;
    blocks_max = Math.min(BLOCKS_MAX, blocks_max * 2);
  }
}

function newestOf({ times_ms, values }: Samples, limit: number): Sample[] {
  const newest: Sample[] = [];
  for (let i = times_ms.length - 1; i >= 0 && newest.length < limit; i--) {
    newest.push([times_ms[i]!, values[i]!]);
  }
  return newest;
}

/** The newest buckets of a rollup tier. */
async function buckets(
  context: QueryContext,
  series: Series,
  query: HistoryQuery & { tier: Tier },
): Promise<Sample[]> {
  const span = await storedSpan(context, series, query);
  const bucket_ms = TIERS[query.tier].bucket_ms ?? 0;
  const found: Sample[] = [];
  let steps = query.limit;
  for (let to_ms = span.to_ms; to_ms >= span.from_ms && found.length < query.limit;) {
    steps = Math.min(BUCKETS_MAX, steps);
    const from_ms = Math.max(span.from_ms, to_ms - (steps - 1) * bucket_ms);
    const kept_ms = context.keptMs([series.metric]);
    const part = { ...query, from_ms, to_ms, points: undefined, now_ms: 0, kept_ms };
    const grid = await readGrid(context, series, {
      ...chooseResolution(part),
      signal: query.signal,
    });
    for (let step = grid.steps - 1; step >= 0 && found.length < query.limit; step--) {
      if (grid.count[step] === 0 || grid.startOf(step) < query.from_ms) continue;
      const value = series.kind === "gauge"
        ? grid.sum[step]! / grid.count[step]!
        : grid.last[step]!;
      found.push([grid.startOf(step), value]);
    }
    to_ms = grid.from_ms - 1;
    // the next part is longer: there was a gap
    steps *= 4;
  }
  return found;
}

/** At most `points` pairs of the whole span, two for a step. */
async function envelope(
  context: QueryContext,
  series: Series,
  query: HistoryQuery,
): Promise<Sample[]> {
  const span = await storedSpan(context, series, query);
  if (span.to_ms < span.from_ms) return [];
  const chosen = chooseResolution({
    ...span,
    points: Math.max(POINTS_MIN, Math.floor((query.points ?? 0) / 2)),
    tier: query.tier,
    now_ms: context.clock.now(),
    kept_ms: context.keptMs([series.metric]),
  });
  requireBlocks(context, { ...chosen, series: 1, keys: series.keys.length });
  const resolution = { ...chosen, signal: query.signal };
  const ascending = resolution.tier === "raw"
    ? extremesOf(await readSamples(context, series, { ...resolution, ...span }), resolution)
    : stepExtremes(await readGrid(context, series, resolution));
  const within = ascending.filter(([at_ms]) => at_ms >= query.from_ms && at_ms <= query.to_ms);
  return within.slice(-query.limit).reverse();
}

/** What of the asked range can hold anything: the default is all of time. */
async function storedSpan(
  { sql }: QueryContext,
  { keys }: Series,
  { from_ms, to_ms }: HistoryQuery,
): Promise<{ from_ms: number; to_ms: number }> {
  const { first_ms, last_ms } = await askedAgain(sql, (own) => selectExtent(own, keys));
  if (first_ms === null || last_ms === null) return { from_ms: 0, to_ms: -1 };
  return { from_ms: Math.max(from_ms, first_ms), to_ms: Math.min(to_ms, last_ms) };
}

async function readSamples(
  { read }: QueryContext,
  { keys }: Series,
  options: { from_ms: number; to_ms: number; step_ms: number; signal?: AbortSignal },
): Promise<Samples> {
  const { from_ms, to_ms, step_ms, signal } = options;
  const range = { keys, from_ms, before_ms: to_ms + 1, signal };
  const slices = await read(
    { ...range, step_ms },
    (sql) => Array.fromAsync(selectCells(sql, "raw", range)),
  );
  return samplesOf(slices, from_ms, to_ms + 1);
}

async function readGrid(
  { read }: QueryContext,
  { keys }: Series,
  { tier, from_ms, before_ms, step_ms, steps, signal }: Resolution & { signal?: AbortSignal },
): Promise<Grid> {
  const grid = new Grid(from_ms, step_ms, steps);
  const range = { keys, from_ms, before_ms, signal };
  const slices = await read(
    { ...range, step_ms },
    (sql) => Array.fromAsync(selectCells(sql, tier, range)),
  );
  fillGrid(grid, tier, slices);
  return grid;
}

/** The smallest and the largest sample of each step, ascending in time; one when they are the same. */
function extremesOf({ times_ms, values }: Samples, { step_ms }: Resolution): Sample[] {
  const kept: Sample[] = [];
  for (let start = 0; start < times_ms.length;) {
    const end = firstFrom(times_ms, (Math.floor(times_ms[start]! / step_ms) + 1) * step_ms);
    let [low, high] = [start, start];
    for (let i = start + 1; i < end; i++) {
      if (values[i]! < values[low]!) low = i;
      if (values[i]! > values[high]!) high = i;
    }
    for (const i of new Set([Math.min(low, high), Math.max(low, high)])) {
      kept.push([times_ms[i]!, values[i]!]);
    }
    start = end;
  }
  return kept;
}

function stepExtremes(grid: Grid): Sample[] {
  const kept: Sample[] = [];
  for (let step = 0; step < grid.steps; step++) {
    if (grid.count[step] === 0) continue;
    const [min, max] = [grid.min[step]!, grid.max[step]!];
    const isRising = grid.first[step]! <= grid.last[step]!;
    kept.push([grid.first_ms[step]!, isRising ? min : max]);
    if (min !== max) kept.push([grid.last_ms[step]!, isRising ? max : min]);
  }
  return kept;
}
