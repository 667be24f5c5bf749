/** What has come since put to the end of what is shown. */
import type { SeriesAnswer, SeriesData } from "./api.ts";

/** `fresh` put to the end of `known`: its steps replace those of the same time. */
export function joinSeries(known: SeriesData, fresh: SeriesData, from_s: number): SeriesData {
  const border = fresh.t[0] ?? Infinity;
  const start = known.t.findIndex((at_s) => at_s >= from_s);
  const end = known.t.findIndex((at_s) => at_s >= border);
  const first = start < 0 ? known.t.length : start;
  const before = end < 0 ? known.t.length : end;
  const join = <T>(a: readonly T[] | undefined, b: readonly T[] | undefined): T[] | undefined =>
    a === undefined || b === undefined ? b && [...b] : [...a.slice(first, before), ...b];
  return {
    ...known,
    t: [...known.t.slice(first, before), ...fresh.t],
    avg: join(known.avg, fresh.avg),
    sum: join(known.sum, fresh.sum),
    count: join(known.count, fresh.count),
    min: join(known.min, fresh.min),
    max: join(known.max, fresh.max),
    p50: join(known.p50, fresh.p50),
    p90: join(known.p90, fresh.p90),
    p95: join(known.p95, fresh.p95),
    p99: join(known.p99, fresh.p99),
    last: join(known.last, fresh.last),
    rate: joinRates(join(known.rate, fresh.rate), known.rate, before - first, before),
  };
}

/** The first rate of what was asked for last lacks the step before: the known one is better. */
function joinRates(
  joined: (number | null)[] | undefined,
  known: readonly (number | null)[] | undefined,
  place: number,
  known_place: number,
): (number | null)[] | undefined {
  if (joined === undefined || known === undefined) return joined;
  const better = known[known_place];
  if (better !== undefined && joined[place] === null) joined[place] = better;
  return joined;
}

/** Without what is older; the same where nothing is. */
function trimSeries(series: SeriesData, from_s: number): SeriesData {
  const start = series.t.findIndex((at_s) => at_s >= from_s);
  if (start === 0) return series;
  const first = start < 0 ? series.t.length : start;
  return {
    ...series,
    t: series.t.slice(first),
    avg: series.avg?.slice(first),
    sum: series.sum?.slice(first),
    count: series.count?.slice(first),
    min: series.min?.slice(first),
    max: series.max?.slice(first),
    p50: series.p50?.slice(first),
    p90: series.p90?.slice(first),
    p95: series.p95?.slice(first),
    p99: series.p99?.slice(first),
    last: series.last?.slice(first),
    rate: series.rate?.slice(first),
  };
}

/**
 * The same for all series. Those that nothing comes of any more (a container that is gone) go when the
 * last of their steps is older than `from_s`: else a page that stays open would grow with each of them.
 */
export function joinAnswers(
  known: SeriesAnswer,
  fresh: SeriesAnswer,
  from_s: number,
): SeriesAnswer {
  const name = ({ host = "", metric }: SeriesData) => `${host}\n${metric}`;
  const by_name = new Map(fresh.series.map((series) => [name(series), series]));
  const joined = known.series.map((series) => {
    const more = by_name.get(name(series));
    by_name.delete(name(series));
    return more === undefined ? trimSeries(series, from_s) : joinSeries(series, more, from_s);
  });
  const series = [...joined, ...by_name.values()].filter(({ t }) => t.length > 0);
  return { ...known, to: fresh.to, series };
}
