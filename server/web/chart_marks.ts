/**
 * What is drawn into charts beside their data: times of incidents as shades, downtimes as hatches,
 * thresholds as dashed lines with their rule's name. Which of them belong into which chart: pure.
 */
import { matchesGlob } from "../wire/glob.ts";
import type { HostGlance } from "./api.ts";
import type { ChartPlan } from "./chart_data.ts";
import type { Incident } from "./incidents.ts";
import type { RuleDefinition } from "./rule_fields.ts";

export interface MarkSpan {
  from_s: number;
  /** Undefined: it goes on. */
  to_s: number | undefined;
  kind: "warning" | "critical" | "downtime";
}

export interface Threshold {
  value: number;
  name: string;
  severity: "warning" | "critical";
}

export interface Marks {
  spans: readonly MarkSpan[];
  thresholds: readonly Threshold[];
}

function list(value: unknown): string[] {
  return value === undefined ? [] : Array.isArray(value) ? value.map(String) : [String(value)];
}

/** Is a rule, as it is written, about this host? */
function isAbout(rule: RuleDefinition, host: Pick<HostGlance, "hostname" | "tags">): boolean {
  const hosts = list(rule.hosts);
  if (hosts.length > 0 && !hosts.some((one) => matchesGlob(one, host.hostname))) return false;
  return Object.entries(rule.tags ?? {}).every(([name, patterns]) => {
    const value = Object.hasOwn(host.tags, name) ? host.tags[name] : undefined;
    return value !== undefined && list(patterns).some((one) => matchesGlob(one, value));
  });
}

/** The numbers a rule compares values with; none when it compares something derived of them. */
export function thresholdsOf(rule: RuleDefinition): Threshold[] {
  if (!/^(above|below|outside)$/.test(String(rule.condition))) return [];
  const name = String(rule.name ?? "");
  const levels: [unknown, "warning" | "critical"][] = [
    [rule.threshold, rule.severity === "warning" ? "warning" : "critical"],
    [rule.warning, "warning"],
    [rule.critical, "critical"],
  ];
  return levels.flatMap(([value, severity]) =>
    (Array.isArray(value) ? value : [value]).flatMap((one) =>
      typeof one === "number" ? [{ value: one, name, severity }] : []
    )
  );
}

/** The marks of a host's chart. `rules` are those in force, as they are written. */
export function marksOf(
  plan: Pick<ChartPlan, "lines" | "stacked" | "per_second">,
  facts: {
    host: Pick<HostGlance, "hostname" | "tags">;
    incidents: readonly Incident[];
    downtimes: readonly { start: number; end: number }[];
    rules: readonly RuleDefinition[];
  },
): Marks {
  const metrics = new Set(plan.lines.map(({ series }) => series.metric));
  const shades = facts.incidents
    .filter(({ metric }) => metric === null || metrics.has(metric))
    .map(({ opened, resolved, worst_severity }): MarkSpan => ({
      from_s: opened,
      to_s: resolved ?? undefined,
      kind: worst_severity,
    }));
  const hatches = facts.downtimes.map(({ start, end }): MarkSpan => ({
    from_s: start,
    to_s: end,
    kind: "downtime",
  }));
  // a line on top of others is not where its value is, and a rate is not what the rule looks at
  const is_plain = !plan.stacked && !plan.per_second;
  const thresholds = facts.rules.filter((rule) =>
    is_plain && isAbout(rule, facts.host) &&
    [...metrics].some((metric) => list(rule.metric).some((one) => matchesGlob(one, metric)))
  ).flatMap(thresholdsOf);
  return { spans: [...hatches, ...shades], thresholds };
}
