/**
 * The server's own numbers as text for Prometheus and whoever reads the same: text format 0.0.4, or
 * OpenMetrics 1.0, which wants the unit said, counters' names without `_total` and an end mark.
 */
import { labelText } from "../wire/prometheus.ts";
import type { MetricState } from "./registry.ts";
import { unitSuffix } from "./unit.ts";

export type TextFormat = "prometheus" | "openmetrics";

export const CONTENT_TYPES: Readonly<Record<TextFormat, string>> = {
  prometheus: "text/plain; version=0.0.4; charset=utf-8",
  openmetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8",
};

/** The format that an `Accept` header asks for. Prometheus names OpenMetrics only when it prefers it. */
export function formatFor(accept: string | undefined): TextFormat {
  return accept?.includes("application/openmetrics-text") ? "openmetrics" : "prometheus";
}

function helpText(help: string): string {
  return help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}

function numberText(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "+Inf" : "-Inf";
  return String(value);
}

function labels(pairs: readonly [string, string][]): string {
  return pairs.length === 0 ? "" : `{${pairs.map(labelText).join()}}`;
}

function sampleLines(metric: MetricState): string[] {
  const { name, label, points, histogram } = metric;
  if (histogram === undefined) {
    return points.map(([value_of, value]) =>
      `${name}${labels(value_of === undefined ? [] : [[label ?? "label", value_of]])} ${
        numberText(value)
      }`
    );
  }
  let count = 0;
  const buckets = histogram.counts.map((own, index) => {
    count += own;
    const bound = histogram.bounds[index] ?? Infinity;
    return `${name}_bucket${labels([["le", numberText(bound)]])} ${count}`;
  });
  return [...buckets, `${name}_sum ${numberText(histogram.sum)}`, `${name}_count ${count}`];
}

function familyLines(metric: MetricState, format: TextFormat): string[] {
  const samples = sampleLines(metric);
  const { kind, help } = metric;
  const is_open = format === "openmetrics";
  const name = is_open ? metric.name.replace(/_total$/, "") : metric.name;
  const unit = is_open ? unitSuffix(metric.name) : undefined;
  return [
    `# HELP ${name} ${helpText(help)}`,
    `# TYPE ${name} ${kind}`,
    ...unit === undefined ? [] : [`# UNIT ${name} ${unit}`],
    ...samples,
  ];
}

/** All of them, in the order given. */
export function metricsText(metrics: readonly MetricState[], format: TextFormat): string {
  const lines = metrics.flatMap((metric) => familyLines(metric, format));
  if (format === "openmetrics") lines.push("# EOF");
  return `${lines.join("\n")}\n`;
}
