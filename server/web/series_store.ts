/**
 * The series a page shows, read for a range and kept up to date: while the range ends now, only what is
 * new is asked for and put to the end.
 */
import { useEffect, useRef, useState } from "preact/hooks";
import { pathWith, request, type SeriesAnswer } from "./api.ts";
import { faultText } from "./dialog.tsx";
import { noteTime, now_s } from "./live.ts";
import { askedRange, isLive, type Range, type Span, spanOf } from "./range.ts";
import { joinAnswers } from "./series_join.ts";

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
  /** Asks for what has come since; for everything where the first question was not answered. */
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

/** How long until something new can be seen. */
function seenMs({ step_s }: SeriesAnswer): number {
  return Math.min(REFRESH_MS_MAX, Math.max(REFRESH_MS_MIN, step_s * 500));
}

/** What has come since an answer, as it is asked for, and the span that is shown then. */
function tailOf(answer: SeriesAnswer, range: Range): { span: Span; asked: Range; steps: number } {
  const span = spanOf(range, now_s.value);
  const from_s = Math.max(span.from_s, answer.to - answer.step_s * TAIL_STEPS);
  const steps = Math.ceil((span.to_s - from_s) / answer.step_s) + 1;
  const asked = { from: from_s.toFixed(3), to: span.to_s.toFixed(3) };
  return { span, asked, steps };
}

/** Calls it every few seconds while somebody sees the page. */
function useNowAndThen(call: () => void): void {
  const newest = useRef(call);
  newest.current = call;
  useEffect(() => {
    const timer = setInterval(() => document.hidden || newest.current(), IDLE_MS);
    return () => clearInterval(timer);
  }, []);
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
  /** The question that could not be answered; it is asked again. */
  const failed_key = useRef<string | undefined>(undefined);
  const [attempt, setAttempt] = useState(0);

  useEffect(() => {
    const abort = new AbortController();
    if (query === undefined) {
      setState({ answer: undefined, error: undefined, span: spanOf(range, now_s.value) });
      return;
    }
    const asked = askedRange(range, now_s.value);
    failed_key.current = undefined;
    read_ms.current = performance.now();
    const asked_ms = read_ms.current;
    request<SeriesAnswer>(pathOf(query, asked, POINTS), { signal: abort.signal }).then(
      (answer) => {
        if (asked.to === "now") noteTime(answer.to, asked_ms);
        answered_key.current = key;
        setState({ answer, error: undefined, span: { from_s: answer.from, to_s: answer.to } });
      },
      (error) => {
        if (abort.signal.aborted) return;
        failed_key.current = key;
        // what was shown stays
        setState((before) => ({ ...before, error: faultText(error) }));
      },
    );
    return () => abort.abort();
  }, [key, attempt]);

  const refresh = () => {
    if (failed_key.current === key) {
      if (performance.now() - read_ms.current > REFRESH_MS_MIN) setAttempt((before) => before + 1);
      return;
    }
    const { answer } = current.current;
    if (busy.current || query === undefined || answer === undefined || !isLive(range)) return;
    if (answered_key.current !== key) return;
    if (performance.now() - read_ms.current < seenMs(answer) * 0.9) return;
    busy.current = true;
    read_ms.current = performance.now();
    const { span, asked, steps } = tailOf(answer, range);
    request<SeriesAnswer>(pathOf(query, asked, Math.max(2, steps))).then(
      (fresh) => {
        // another step: the range is another one by now
        if (fresh.step_s > answer.step_s || newest_key.current !== key) return;
        setState({ answer: joinAnswers(answer, fresh, span.from_s), error: undefined, span });
      },
      (error) => {
        if (newest_key.current !== key) return;
        setState((before) => ({ ...before, error: faultText(error) }));
      },
    ).finally(() => busy.current = false);
  };
  useNowAndThen(refresh);
  return { ...state, refresh };
}
