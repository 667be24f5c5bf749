/**
 * What a rule may say, what is assumed where it says nothing, and what has to fit. The form of
 * `POST /api/v1/rules` and of a rules file; docs/alerts.md is its page.
 *
 * A rule is kept as it was written; `readRule` gives the form the evaluator works with, in which
 * every condition is one of two things: a fact (no data, silent, script failed), which is so or not,
 * or a number that is derived from the series and compared with the thresholds of each severity.
 */
import { z } from "zod";
import { shown } from "../../report.ts";
import { duration } from "./duration.ts";
import { templateFault } from "./message.ts";

/** The number a condition compares. */
export const COMPARISONS = ["above", "below", "outside", "equal", "not_equal"] as const;
export const CONDITIONS = [
  ...COMPARISONS,
  "change",
  "rate",
  "forecast",
  "unusual",
  "no_data",
  "script_failed",
  "host_silent",
] as const;
export type ConditionKind = typeof CONDITIONS[number];
export type Comparison = typeof COMPARISONS[number];
export const SEVERITIES = ["warning", "critical"] as const;
export type Severity = typeof SEVERITIES[number];

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const LIST_MAX = 100;

const text = (what: string, chars_max = 255) =>
  z.string({ error: (issue) => `must be ${what}: current value is ${shown(issue.input)}` })
    .min(1, `must be ${what}: it is empty`).max(
      chars_max,
      `must have at most ${chars_max} letters`,
    );
const oneOf = <const T extends readonly [string, ...string[]]>(values: T) =>
  z.enum(values, {
    error: (issue) => `must be one of ${values.join(", ")}: current value is ${shown(issue.input)}`,
  });
const number = z.number({
  error: (issue) => `must be a number: current value is ${shown(issue.input)}`,
});
/** One pattern, or several. */
const patterns = (what: string) =>
  z.union([text(what, 1_024).transform((one) => [one]), z.array(text(what, 1_024)).max(LIST_MAX)], {
    error: (issue) => `must be ${what}, or a list of them: current value is ${shown(issue.input)}`,
  });
const range = z.tuple([number, number], {
  error: (issue) => `must be two numbers [low, high]: current value is ${shown(issue.input)}`,
}).refine(([low, high]) => low <= high, "must be [low, high], the smaller number first");
const threshold = z.union([number, range], {
  error: (issue) =>
    `must be a number, or two numbers [low, high] for outside: current value is ${
      shown(issue.input)
    }`,
});
const texts = z.record(text("a name"), z.string().max(255), {
  error: (issue) => `must be names and texts: current value is ${shown(issue.input)}`,
});

const flapping = z.strictObject({
  times: z.int().min(2, "must be at least 2").max(100).default(3),
  within: duration({ min_ms: MINUTE_MS, max_ms: 7 * DAY_MS }).default(HOUR_MS),
  quiet: duration({ min_ms: MINUTE_MS, max_ms: DAY_MS }).default(15 * MINUTE_MS),
});

export const ruleSchema = z.strictObject({
  name: text("a name"),
  enabled: z.boolean().optional(),
  hosts: patterns("a host's name or a pattern such as web-*").default([]),
  tags: z.record(text("a tag's name"), patterns("a tag's value or a pattern")).default({}),
  metric: patterns("a metric's name or a pattern such as disk.*.used_percent").default([]),
  condition: oneOf(CONDITIONS),
  compare: oneOf(COMPARISONS).optional(),
  direction: oneOf(["any", "up", "down"]).optional(),
  threshold: threshold.optional(),
  severity: oneOf(SEVERITIES).optional(),
  warning: threshold.optional(),
  critical: threshold.optional(),
  recovery: z.union([
    threshold,
    z.strictObject({ warning: threshold.optional(), critical: threshold.optional() }),
  ], {
    error: (issue) =>
      `must be a threshold, or {warning, critical}: current value is ${shown(issue.input)}`,
  }).optional(),
  for: duration().optional(),
  keep_firing_for: duration({ max_ms: 7 * DAY_MS }).default(0),
  over: duration({ min_ms: 1_000, max_ms: 7 * DAY_MS }).optional(),
  within: duration({ min_ms: MINUTE_MS, max_ms: 90 * DAY_MS }).optional(),
  weeks: z.int().min(1, "must be at least 1").max(26, "must be at most 26").default(4),
  flapping: z.union([z.literal(false), flapping], {
    error: (issue) =>
      `must be false, or {times, within, quiet}: current value is ${shown(issue.input)}`,
  }).default(flapping.parse({})),
  message: text("a text", 2_000).superRefine((template, context) => {
    const fault = templateFault(template);
    if (fault !== undefined) context.addIssue(fault);
  }).optional(),
  runbook: z.url({ protocol: /^https?$/, error: "must be a link such as https://wiki/disk-full" })
    .optional(),
  labels: texts.default({}),
}, {
  error: (issue) =>
    issue.code === "unrecognized_keys"
      ? undefined
      : `must be a rule {name, condition, …}: current value is ${shown(issue.input)}`,
}).superRefine(crossChecks);

