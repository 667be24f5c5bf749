/**
 * A rule as the fields of a form, and back: pure. What the form has no field for (patterns of tags in
 * lists, flapping) is kept as it was written.
 */

export const CONDITIONS = [
  "above",
  "below",
  "outside",
  "equal",
  "not_equal",
  "change",
  "rate",
  "forecast",
  "unusual",
  "no_data",
  "script_failed",
  "host_silent",
] as const;
export type Condition = typeof CONDITIONS[number];

/** As it is written: `POST /api/v1/rules`. */
export type RuleDefinition = Record<string, unknown>;

/** Texts, as they stand in the fields. */
export interface RuleFields {
  name: string;
  enabled: boolean;
  hosts: string;
  tags: string;
  metric: string;
  condition: Condition;
  compare: string;
  direction: string;
  warning: string;
  critical: string;
  recovery: string;
  severity: string;
  for: string;
  keep_firing_for: string;
  over: string;
  within: string;
  message: string;
  runbook: string;
  labels: string;
}

/** Which fields a condition has beside those of every rule. */
export function fieldsOf(condition: Condition) {
  const is_fact = /^(no_data|script_failed|host_silent)$/.test(condition);
  return {
    levels: !is_fact,
    severity: is_fact,
    metric: condition !== "host_silent",
    compare: condition === "rate" || condition === "forecast",
    direction: condition === "change" || condition === "unusual",
    over: /^(change|rate|forecast|script_failed)$/.test(condition),
    within: condition === "forecast",
  };
}

const EMPTY: RuleFields = {
  name: "",
  enabled: true,
  hosts: "",
  tags: "",
  metric: "",
  condition: "above",
  compare: "above",
  direction: "any",
  warning: "",
  critical: "",
  recovery: "",
  severity: "critical",
  for: "5m",
  keep_firing_for: "",
  over: "",
  within: "",
  message: "",
  runbook: "",
  labels: "",
};

function wordsText(value: unknown): string {
  if (value === undefined || value === null) return "";
  return Array.isArray(value) ? value.join(", ") : String(value);
}

function pairsText(value: unknown): string {
  if (typeof value !== "object" || value === null) return "";
  return Object.entries(value).map(([name, one]) => `${name}=${wordsText(one)}`).join("\n");
}

/** Names and patterns, by commas or spaces. */
function words(text: string): string[] {
  return text.split(/[,\s]+/).filter((word) => word !== "");
}

/** Metrics hold commas and spaces in their labels, `x{a="b, c"}`: only those outside part them. */
export function metricWords(text: string): string[] {
  return text.match(/(?:\{[^}]*\}|[^,\s{])+/g) ?? [];
}

function pairs(text: string, whole_value: boolean): Record<string, string | string[]> {
  const lines = text.split("\n").map((line) => line.trim()).filter((line) => line !== "");
  return Object.fromEntries(lines.map((line) => {
    const [name = "", ...rest] = line.split("=");
    const value = rest.join("=").trim();
    const several = value.split(/,\s*/);
    return [name.trim(), whole_value || several.length === 1 ? value : several];
  }));
}

/** A number, a range of two, or what was written, for the server to say what is wrong with it. */
function level(text: string): unknown {
  const parts = text.trim().split(/\s*(?:,|;|\s|–|…|\bto\b)\s*/).filter((part) => part !== "");
  const numbers = parts.map(Number);
  if (numbers.length === 0 || numbers.some(Number.isNaN)) return text.trim();
  return numbers.length === 1 ? numbers[0] : numbers;
}

/** The fields of a new rule, or of one as it was written. */
export function fieldsOfRule(rule: RuleDefinition = {}): RuleFields {
  const text = (name: string) => wordsText(rule[name]);
  const condition = CONDITIONS.find((one) => one === rule.condition) ?? "above";
  const single = rule.threshold === undefined ? {} : {
    [rule.severity === "warning" ? "warning" : "critical"]: wordsText(rule.threshold),
  };
  const recovery = typeof rule.recovery === "object" && !Array.isArray(rule.recovery)
    ? ""
    : text("recovery");
  const is_new = Object.keys(rule).length === 0;
  return {
    ...EMPTY,
    name: text("name"),
    enabled: rule.enabled !== false,
    hosts: text("hosts"),
    tags: pairsText(rule.tags),
    metric: text("metric"),
    condition,
    compare: text("compare") || "above",
    direction: text("direction") || "any",
    warning: text("warning"),
    critical: text("critical"),
    ...single,
    recovery,
    severity: text("severity") || (condition === "host_silent" ? "critical" : "warning"),
    for: is_new ? EMPTY.for : text("for"),
    keep_firing_for: text("keep_firing_for"),
    over: text("over"),
    within: text("within"),
    message: text("message"),
    runbook: text("runbook"),
    labels: pairsText(rule.labels),
  };
}

/** The rule that the fields say; `before` gives what the form has no field for. */
export function ruleOfFields(fields: RuleFields, before: RuleDefinition = {}): RuleDefinition {
  const has = fieldsOf(fields.condition);
  const given = (is_there: boolean, text: string) =>
    is_there && text.trim() !== "" ? text.trim() : undefined;
  const levelOf = (text: string) => given(has.levels, text) && level(text);
  const listOf = (list: string[]) =>
    list.length === 0 ? undefined : list.length === 1 ? list[0] : list;
  const pairsOf = (text: string, whole: boolean) => text.trim() ? pairs(text, whole) : undefined;
  const is_split = typeof before.recovery === "object" && !Array.isArray(before.recovery);
  const rule: RuleDefinition = {
    ...before,
    name: fields.name.trim(),
    enabled: fields.enabled ? undefined : false,
    hosts: listOf(words(fields.hosts)),
    tags: pairsOf(fields.tags, false),
    metric: has.metric ? listOf(metricWords(fields.metric)) : undefined,
    condition: fields.condition,
    compare: has.compare && fields.compare !== "above" ? fields.compare : undefined,
    direction: has.direction && fields.direction !== "any" ? fields.direction : undefined,
    threshold: undefined,
    severity: given(has.severity, fields.severity),
    warning: levelOf(fields.warning),
    critical: levelOf(fields.critical),
    recovery: is_split && fields.recovery === "" && has.levels
      ? before.recovery
      : levelOf(fields.recovery),
    for: given(true, fields.for),
    keep_firing_for: given(true, fields.keep_firing_for),
    over: given(has.over, fields.over),
    within: given(has.within, fields.within),
    message: given(true, fields.message),
    runbook: given(true, fields.runbook),
    labels: pairsOf(fields.labels, true),
  };
  return Object.fromEntries(Object.entries(rule).filter(([, value]) => value !== undefined));
}
