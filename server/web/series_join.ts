/** What has come since put to the end of what is shown. */
import type { SeriesAnswer, SeriesData } from "./api.ts";

/** What a series may have for each of its times, beside rates, which have holes. */
const LISTS = ["avg", "sum", "count", "min", "max", "p50", "p90", "p95", "p99", "last"] as const;

/** `fresh` put to the end of `known`: its steps replace those of the same time. */
function joinSeries(known: SeriesData, fresh: SeriesData, from_s: number): SeriesData {
  const border = fresh.t[0] ?? Infinity;
  const start = known.t.findIndex((at_s) => at_s >= from_s);
  const end = known.t.findIndex((at_s) => at_s >= border);
  const first = start < 0 ? known.t.length : start;
  const before = end < 0 ? known.t.length : end;
  const join = <T>(a: readonly T[] | undefined, b: readonly T[] | undefined): T[] | undefined =>
    a === undefined || b === undefined ? b && [...b] : [...a.slice(first, before), ...b];
  const joined: SeriesData = {
    ...known,
    t: [...known.t.slice(first, before), ...fresh.t],
    rate: joinRates(join(known.rate, fresh.rate), known.rate, before - first, before),
  };
  for (const name of LISTS) joined[name] = join(known[name], fresh[name]);
  return joined;
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
  const trimmed: SeriesData = {
    ...series,
    t: series.t.slice(first),
    rate: series.rate?.slice(first),
  };
  for (const name of LISTS) trimmed[name] = series[name]?.slice(first);
  return trimmed;
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
