/** One host: everything it reports, drawn over one time, and its newest values. */
import { useEffect, useMemo, useState } from "preact/hooks";
import { request, type SeriesData } from "./api.ts";
import { Chart } from "./chart.tsx";
import { planCharts } from "./chart_data.ts";
import { absoluteText, agoText, valueText } from "./format.ts";
import { HostEdit } from "./host_edit.tsx";
import { followHost, hosts, now_s } from "./live.ts";
import { isLive, type Span } from "./range.ts";
import { query, range, setQuery } from "./route.ts";
import { useSeries } from "./series_store.ts";
import { isSilent, stateOf } from "./state.ts";
import { StateMark } from "./state_mark.tsx";
import { TEXT } from "./text.ts";

const ALL = ["*"];
/** Charts drawn at once; the others follow when the browser has time. */
const CHARTS_AT_ONCE = 24;

export function Host({ hostname }: { hostname: string }) {
  const series = useSeries({ metric: ALL, host: [hostname] }, range.value);
  const [latest, setLatest] = useState<Record<string, number>>({});
  useEffect(() => {
    void request<Record<string, { metrics: Record<string, number> }>>(
      `/fetch/latest?hostname=${encodeURIComponent(hostname)}`,
    ).then((answer) => setLatest(answer[hostname]?.metrics ?? {})).catch(() => {});
  }, [hostname]);
  useEffect(() =>
    followHost(hostname, ({ metrics }) => {
      setLatest(metrics);
      series.refresh();
    }), [hostname, JSON.stringify(range.value)]);
  const view = query.value.get("view") ?? "charts";
  return (
    <>
      <HostHead hostname={hostname} view={view} />
      {series.error !== undefined && (
        <div class="banner error" role="alert">
          {series.error} {series.answer !== undefined && TEXT.errors.kept}
        </div>
      )}
      {view === "latest"
        ? <Latest metrics={latest} series={series.answer?.series ?? []} />
        : <Charts {...series} />}
    </>
  );
}

function HostHead({ hostname, view }: { hostname: string; view: string }) {
  const host = hosts.value?.get(hostname);
  const now = now_s.value;
  if (host === undefined) {
    return (
      <div class="bar">
        <h1>
          <bdi>{hostname}</bdi>
        </h1>
      </div>
    );
  }
  const about = [host.alias === null ? "" : hostname, host.location ?? ""].filter(Boolean);
  const { last_s } = host;
  return (
    <>
      <div class="bar">
        <StateMark state={stateOf(host, now)} />
        <h1>
          <bdi>{host.alias ?? hostname}</bdi>
        </h1>
        <span class="soft">
          {about.map((text) => <Part key={text} text={text} />)}
          {Object.entries(host.tags).map(([key, value]) => (
            <Part key={key} text={`${key}=${value}`} />
          ))}
          {last_s !== null && <span title={absoluteText(last_s)}>{agoText(last_s, now)}</span>}
        </span>
        <HostEdit host={host} />
        <span class="space" />
        {!isLive(range.value) && (
          <button
            type="button"
            onClick={() => setQuery({ from: undefined, to: undefined })}
          >
            {TEXT.host.resume}
          </button>
        )}
        <span class="group" role="group" aria-label="View">
          {([["charts", TEXT.host.charts], ["latest", TEXT.host.latest]] as const).map((
            [name, text],
          ) => (
            <button
              type="button"
              aria-pressed={view === name}
              onClick={() => setQuery({ view: name === "charts" ? undefined : name })}
            >
              {text}
            </button>
          ))}
        </span>
      </div>
      {isSilent(host, now) && last_s !== null && (
        <div class="banner">{TEXT.host.stale(agoText(last_s, now))}</div>
      )}
    </>
  );
}

/** A word about the host; it may be written in any direction. */
function Part({ text }: { text: string }) {
  return (
    <>
      <bdi>{text}</bdi>
      {" · "}
    </>
  );
}

function Charts({ answer, error, span }: Omit<ReturnType<typeof useSeries>, "refresh">) {
  const plans = useMemo(() => planCharts(answer?.series ?? []), [answer]);
  const [shown, setShown] = useState(CHARTS_AT_ONCE);
  useEffect(() => {
    if (shown >= plans.length) return;
    const timer = setTimeout(() => setShown(shown + CHARTS_AT_ONCE), 50);
    return () => clearTimeout(timer);
  }, [shown, plans.length]);
  if (answer === undefined) return error === undefined ? <ChartSkeletons /> : null;
  if (plans.length === 0) {
    return (
      <div class="empty">
        <p>{TEXT.host.no_data}</p>
        <button type="button" onClick={() => setQuery({ from: "now-7d", to: undefined })}>
          {TEXT.host.wider}
        </button>
      </div>
    );
  }
  const groups = Map.groupBy(plans.slice(0, shown), ({ group }) => group);
  return (
    <>
      {[...groups].map(([group, charts]) => (
        <section key={group}>
          <h2>
            <bdi>{group.replaceAll("_", " ")}</bdi>
          </h2>
          <div class="charts">
            {charts.map((plan) => (
              <Chart
                key={plan.key}
                plan={plan}
                step_s={answer.step_s}
                span={span}
                onZoom={zoomTo}
                onReset={resetZoom}
              />
            ))}
          </div>
        </section>
      ))}
      <p class="soft">{TEXT.host.resolution(valueText(answer.step_s, "s"), answer.tier)}</p>
    </>
  );
}

/** Zooms all charts; the browser's back goes back. */
export function zoomTo({ from_s, to_s }: Span): void {
  setQuery({ from: from_s.toFixed(1), to: to_s.toFixed(1) });
}

/** Back to where the zooming began, or to the last hour. */
export function resetZoom(): void {
  setQuery({ from: undefined, to: undefined });
}

function ChartSkeletons() {
  return (
    <div class="charts" aria-busy="true">
      {Array.from(
        { length: 6 },
        (_, i) => <div key={i} class="skeleton" style={{ height: "196px" }} />,
      )}
    </div>
  );
}

function Latest(
  { metrics, series }: { metrics: Record<string, number>; series: readonly SeriesData[] },
) {
  const [filter, setFilter] = useState("");
  const units = useMemo(() => new Map(series.map(({ metric, unit }) => [metric, unit])), [series]);
  const rows = Object.entries(metrics)
    .filter(([metric]) => metric.toLowerCase().includes(filter.toLowerCase()));
  return (
    <>
      <div class="bar">
        <input
          type="search"
          placeholder={TEXT.host.filter}
          aria-label={TEXT.host.filter}
          value={filter}
          onInput={({ currentTarget }) => setFilter(currentTarget.value)}
        />
      </div>
      <table class="table">
        <thead>
          <tr>
            <th>{TEXT.host.metric}</th>
            <th class="number">{TEXT.host.value}</th>
          </tr>
        </thead>
        <tbody>
          {rows.map(([metric, value]) => (
            <tr key={metric}>
              <td>
                <bdi>{metric}</bdi>
              </td>
              <td class="number" title={String(value)}>{valueText(value, units.get(metric))}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}
