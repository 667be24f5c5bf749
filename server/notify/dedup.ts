/**
 * Is there anything to tell a receiver that knows something already? The rules are those of
 * Alertmanager, in this order:
 *
 *   it knows of nothing             told when anything fires                       first
 *   something fires it knows not    (or worse than it knows, or flapping)          changed
 *   something it knows is over      told when it wants to hear of that             resolved
 *   all of it is over               its memory is cleared even when it does not    resolved
 *   something still fires           told when the last message is old enough       repeat_interval
 *
 * "Resolved" can only be said of what was told as firing: there is no other way to it.
 */
import type { Severity } from "./channel.ts";

/** What the receiver knows of an incident that it was told of as firing. */
export interface Known {
  severity: Severity;
  flapping: boolean;
}

/** … by the incident's id. */
export type Told = Readonly<Record<string, Known>>;

export interface Situation {
  told: Told;
  /** When something was told last; null: never. */
  last_sent_ms: number | null;
  /** What is to be known now: nobody has silenced or acknowledged it. */
  firing: readonly ({ id: number } & Known)[];
  /** Of what was told: what is over. */
  resolved: readonly number[];
}

export interface DedupOptions {
  now_ms: number;
  repeat_interval_ms: number;
  send_resolved: boolean;
  /** It is an escalation, which has a first message, too. */
  escalation: boolean;
}

export type Decision =
  | "first"
  | "changed"
  | "resolved"
  | "repeat_interval"
  | "escalation"
  /** Nothing is said, and the receiver's memory is cleared of what is over. */
  | "forget"
  | "none";

function isNews(told: Told, { id, severity, flapping }: { id: number } & Known): boolean {
  const known = told[id];
  if (known === undefined || (flapping && !known.flapping)) return true;
  return known.severity === "warning" && severity === "critical";
}

export function decide(situation: Situation, options: DedupOptions): Decision {
  const { told, firing, resolved, last_sent_ms } = situation;
  if (Object.keys(told).length === 0) {
    if (firing.length === 0) return "none";
    return options.escalation ? "escalation" : "first";
  }
  if (firing.some((incident) => isNews(told, incident))) return "changed";
  if (resolved.length > 0) return options.send_resolved ? "resolved" : "forget";
  if (firing.length === 0) return "none";
  const age_ms = options.now_ms - (last_sent_ms ?? -Infinity);
  return age_ms >= options.repeat_interval_ms ? "repeat_interval" : "none";
}
