/**
 * The series a page shows, read for a range and kept up to date: while the range ends now, only what is
 * new is asked for and put to the end.
 */
import { useEffect, useRef, useState } from "preact/hooks";
import { pathWith, request, type SeriesAnswer, type SeriesData } from "./api.ts";
import { faultText } from "./dialog.tsx";
import { noteTime, now_s } from "./live.ts";
import { askedRange, isLive, type Range, type Span, spanOf } from "./range.ts";

export interface SeriesQuery {
  metric: readonly string[];
  host?: readonly string[];
  tags?: Readonly<Record<string, string>>;
  aggregate?: string;
}

export interface SeriesState {
  answer: SeriesAnswer | undefined;
  error: string | undefined;
  /** What the charts show. */
  span: Span;
  /** Asks for what has come since. */
  refresh: () => void;
}

const POINTS = 500;
/** Steps that are asked for again at the end: they were not complete. */
const TAIL_STEPS = 2;
/** What is new is asked for as often as it can be seen, and not more often than this. */
const REFRESH_MS_MIN = 1_000;
const REFRESH_MS_MAX = 60_000;
/** The window moves on even when nothing comes. */
const IDLE_MS = 10_000;

/** As the API has them. */
export function tagParameters({ tags }: Pick<SeriesQuery, "tags">): Record<string, string> {
  return Object.fromEntries(
    Object.entries(tags ?? {}).map(([name, value]) => [`tag.${name}`, value]),
  );
}

function pathOf(query: SeriesQuery, asked: Range, points: number): string {
  const tags = tagParameters(query);
  const { metric, host, aggregate } = query;
  return pathWith("/api/v1/series", {
    ...{ metric, host, aggregate, ...tags, points },
    from: asked.from,
    to: asked.to,
  });
}

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

function joinAnswers(known: SeriesAnswer, fresh: SeriesAnswer, from_s: number): SeriesAnswer {
  const name = ({ host = "", metric }: SeriesData) => `${host}\n${metric}`;
  const by_name = new Map(fresh.series.map((series) => [name(series), series]));
  const joined = known.series.map((series) => {
    const more = by_name.get(name(series));
    by_name.delete(name(series));
    return more === undefined ? series : joinSeries(series, more, from_s);
  });
  return { ...known, to: fresh.to, series: [...joined, ...by_name.values()] };
}

/** Reads `query` over `range`, again when either changes. */
export function useSeries(query: SeriesQuery | undefined, range: Range): SeriesState {
  const [state, setState] = useState<Pick<SeriesState, "answer" | "error"> & { span: Span }>(
    () => ({ answer: undefined, error: undefined, span: spanOf(range, now_s.value) }),
  );
  const current = useRef(state);
  current.current = state;
  const busy = useRef(false);
  const read_ms = useRef(0);
  const key = JSON.stringify([query, range]);
  const newest_key = useRef(key);
  newest_key.current = key;
  /** The question that what is shown answers: only to that may something be put. */
  const answered_key = useRef<string | undefined>(undefined);

  useEffect(() => {
    const abort = new AbortController();
    if (query === undefined) {
      setState({ answer: undefined, error: undefined, span: spanOf(range, now_s.value) });
      return;
    }
    const asked = askedRange(range, now_s.value);
    request<SeriesAnswer>(pathOf(query, asked, POINTS), { signal: abort.signal }).then(
      (answer) => {
        if (asked.to === "now") noteTime(answer.to);
        answered_key.current = key;
        setState({ answer, error: undefined, span: { from_s: answer.from, to_s: answer.to } });
      },
      (error) => {
        if (abort.signal.aborted) return;
        // what was shown stays
        setState((before) => ({ ...before, error: faultText(error) }));
      },
    );
    return () => abort.abort();
  }, [key]);

  const refresh = () => {
    const { answer } = current.current;
    if (busy.current || query === undefined || answer === undefined || !isLive(range)) return;
    if (answered_key.current !== key) return;
    const seen_ms = Math.min(REFRESH_MS_MAX, Math.max(REFRESH_MS_MIN, answer.step_s * 500));
    if (performance.now() - read_ms.current < seen_ms * 0.9) return;
    busy.current = true;
    read_ms.current = performance.now();
    const span = spanOf(range, now_s.value);
    const from_s = Math.max(span.from_s, answer.to - answer.step_s * TAIL_STEPS);
    const steps = Math.ceil((span.to_s - from_s) / answer.step_s) + 1;
    const asked = { from: from_s.toFixed(3), to: span.to_s.toFixed(3) };
    request<SeriesAnswer>(pathOf(query, asked, Math.max(2, steps))).then(
      (fresh) => {
        // another step: the range is another one by now
        if (fresh.step_s > answer.step_s || newest_key.current !== key) return;
        setState({ answer: joinAnswers(answer, fresh, span.from_s), error: undefined, span });
      },
      (error) => setState((before) => ({ ...before, error: faultText(error) })),
    ).finally(() => busy.current = false);
  };
  const newest = useRef(refresh);
  newest.current = refresh;
  useEffect(() => {
    if (!isLive(range)) return;
    const timer = setInterval(() => document.hidden || newest.current(), IDLE_MS);
    return () => clearInterval(timer);
  }, [key]);
  return { ...state, refresh };
}
