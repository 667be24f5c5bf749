/**
 * Which hosts and metrics a rule is about, and the plan that follows: for each shape the places of its
 * values that rules look at. Hosts that the same rules are about share the plans of their shapes.
 */
import { isPattern, matchesGlob } from "../wire/glob.ts";
import type { HostRow } from "../../db/hosts.ts";
import { readRule, type Rule, ruleSchema } from "./rule_schema.ts";

/** A rule that is in force. */
export interface ActiveRule {
  id: number;
  revision: number;
  rule: Rule;
  /** As it was written, for the evidence. */
  definition: unknown;
}

/** Stands for a rule that is not there any more, until its alerts are ended. */
export function goneRule(id: number): ActiveRule {
  const rule = readRule(ruleSchema.parse({ name: "gone", condition: "host_silent" }));
  return { id, revision: 0, rule, definition: {} };
}

/** A rule and one of the metrics it is about. */
export interface Entry {
  active: ActiveRule;
  metric: string;
  /** Place of the value in the shape, from 0; -1 for what is about the host. */
  position: number;
  /** Unique for rule and metric. */
  slot: number;
}

/** What a shape's values mean to the rules of a host. */
export interface Plan {
  /** Compared as they are. */
  values: Entry[];
  /** Derived from several samples. */
  windows: Entry[];
  /** Metrics whose absence is the matter. */
  absences: Entry[];
  /** Counters of failed runs of collectors. */
  scripts: { script: string; position: number }[];
}

const SCRIPT_ERRORS = /^monitor_agent_script_errors_total\{script="(.*)"\}$/;

/** The collector whose failures a metric counts, or undefined. */
export function scriptOf(metric: string): string | undefined {
  return SCRIPT_ERRORS.exec(metric)?.[1];
}

/** Does a name fit one of the patterns? Made once for many names: most patterns need no search. */
function matcherOf(patterns: readonly string[]): (name: string) => boolean {
  if (patterns.length === 0) return () => true;
  const each = patterns.map((pattern) => {
    if (!isPattern(pattern)) return (name: string) => name === pattern;
    const prefix = pattern.slice(0, -1);
    if (pattern.endsWith("*") && !isPattern(prefix)) {
      return (name: string) => name.startsWith(prefix);
    }
    return (name: string) => matchesGlob(pattern, name);
  });
  return (name) => each.some((matches) => matches(name));
}

/** Is a rule about a host? */
export function hostMatcher({ hosts, tags }: Rule): (host: HostFacts) => boolean {
  const isHost = matcherOf(hosts);
  const conditions = Object.entries(tags)
    .map(([name, values]) => [name, matcherOf(values)] as const);
  return (host) =>
    isHost(host.hostname) && conditions.every(([name, matches]) => {
      const own = host.tags[name];
      return own !== undefined && matches(own);
    });
}

type HostFacts = Pick<HostRow, "hostname" | "tags">;

/** The metric of a name a rule is about; of a script's failures, the rule names the script. */
export function metricMatcher({ condition, metric }: Rule): (name: string) => boolean {
  const matches = matcherOf(metric);
  if (condition !== "script_failed") return matches;
  return (name) => {
    const script = scriptOf(name);
    return script !== undefined && matches(script);
  };
}

/** Numbers for pairs of rule and metric, kept as long as the program runs. */
export class Slots {
  readonly #slots = new Map<string, number>();

  of(rule_id: number, metric: string): number {
    const key = `${rule_id} ${metric}`;
    let slot = this.#slots.get(key);
    if (slot === undefined) this.#slots.set(key, slot = this.#slots.size + 1);
    return slot;
  }
}

const WINDOWED: ReadonlySet<string> = new Set([
  "change",
  "rate",
  "forecast",
  "unusual",
  "script_failed",
]);

/** The plan of a shape for some rules. */
export function planOf(
  names: readonly string[],
  rules: readonly ActiveRule[],
  slots: Slots,
): Plan {
  const plan: Plan = { values: [], windows: [], absences: [], scripts: [] };
  names.forEach((name, position) => {
    const script = scriptOf(name);
    if (script !== undefined) plan.scripts.push({ script, position });
  });
  for (const active of rules) {
    const { condition } = active.rule;
    if (condition === "host_silent") continue;
    const matches = metricMatcher(active.rule);
    const list = condition === "no_data"
      ? plan.absences
      : WINDOWED.has(condition)
      ? plan.windows
      : plan.values;
    names.forEach((metric, position) => {
      if (!matches(metric)) return;
      list.push({ active, metric, position, slot: slots.of(active.id, metric) });
    });
  }
  return plan;
}
