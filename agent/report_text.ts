/**
 * The text of a report. The server recognises the skeleton of a text it has seen before and then
 * only reads the numbers, so the same metrics must give the same skeleton at every tick: `hostname`
 * first, then `timestamp`, then `metrics` sorted by name, and nothing else. Facts about the host and
 * its metrics are appended by the sender now and then.
 */
import type { AgentFacts, MetricMetadata, ReportInput } from "../report.ts";
import type { Series } from "./collected.ts";

/** JSON of one report. `at_ms` is rounded to milliseconds. */
export function reportText(
  report: { hostname: string; at_ms: number; series: Series },
): string {
  const sorted = [...report.series].sort(([a], [b]) => a < b ? -1 : a > b ? 1 : 0);
  const pairs = sorted.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`);
  // Written by hand: an object would put names that look like numbers first.
  return `{"hostname":${JSON.stringify(report.hostname)},` +
    `"timestamp":${Math.round(report.at_ms) / 1000},"metrics":{${pairs.join(",")}}}`;
}

/** What a host says about itself and its metrics, besides values. */
export interface ReportFacts {
  alias?: string;
  location?: string;
  tags: Record<string, string | number | boolean>;
  metadata: Record<string, MetricMetadata>;
  agent?: AgentFacts;
}

/** The report's text with facts behind its metrics. */
export function withFacts(text: string, facts: ReportFacts): string {
  const { alias, location, tags, metadata, agent } = facts;
  const more: Partial<ReportInput> = {};
  if (alias !== undefined || location !== undefined) more.additional_data = { alias, location };
  if (Object.keys(tags).length > 0) more.tags = tags;
  if (Object.keys(metadata).length > 0) more.metadata = metadata;
  if (agent !== undefined) more.agent = agent;
  const appended = JSON.stringify(more).slice(1);
  return appended === "}" ? text : `${text.slice(0, -1)},${appended}`;
}
