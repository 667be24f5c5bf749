/**
 * Rules in the form of `/alert_config`: one host, one metric, above or below one number, for so many
 * seconds. A rule that says more has no such form and is not listed there.
 */
import type { RuleRow } from "../../db/rules.ts";
import { durationText } from "./duration.ts";
import { numberText } from "./message.ts";
import { readRule, type RuleInput, ruleSchema } from "./rule_schema.ts";

export interface AlertConfig {
  hostname: string;
  metric_name: string;
  condition: "above" | "below";
  threshold: number;
  /** Seconds. */
  duration: number;
}

export interface ListedAlertConfig extends AlertConfig {
  id: number;
  enabled: boolean;
}

/** The rule of an alert configuration; two equal ones have one name. */
export function ruleOfConfig(config: AlertConfig): RuleInput {
  const { hostname, metric_name, condition, threshold, duration } = config;
  const held = duration > 0 ? ` for ${durationText(duration * 1000)}` : "";
  const name = `${metric_name} of ${hostname} ${condition} ${numberText(threshold)}${held}`;
  return {
    // a metric's name may be longer than a rule's
    name: name.length <= 255 ? name : `${name.slice(0, 220)}… ${hash(name)}`,
    hosts: [hostname],
    metric: [metric_name],
    condition,
    threshold,
    for: duration,
  };
}

function hash(text: string): string {
  let code = 0x811c9dc5;
  for (const char of text) code = Math.imul(code ^ (char.codePointAt(0) ?? 0), 0x01000193);
  return (code >>> 0).toString(16);
}

/** The configuration a rule is, or undefined when it is more than that. */
export function configOfRule({ id, enabled, definition }: RuleRow): ListedAlertConfig | undefined {
  const parsed = ruleSchema.safeParse(definition);
  if (!parsed.success) return undefined;
  const { condition, hosts, tags, metric, levels, for_ms } = readRule(parsed.data);
  const [hostname, metric_name, level] = [hosts[0], metric[0], levels[0]];
  if (condition !== "above" && condition !== "below") return undefined;
  if (hosts.length !== 1 || metric.length !== 1 || levels.length !== 1) return undefined;
  if (hostname === undefined || metric_name === undefined || level === undefined) return undefined;
  if (Object.keys(tags).length > 0 || typeof level.threshold !== "number") return undefined;
  return {
    id,
    hostname,
    metric_name,
    condition,
    threshold: level.threshold,
    duration: for_ms / 1000,
    enabled,
  };
}