type RuleFields = z.infer<typeof ruleSchema>;
export type RuleInput = z.input<typeof ruleSchema>;
type Threshold = z.infer<typeof threshold>;

const FACTS: readonly ConditionKind[] = ["no_data", "script_failed", "host_silent"];

/** What fits to which condition; each fault says what to do. */
function crossChecks(rule: RuleFieldsIn, context: z.RefinementCtx): void {
  const { condition } = rule;
  const fault = (path: string, message: string) => {
    context.addIssue({ code: "custom", path: [path], message });
  };
  const isFact = FACTS.includes(condition);
  const given = (["threshold", "warning", "critical"] as const)
    .filter((name) => rule[name] !== undefined);
  if (isFact && given[0] !== undefined) {
    fault(given[0], `has no meaning with ${condition}; leave it out, severity says how bad it is`);
  }
  if (!isFact && given.length === 0) {
    fault("threshold", `must be given with ${condition}: threshold, or warning and critical`);
  }
  if (given.includes("threshold") && given.length > 1) {
    fault("threshold", "must not be given together with warning or critical");
  }
  if (rule.severity !== undefined && (given.includes("warning") || given.includes("critical"))) {
    fault("severity", "goes with threshold; warning and critical say it themselves");
  }
  const hostOnly = condition === "host_silent";
  if (hostOnly && rule.metric.length > 0) fault("metric", "has no meaning with host_silent");
  if (!hostOnly && condition !== "script_failed" && rule.metric.length === 0) {
    fault("metric", "must be given: a metric's name or a pattern such as disk.*.used_percent");
  }
  const comparison = comparisonOf(rule);
  for (const name of given) {
    const isRange = Array.isArray(rule[name]);
    if (comparison === "outside" && !isRange) fault(name, "must be two numbers [low, high]");
    if (comparison !== "outside" && isRange) fault(name, "must be one number: two go with outside");
  }
  const takesCompare = condition === "rate" || condition === "forecast";
  if (rule.compare !== undefined && !takesCompare) fault("compare", "goes with rate and forecast");
  const takesDirection = condition === "change" || condition === "unusual";
  if (rule.direction !== undefined && !takesDirection) {
    fault("direction", "goes with change and unusual");
  }
  const takesOver = ["change", "rate", "forecast", "script_failed"].includes(condition);
  if (rule.over !== undefined && !takesOver) {
    fault(
      "over",
      "goes with change, rate, forecast and script_failed; for is how long it must hold",
    );
  }
  if (rule.within !== undefined && condition !== "forecast") fault("within", "goes with forecast");
  orderChecks(rule, comparison, fault);
}

/** Before `z.infer` knows it: what `crossChecks` reads. */
interface RuleFieldsIn {
  condition: ConditionKind;
  metric: string[];
  compare?: Comparison;
  direction?: "any" | "up" | "down";
  threshold?: number | [number, number];
  severity?: Severity;
  warning?: number | [number, number];
  critical?: number | [number, number];
  recovery?: unknown;
  over?: number;
  within?: number;
}

