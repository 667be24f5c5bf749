/** What an incident says, in one sentence, and the labels by which routes and silences know it. */
import { durationText } from "./duration.ts";
import { fillTemplate, numberText } from "./message.ts";
import type { Rule, Severity } from "./rule_schema.ts";
import { scriptOf } from "./selection.ts";
import type { HostRow } from "../../db/hosts.ts";

export interface Situation {
  rule: Rule;
  host: Pick<HostRow, "hostname" | "alias" | "location" | "tags">;
  metric: string;
  unit: string | null;
  severity: Severity;
  value: number | null;
  threshold: number | null;
  story: string;
}

const COMPARED: Readonly<Record<string, string>> = {
  above: "above",
  below: "below",
  outside: "outside, beyond",
  equal: "equal to",
  not_equal: "not equal to",
};

export function summaryOf(situation: Situation): string {
  const { rule, host, metric, severity, value, threshold } = situation;
  if (rule.message === undefined) return ownSentence(situation);
  return fillTemplate(rule.message, {
    host: host.hostname,
    alias: host.alias ?? host.hostname,
    location: host.location ?? "",
    metric,
    value: value === null ? "" : numberText(value),
    unit: situation.unit ?? "",
    threshold: threshold === null ? "" : numberText(threshold),
    severity,
    rule: rule.name,
    for: durationText(rule.for_ms),
    story: situation.story,
    tags: host.tags,
    labels: rule.labels,
  });
}

function ownSentence({ rule, host, metric, unit, value, threshold, story }: Situation): string {
  const name = host.hostname;
  const shown = (number: number | null) =>
    number === null ? "unknown" : `${numberText(number)}${unit ? ` ${unit}` : ""}`;
  const limit = shown(threshold);
  switch (rule.condition) {
    case "host_silent":
      return `${name} has sent nothing for ${durationText(rule.for_ms)}`;
    case "no_data":
      return story === "host_silent"
        ? `${name} sends nothing, ${metric} is missing for ${durationText(rule.for_ms)}`
        : story === "script_failed"
        ? `${metric} of ${name} is missing for ${durationText(rule.for_ms)}: its collector fails`
        : `${metric} of ${name} is missing for ${durationText(rule.for_ms)}`;
    case "script_failed":
      return `A collector of ${name} fails: ${scriptOf(metric) ?? metric}`;
    case "change":
      return `${metric} of ${name} changed by ${shown(value)} within ${
        durationText(rule.over_ms)
      }, more than ${limit}`;
    case "rate":
      return `${metric} of ${name} grows by ${shown(value)} a second, ${
        COMPARED[rule.comparison]
      } ${limit}`;
    case "forecast":
      return `${metric} of ${name} will be ${shown(value)} in ${durationText(rule.within_ms)}, ${
        COMPARED[rule.comparison]
      } ${limit}`;
    case "unusual":
      return `${metric} of ${name} is unusual for this hour of the week: ${
        value === null ? "" : numberText(value)
      } deviations, more than ${threshold === null ? "" : numberText(threshold)}`;
    default: {
      const held = rule.for_ms > 0 ? ` for ${durationText(rule.for_ms)}` : "";
      return `${metric} of ${name} is ${shown(value)}, ${
        COMPARED[rule.comparison]
      } ${limit}${held}`;
    }
  }
}

/** A rule's own labels win over those of the host and the alert. */
export function labelsOf({ rule, host, metric, severity }: Situation): Record<string, string> {
  const labels: Record<string, string> = { host: host.hostname };
  if (metric !== "") labels.metric = metric;
  labels.rule = rule.name;
  labels.severity = severity;
  if (host.location) labels.location = host.location;
  for (const [name, value] of Object.entries(host.tags)) labels[`tag.${name}`] = value;
  return { ...labels, ...rule.labels };
}
