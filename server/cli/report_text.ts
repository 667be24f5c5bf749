/** What `hosts`, `latest` and `history` show: pure functions from an answer to lines. */
import { type ChartPoint, renderChart } from "./chart.ts";
import type { HistoryAnswer, HostsAnswer, LatestAnswer } from "./client.ts";
import { formatAge, formatTime } from "./instant.ts";
import { layoutTable } from "./table.ts";
import { formatValue } from "./value.ts";

/** How names are ordered: `disk2` before `disk10`. */
const byName = new Intl.Collator("en", { numeric: true }).compare;

const CHART_ROWS = 10;
/** Enough to see the newest values below the chart without pushing it off the screen. */
const ROWS_UNDER_CHART_MAX = 10;

export function hostLines(hosts: HostsAnswer, columns: number): string[] {
  const tagged = hosts.some((host) => Object.keys(host.tags ?? {}).length > 0);
  const rows = hosts
    // a server that reports itself stands behind what it watches
    .toSorted((left, right) =>
      Number(isServer(left)) - Number(isServer(right)) || byName(left.hostname, right.hostname)
    )
    .map((host) => {
      const { alias, location } = host.additional_data ?? {};
      const tags = Object.entries(host.tags ?? {}).map(([key, value]) => `${key}=${value}`);
      return [host.hostname, alias ?? "", location ?? "", ...(tagged ? [tags.join(" ")] : [])];
    });
  const headers = ["HOST", "ALIAS", "LOCATION", ...(tagged ? ["TAGS"] : [])];
  return layoutTable({ columns: headers.map((header) => ({ header })), rows }, columns);
}

function isServer({ tags }: HostsAnswer[number]): boolean {
  return tags?.monitor === "server";
}

/** One host needs no column for its name. */
export function latestLines(
  answer: LatestAnswer,
  options: { columns: number; now_ms: number; one_host: boolean },
): string[] {
  const rows = Object.entries(answer)
    .toSorted(([left], [right]) => byName(left, right))
    .flatMap(([hostname, host]) => {
      const age = typeof host.timestamp === "number"
        ? formatAge(options.now_ms - host.timestamp * 1000)
        : "";
      return Object.entries(host.metrics)
        .toSorted(([left], [right]) => byName(left, right))
        .map(([metric, value]) => {
          const shown = formatValue(value, host.metadata?.[metric]?.unit ?? undefined);
          return [...(options.one_host ? [] : [hostname]), metric, shown, age];
        });
    });
  const columns = [
    ...(options.one_host ? [] : [{ header: "HOST" }]),
    { header: "METRIC" },
    { header: "VALUE", align: "right" as const, whole: true },
    { header: "AGE", align: "right" as const, whole: true },
  ];
  return layoutTable({ columns, rows }, options.columns);
}

/** A program reading this wants every digit and a time without a zone to guess. */
export function historyRows(history: HistoryAnswer): string[] {
  return layoutTable({
    columns: [{ header: "TIME" }, { header: "VALUE", align: "right" }],
    rows: history.map(([at_s, value]) => [new Date(at_s * 1000).toISOString(), String(value)]),
  }, Infinity);
}

function summary(points: readonly ChartPoint[], now_ms: number): string {
  const values = points.map((point) => point.value);
  const sum = values.reduce((total, value) => total + value, 0);
  const low = values.reduce((left, right) => Math.min(left, right), Infinity);
  const high = values.reduce((left, right) => Math.max(left, right), -Infinity);
  const newest = points.at(-1);
  const parts = [
    `${values.length} ${values.length === 1 ? "value" : "values"}`,
    `min ${formatValue(low)}`,
    `mean ${formatValue(sum / values.length)}`,
    `max ${formatValue(high)}`,
    `last ${formatValue(newest?.value ?? NaN)} (${age(now_ms - (newest?.at_ms ?? now_ms))})`,
  ];
  return parts.join(", ");
}

function age(age_ms: number): string {
  const text = formatAge(age_ms);
  return text === "now" ? text : `${text} ago`;
}

/** For a person: chart, one line of summary, the newest values. Empty when there are no values. */
export function historyPicture(
  history: HistoryAnswer,
  options: { from_ms: number; to_ms: number; columns: number; now_ms: number; chart: boolean },
): string[] {
  const points = history.map(([at_s, value]) => ({ at_ms: at_s * 1000, value })).reverse();
  if (points.length === 0) return [];
  const chart = options.chart
    ? renderChart(points, { ...options, rows: CHART_ROWS, format: (value) => formatValue(value) })
    : [];
  const newest = history.slice(0, ROWS_UNDER_CHART_MAX);
  const table = layoutTable({
    columns: [
      { header: "TIME", whole: true },
      { header: "VALUE", align: "right", whole: true },
    ],
    rows: newest.map(([at_s, value]) => [formatTime(at_s * 1000), formatValue(value)]),
  }, options.columns);
  return [...chart, summary(points, options.now_ms), "", ...table];
}
