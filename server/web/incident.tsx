/** One incident with its evidence: why somebody was told, or was not. */
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { ApiError, request, type SeriesData } from "./api.ts";
import { Chart } from "./chart.tsx";
import { type Marks, thresholdsOf } from "./chart_marks.ts";
import { faultText } from "./dialog.tsx";
import { absoluteText, agoText, NOTHING, valueText } from "./format.ts";
import { type Evidence, Rule, Timeline, Told } from "./incident_evidence.tsx";
import { IncidentButtons, useIncidentKeys } from "./incident_list.tsx";
import type { Incident } from "./incidents.ts";
import { news, now_s } from "./live.ts";
import { spanOf } from "./range.ts";
import { query, range } from "./route.ts";
import { useSeries } from "./series_store.ts";
import { Failure, Skeletons } from "./skeletons.tsx";
import { StateMark } from "./state_mark.tsx";
import { TEXT } from "./text.ts";
import { resumeLive, zoomTo } from "./zoom.ts";

const T = TEXT.alerts.incident;
const AGAIN_MS = 5_000;
/** Shown before it began, and after it ended. */
const BEFORE_S = 1_800;
const AFTER_S = 900;

function useEvidence(id: number) {
  const [evidence, setEvidence] = useState<Evidence | undefined>(undefined);
  const [error, setError] = useState<{ text: string; status: number } | undefined>(undefined);
  const newest = useRef(id);
  newest.current = id;
  const read = () =>
    request<Evidence>(`/api/v1/incidents/${id}`).then((answer) => {
      // of another one that was looked at before
      if (answer.id !== newest.current) return;
      setEvidence(answer);
      setError(undefined);
    }, (fault) =>
      setError({ text: faultText(fault), status: fault instanceof ApiError ? fault.status : 0 }));
  useEffect(() => void read(), [id, news.value]);
  const is_open = evidence === undefined || evidence.resolved === null;
  useEffect(() => {
    // deliveries come after the end, too
    const timer = setInterval(() => void read(), is_open ? AGAIN_MS : 6 * AGAIN_MS);
    return () => clearInterval(timer);
  }, [id, is_open]);
  return { evidence, error, read };
}

export function IncidentView({ id }: { id: number }) {
  const { evidence, error, read } = useEvidence(id);
  const open = evidence !== undefined && evidence.resolved === null ? [evidence] : [];
  useIncidentKeys(open);
  if (error?.status === 404) return <p class="empty">{T.missing(id)}</p>;
  return (
    <>
      {error !== undefined && <Failure error={error.text} onRetry={() => void read()} />}
      {evidence === undefined ? error === undefined && <Skeletons /> : (
        <>
          <Head incident={evidence} />
          {evidence.metric !== null && <Measured evidence={evidence} />}
          <div class="columns">
            <Timeline evidence={evidence} onSaid={() => void read()} />
            <Told deliveries={evidence.deliveries} />
            <Rule evidence={evidence} />
          </div>
        </>
      )}
    </>
  );
}

/** Why it ended, in words where there are some. */
function endWords(reason: string | null): string {
  return reason === null ? "" : T.ends[reason] ?? reason.replaceAll("_", " ");
}

function Head({ incident }: { incident: Evidence }) {
  const now = now_s.value;
  const { severity, resolved, opened, value, threshold, host } = incident;
  const until_s = resolved ?? now;
  const at_host = new URLSearchParams({
    from: String(Math.floor(opened - BEFORE_S)),
    to: resolved === null ? "now" : String(Math.ceil(resolved + AFTER_S)),
  });
  const facts: [string, string, string?][] = [
    [T.facts.opened, agoText(opened, now), absoluteText(opened)],
    [
      T.facts.resolved,
      resolved === null
        ? TEXT.alerts.lasted.open
        : [agoText(resolved, now), endWords(incident.resolved_reason)].filter(Boolean).join(", "),
      resolved === null ? undefined : absoluteText(resolved),
    ],
    [T.facts.lasted, valueText(Math.max(0, until_s - opened), "s")],
    [T.facts.value, value === null ? NOTHING : valueText(value, null)],
    [T.facts.threshold, threshold === null ? NOTHING : valueText(threshold, null)],
    [T.facts.worst, incident.worst_severity],
  ];
  const runbook = typeof incident.rule.runbook === "string" ? incident.rule.runbook : "";
  return (
    <>
      <div class="bar">
        <StateMark state={resolved === null ? severity : "ok"} />
        <h2 class="headline">
          <bdi>{incident.summary}</bdi>
        </h2>
        <span class="space" />
        {resolved === null && <IncidentButtons incident={incident} />}
      </div>
      <dl class="facts-list">
        {facts.map(([name, text, title]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd title={title}>{text}</dd>
          </div>
        ))}
      </dl>
      <p>
        <a class="link" href={`/hosts/${encodeURIComponent(host)}?${at_host}`}>{T.at_host}</a>
        {/^https?:\/\//.test(runbook) && (
          <>
            {" · "}
            <a class="link" href={runbook} target="_blank" rel="noreferrer">{T.runbook}</a>
          </>
        )}
      </p>
    </>
  );
}

/** What the chart shows unless somebody has zoomed: from before it began to after it ended. */
function rangeOf({ opened, resolved }: Incident) {
  if (query.value.has("from")) return range.value;
  return {
    from: String(Math.floor(opened - BEFORE_S)),
    to: resolved === null ? "now" : String(Math.ceil(resolved + AFTER_S)),
  };
}

/** The metric around the incident; where that is not kept any more, the points that led to it. */
function Measured({ evidence }: { evidence: Evidence }) {
  const { metric, host, points, rule, opened, resolved, worst_severity } = evidence;
  const asked = rangeOf(evidence);
  const series = useSeries({ metric: [metric ?? ""], host: [host] }, asked);
  useEffect(() => {
    const timer = setInterval(series.refresh, AGAIN_MS);
    return () => clearInterval(timer);
  }, [JSON.stringify(asked), series.answer === undefined]);
  const plan = useMemo(() => {
    const stored: SeriesData = {
      metric: metric ?? "",
      unit: null,
      kind: "gauge",
      t: points.map(([at_s]) => at_s),
      avg: points.map(([, value]) => value),
    };
    const read = series.answer?.series.find(({ t }) => t.length > 0);
    const shown = read ?? stored;
    return {
      key: metric ?? "",
      group: "",
      title: `${metric} · ${host}`,
      unit: shown.unit,
      per_second: shown.kind === "counter",
      stacked: false,
      lines: [{ name: metric ?? "", series: shown }],
    };
  }, [series.answer, evidence.id]);
  const marks = useMemo((): Marks => ({
    spans: [{ from_s: opened, to_s: resolved ?? undefined, kind: worst_severity }],
    thresholds: plan.per_second ? [] : thresholdsOf(rule),
  }), [opened, resolved, worst_severity, plan.per_second]);
  return (
    <>
      <h2>{T.evidence}</h2>
      {series.answer === undefined && series.error === undefined
        ? <div class="skeleton" style={{ height: "196px" }} />
        : (
          <Chart
            plan={plan}
            step_s={series.answer?.step_s ?? 10}
            span={spanOf(asked, now_s.peek())}
            onZoom={zoomTo}
            onReset={resumeLive}
            marks={marks}
          />
        )}
    </>
  );
}
