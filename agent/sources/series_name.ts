/**
 * Names of series that have labels: `http_requests_total{code="200",method="get"}`, as everywhere in
 * monitor. The labels are sorted, so that two programs that print them in another order mean the same
 * series; a label without a value is the same as none.
 */
import { METRIC_NAME_CHARS_MAX, nameFault } from "../../report.ts";

export type Label = readonly [name: string, value: string];

const PLAIN_LABEL = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;

function escaped(text: string): string {
  const needs = /["\\\n]/.test(text);
  return needs
    ? text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")
    : text;
}

/** The one name of a metric with these labels; each label's name must occur once. */
export function seriesName(metric: string, labels: readonly Label[]): string {
  const said = labels.filter(([, value]) => value !== "");
  if (said.length === 0) return metric;
  const texts = said.toSorted(([a], [b]) => a < b ? -1 : a > b ? 1 : 0)
    .map(([name, value]) =>
      `${PLAIN_LABEL.test(name) ? name : `"${escaped(name)}"`}="${escaped(value)}"`
    );
  return `${metric}{${texts.join()}}`;
}

/** Why the server would not take a series of this name; undefined when it would. */
export function seriesNameFault(name: string): string | undefined {
  return nameFault(name, METRIC_NAME_CHARS_MAX);
}
