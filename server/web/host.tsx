/** One host: everything it reports, drawn over one time, and its newest values. */
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { useAnswer } from "./answer.ts";
import { type HostGlance, pathWith, type SeriesData } from "./api.ts";
import { Chart } from "./chart.tsx";
import { type Message, messagesByChart } from "./chart_messages.ts";
import { planCharts } from "./chart_data.ts";
import { Collectors } from "./collectors.tsx";
import { absoluteText, agoText, valueText } from "./format.ts";
import { HostEdit } from "./host_edit.tsx";
import { tagSearch } from "./host_filter.ts";
import { HostIncidents, SilenceButton, useHostMarks } from "./host_incidents.tsx";
import { hostState } from "./incidents.ts";
import { followHost, hosts, now_s } from "./live.ts";
import { useMessages } from "./messages.ts";
import { NotFound } from "./not_found.tsx";
import { query, range, setQuery } from "./route.ts";
import { may } from "./session.ts";
import { type SeriesState, useSeries } from "./series_store.ts";
import { isSilent } from "./state.ts";
import { StateMark } from "./state_mark.tsx";
import { TEXT } from "./text.ts";
import { resumeLive, zoomTo } from "./zoom.ts";

const ALL = ["*"];

export function Host({ hostname }: { hostname: string }) {
  const series = useSeries({ metric: ALL, host: [hostname] }, range.value);
  const [latest, setLatest] = useState<Record<string, number>>({});
  /** The host that has reported since it is looked at: what was asked for before is older. */
  const reported = useRef<string | undefined>(undefined);
  useAnswer<Record<string, { metrics: Record<string, number> }>>(
    `/fetch/latest?hostname=${encodeURIComponent(hostname)}`,
    {
      take: (answer) => {
        if (reported.current !== hostname) setLatest(answer[hostname]?.metrics ?? {});
      },
    },
  );
  useEffect(() =>
    followHost(hostname, ({ metrics }) => {
      reported.current = hostname;
      setLatest(metrics);
      series.refresh();
    }), [hostname, JSON.stringify(range.value)]);
  const messages = useMessages(hostname, series.span);
  const view = query.value.get("view") ?? "charts";
  if (hosts.value !== undefined && !hosts.value.has(hostname)) {
    return <NotFound what={TEXT.host.unknown(hostname)} />;
  }
  return (
    <>
      <HostHead hostname={hostname} view={view} />
      <HostIncidents hostname={hostname} />
      {series.error !== undefined && (
        <div class="banner error" role="alert">
          {series.error} {series.answer !== undefined && TEXT.errors.kept}
        </div>
      )}
      {view === "latest"
        ? <Latest metrics={latest} series={series.answer?.series ?? []} />
        : view === "collectors"
        ? <Collectors hostname={hostname} metrics={latest} messages={messages} />
        : <HostCharts {...series} hostname={hostname} messages={messages} />}
    </>
  );
}

const VIEWS = [
  ["charts", TEXT.host.charts],
  ["latest", TEXT.host.latest],
  ["collectors", TEXT.host.collectors],
] as const;

function HostHead({ hostname, view }: { hostname: string; view: string }) {
  const host = hosts.value?.get(hostname);
  const now = now_s.value;
  const last_s = host?.last_s ?? null;
  return (
    <>
      <div class="bar">
        {host !== undefined && <StateMark state={hostState(host, now)} />}
        <h1>
          <bdi>{host?.alias ?? hostname}</bdi>
        </h1>
        {host !== undefined && <About host={host} now={now} />}
        <span class="space" />
        {view !== "collectors" && <Filter />}
        <span class="group" role="group" aria-label="View">
          {VIEWS.map(([name, text]) => (
            <button
              key={name}
              type="button"
              aria-pressed={view === name}
              onClick={() => setQuery({ view: name === "charts" ? undefined : name })}
            >
              {text}
            </button>
          ))}
        </span>
      </div>
      {host !== undefined && isSilent(host, now) && last_s !== null && (
        <div class="banner">{TEXT.host.stale(agoText(last_s, now))}</div>
      )}
    </>
  );
}

/** Everything people and the host itself say of it. */
function About({ host, now }: { host: HostGlance; now: number }) {
  const { hostname, alias, location, tags, last_s } = host;
  const about = [alias === null ? "" : hostname, location ?? ""].filter(Boolean);
  return (
    <span class="about soft">
      {about.map((text) => <Part key={text} text={text} />)}
      {last_s !== null && <span title={absoluteText(last_s)}>{agoText(last_s, now)}</span>}
      {Object.entries(tags).map(([key, value]) => (
        <a key={key} class="tag" href={`/?q=${encodeURIComponent(tagSearch(key, value))}`}>
          <bdi>{value === "" ? key : `${key}=${value}`}</bdi>
        </a>
      ))}
      <HostEdit host={host} />
      <SilenceButton hostname={hostname} />
    </span>
  );
}

/** Which metrics are shown, by a part of their names. */
function Filter() {
  return (
    <input
      type="search"
      placeholder={TEXT.host.filter}
      aria-label={TEXT.host.filter}
      value={query.value.get("find") ?? ""}
      onInput={({ currentTarget }) => setQuery({ find: currentTarget.value }, { replace: true })}
    />
  );
}

/** Whether a metric is looked for: all words are in its name. */
function isFound(metric: string): boolean {
  const words = (query.value.get("find") ?? "").toLowerCase().split(/\s+/);
  const name = metric.toLowerCase();
  return words.every((word) => name.includes(word));
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

type HostChartsProps = Pick<SeriesState, "answer" | "error" | "span"> & {
  hostname: string;
  messages: readonly Message[];
};

function HostCharts({ answer, error, span, hostname, messages }: HostChartsProps) {
  const find = query.value.get("find");
  const plans = useMemo(
    () => planCharts((answer?.series ?? []).filter(({ metric }) => isFound(metric))),
    [answer, find],
  );
  const marksOf = useHostMarks(hostname);
  const marks = useMemo(
    () => new Map(plans.map((plan) => [plan.key, marksOf(plan)])),
    [plans, marksOf],
  );
  const said = useMemo(() => messagesByChart(plans, messages), [plans, messages]);
  if (answer === undefined) return error === undefined ? <ChartSkeletons /> : null;
  if (plans.length === 0 && find !== null) return <p class="soft">{TEXT.host.no_chart}</p>;
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
  const ruleLink = may("operator")
    ? (metric: string) => pathWith("/alerts/rules/new", { host: hostname, metric })
    : undefined;
  const groups = Map.groupBy(plans, ({ group }) => group);
  return (
    <>
      <div class="sections">
        {[...groups].map(([group, charts]) => (
          <section key={group} class={charts.length === 1 ? "single" : ""}>
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
                  onReset={resumeLive}
                  marks={marks.get(plan.key)}
                  messages={said.get(plan.key)}
                  ruleLink={ruleLink}
                />
              ))}
            </div>
          </section>
        ))}
      </div>
      <p class="soft">{TEXT.host.resolution(valueText(answer.step_s, "s"), answer.tier)}</p>
    </>
  );
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
  const units = useMemo(() => new Map(series.map(({ metric, unit }) => [metric, unit])), [series]);
  const rows = Object.entries(metrics).filter(([metric]) => isFound(metric));
  return (
    <>
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
