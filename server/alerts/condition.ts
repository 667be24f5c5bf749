/** From a number to the truth of each level. */
import type { Comparison, Level, Rule } from "./rule_schema.ts";
import type { Machine } from "./rule.ts";

type Threshold = Level["threshold"];

/** Is a number on the wrong side of a threshold? */
export function isBeyond(comparison: Comparison, value: number, threshold: Threshold): boolean {
  if (typeof threshold !== "number") return value < threshold[0] || value > threshold[1];
  switch (comparison) {
    case "above":
      return value > threshold;
    case "below":
      return value < threshold;
    case "equal":
      return value === threshold;
    case "not_equal":
      return value !== threshold;
    case "outside":
      return false;
  }
}

/** Each level's truth. One that fires is over only beyond its recovery threshold. */
export function truthsOf(rule: Rule, value: number, machine: Machine | undefined): boolean[] {
  return rule.levels.map(({ threshold, recovery }, at) => {
    const isFiring = machine?.levels[at]?.phase === "firing";
    return isBeyond(rule.comparison, value, isFiring ? recovery : threshold);
  });
}

/** A change or a deviation seen in the direction a rule asks for. */
export function directed(rule: Pick<Rule, "direction">, value: number): number {
  if (rule.direction === "any") return Math.abs(value);
  return rule.direction === "up" ? value : -value;
}

/** The threshold of a severity, as a number; of a range the end that is nearer to the value. */
export function thresholdFor(rule: Rule, severity: string, value: number | null): number | null {
  const threshold = rule.levels.find((level) => level.severity === severity)?.threshold;
  if (threshold === undefined || rule.condition === "no_data") return null;
  if (typeof threshold === "number") return threshold;
  return value !== null && value < threshold[0] ? threshold[0] : threshold[1];
}
