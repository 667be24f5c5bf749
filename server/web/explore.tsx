/** Any metrics over any hosts, each or taken together; the question is the page's address. */
import { useMemo, useState } from "preact/hooks";
import { pathWith, type SeriesAnswer, type SeriesData } from "./api.ts";
import { Chart } from "./chart.tsx";
import { type ChartPlan, valuesOf } from "./chart_data.ts";
import { unitOf } from "./format.ts";
import { now_s } from "./live.ts";
import { spanOf } from "./range.ts";
import { query, range, setQuery } from "./route.ts";
import { csvOf } from "./series_csv.ts";
import { type SeriesQuery, tagParameters, useSeries } from "./series_store.ts";
import { TEXT } from "./text.ts";
import { resumeLive, zoomTo } from "./zoom.ts";

const AGGREGATES = ["avg", "sum", "min", "max", "count", "p50", "p90", "p95", "p99"];
const TOPS = [5, 10, 20];
/** Lines in one chart: more cannot be told apart. */
const LINES_MAX = 60;

function words(text: string | null): string[] {
  return (text ?? "").split(/[,\s]+/).filter((word) => word !== "");
}

/** The question in the address, or undefined when it names no metric. */
function readQuery(): SeriesQuery | undefined {
  const metric = words(query.value.get("metric"));
  if (metric.length === 0) return undefined;
  const host = words(query.value.get("host"));
  const tags = Object.fromEntries(
    words(query.value.get("tags")).map((pair) => {
      const [name = "", ...value] = pair.split("=");
      return [name, value.join("=")];
    }),
  );
  return { metric, host, tags, aggregate: query.value.get("aggregate") ?? undefined };
}

export function Explore() {
  const asked = readQuery();
  const series = useSeries(asked, range.value);
  const top = Number(query.value.get("top") ?? 0);
  const plans = useMemo(
    () => planExplore(series.answer?.series ?? [], top),
    [series.answer, top],
  );
  const all = series.answer?.series.filter(({ t }) => t.length > 0).length ?? 0;
  const shown = plans.reduce((sum, { lines }) => sum + lines.length, 0);
  return (
    <>
      <div class="bar">
        <h1>{TEXT.pages.explore}</h1>
      </div>
      <Question asked={asked} answer={series.answer} />
      {series.error !== undefined && <div class="banner error" role="alert">{series.error}</div>}
      {asked === undefined
        ? <p class="soft">{TEXT.explore.empty}</p>
        : series.answer === undefined
        ? series.error === undefined && <div class="skeleton" style={{ height: "196px" }} />
        : all === 0
        ? <p class="soft">{TEXT.explore.nothing}</p>
        : <p class="soft">{TEXT.explore.shown(shown, all)}</p>}
      <div class="charts">
        {plans.map((plan) => (
          <Chart
            key={plan.key}
            plan={plan}
            step_s={series.answer?.step_s ?? 1}
            span={series.span}
            onZoom={zoomTo}
            onReset={resumeLive}
          />
        ))}
      </div>
    </>
  );
}

/** One chart a metric, the largest lines first. */
function planExplore(all: readonly SeriesData[], top: number): ChartPlan[] {
  const size = (series: SeriesData) => {
    const values = valuesOf(series).filter((value) => value !== null);
    return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
  };
  const by_metric = Map.groupBy(all.filter(({ t }) => t.length > 0), ({ metric }) => metric);
  return [...by_metric].map(([metric, series]) => {
    const ranked = series.map((one) => ({ one, size: size(one) }))
      .sort((a, b) => b.size - a.size)
      .slice(0, top > 0 ? top : LINES_MAX);
    const [first] = series;
    return {
      key: metric,
      group: metric,
      title: metric,
      unit: unitOf(first?.unit),
      per_second: first?.kind === "counter",
      stacked: false,
      lines: ranked.map(({ one }) => ({
        name: one.host ?? `${one.hosts ?? 0} hosts`,
        series: one,
      })),
    };
  });
}

function Question(
  { asked, answer }: { asked: SeriesQuery | undefined; answer: SeriesAnswer | undefined },
) {
  const [metric, setMetric] = useState(query.value.get("metric") ?? "");
  const [host, setHost] = useState(query.value.get("host") ?? "");
  const [tags, setTags] = useState(query.value.get("tags") ?? "");
  const field = (
    name: string,
    hint: string,
    [value, set]: [string, (text: string) => void],
  ) => (
    <label>
      <span class="hidden-label">{name}</span>
      <input
        placeholder={`${name}: ${hint}`}
        title={`${name}: ${hint}`}
        value={value}
        onInput={({ currentTarget }) => set(currentTarget.value)}
      />
    </label>
  );
  const csv = asked && csvLink(asked, answer);
  return (
    <form
      class="bar question"
      onSubmit={(event) => {
        event.preventDefault();
        setQuery({ metric, host, tags });
      }}
    >
      {field(TEXT.explore.metrics, TEXT.explore.metrics_hint, [metric, setMetric])}
      {field(TEXT.explore.hosts, TEXT.explore.hosts_hint, [host, setHost])}
      {field(TEXT.explore.tags, TEXT.explore.tags_hint, [tags, setTags])}
      <label>
        <span class="hidden-label">{TEXT.explore.aggregate}</span>
        <select
          value={query.value.get("aggregate") ?? ""}
          onChange={({ currentTarget }) =>
            setQuery({ metric, host, tags, aggregate: currentTarget.value })}
        >
          <option value="">{TEXT.explore.none}</option>
          {AGGREGATES.map((one) => <option key={one} value={one}>{one}</option>)}
        </select>
      </label>
      <label>
        <span class="hidden-label">{TEXT.explore.top}</span>
        <select
          value={query.value.get("top") ?? ""}
          onChange={({ currentTarget }) => setQuery({ top: currentTarget.value })}
        >
          <option value="">{TEXT.explore.top_all}</option>
          {TOPS.map((n) => <option key={n} value={String(n)}>{TEXT.explore.top_n(n)}</option>)}
        </select>
      </label>
      <button class="primary" type="submit">{TEXT.explore.run}</button>
      {csv !== undefined && <a href={csv} download="samples.csv">{TEXT.explore.csv}</a>}
    </form>
  );
}

/** Samples as the server has them; over hosts, what the charts show, which is made here. */
function csvLink(asked: SeriesQuery, answer: SeriesAnswer | undefined): string | undefined {
  if (asked.aggregate !== undefined) {
    return answer && `data:text/csv;charset=utf-8,${encodeURIComponent(csvOf(answer.series))}`;
  }
  const { from_s, to_s } = spanOf(range.value, now_s.peek());
  return pathWith("/api/v1/export", {
    format: "csv",
    metric: asked.metric,
    host: asked.host ?? [],
    ...tagParameters(asked),
    start: from_s.toFixed(0),
    end: to_s.toFixed(0),
  });
}