/** Critical must be the worse of both, or the warning would never be seen. */
function orderChecks(
  { warning, critical }: RuleFieldsIn,
  comparison: Comparison,
  fault: (path: string, message: string) => void,
): void {
  if (typeof warning !== "number" || typeof critical !== "number") return;
  if (comparison === "above" && critical < warning) {
    fault("critical", `must be at least warning (${warning}): current value is ${critical}`);
  }
  if (comparison === "below" && critical > warning) {
    fault("critical", `must be at most warning (${warning}): current value is ${critical}`);
  }
}

function comparisonOf({ condition, compare }: RuleFieldsIn): Comparison {
  const own = COMPARISONS.find((one) => one === condition);
  return own ?? compare ?? "above";
}

/** A threshold with the severity it stands for. */
export interface Level {
  severity: Severity;
  threshold: Threshold;
  /** Where a firing level ends; the threshold itself unless the rule says more. */
  recovery: Threshold;
}

/** A rule as it is evaluated. */
export interface Rule {
  name: string;
  hosts: string[];
  tags: Record<string, string[]>;
  metric: string[];
  condition: ConditionKind;
  comparison: Comparison;
  direction: "any" | "up" | "down";
  /** The less bad one first; of a fact one, without meaning for its threshold. */
  levels: Level[];
  for_ms: number;
  keep_firing_ms: number;
  over_ms: number;
  within_ms: number;
  weeks: number;
  flapping: { times: number; within_ms: number; quiet_ms: number } | undefined;
  message: string | undefined;
  runbook: string | undefined;
  labels: Record<string, string>;
}

const OVER_DEFAULT_MS: Partial<Record<ConditionKind, number>> = {
  change: 10 * MINUTE_MS,
  rate: 5 * MINUTE_MS,
  forecast: 6 * HOUR_MS,
  script_failed: 5 * MINUTE_MS,
};
/** Of facts it is the time that must have passed; a shorter one is a late report. */
const FOR_DEFAULT_MS: Partial<Record<ConditionKind, number>> = {
  no_data: 5 * MINUTE_MS,
  host_silent: 2 * MINUTE_MS,
};

/** The evaluator's form of a rule that `ruleSchema` has read. */
export function readRule(fields: RuleFields): Rule {
  const { condition, flapping } = fields;
  return {
    name: fields.name,
    hosts: fields.hosts,
    tags: fields.tags,
    metric: fields.metric,
    condition,
    comparison: comparisonOf(fields),
    direction: fields.direction ?? "any",
    levels: levelsOf(fields),
    for_ms: fields.for ?? FOR_DEFAULT_MS[condition] ?? 0,
    keep_firing_ms: fields.keep_firing_for,
    over_ms: fields.over ?? OVER_DEFAULT_MS[condition] ?? 0,
    within_ms: fields.within ?? DAY_MS,
    weeks: fields.weeks,
    flapping: flapping === false
      ? undefined
      : { times: flapping.times, within_ms: flapping.within, quiet_ms: flapping.quiet },
    message: fields.message,
    runbook: fields.runbook,
    labels: fields.labels,
  };
}

function levelsOf(fields: RuleFields): Level[] {
  const { condition, recovery } = fields;
  if (FACTS.includes(condition)) {
    const severity = fields.severity ?? (condition === "host_silent" ? "critical" : "warning");
    return [{ severity, threshold: 0, recovery: 0 }];
  }
  const given: [Severity, Threshold | undefined][] = fields.threshold !== undefined
    ? [[fields.severity ?? "critical", fields.threshold]]
    : [["warning", fields.warning], ["critical", fields.critical]];
  const present = given.flatMap(([severity, own]) =>
    own === undefined ? [] : [{ severity, threshold: own }]
  );
  return present.map((level, at) => {
    const forBoth = typeof recovery === "number" || Array.isArray(recovery);
    // one number says when all is well again: it belongs to the lowest level
    const own = forBoth ? (at === 0 ? recovery : undefined) : recovery?.[level.severity];
    return { ...level, recovery: own ?? level.threshold };
  });
}
