/**
 * Why nobody is told of an incident just now, although it is there. Everything else about it goes on:
 * it is evaluated, shown, and resolved; and when the reason ends and it is still there, it is told.
 *
 *   hours        the route holds back what comes outside its hours
 *   downtime     a downtime is about its host and rule
 *   silence      somebody does not want to hear of incidents with such labels until a time
 *   parent       a host is silent because all that it is behind are silent, or may be so in a moment
 *
 * That hosts fall silent all at once is one incident in the first place (server/alerts/fleet_guard.ts).
 */
import { activeOccurrence, isAbout, subjectOf } from "../alerts/downtime.ts";
import { matchesGlob } from "../wire/glob.ts";
import type { Downtime } from "../../db/downtimes.ts";
import type { Silence, SilenceMatcher } from "../../db/silences.ts";
import { closedUntil, type Route } from "./route.ts";

export interface Held {
  kind: "hours" | "downtime" | "silence" | "parent";
  /** Of the downtime or silence. */
  id: number | null;
  /** For people: why, and until when. */
  text: string;
  /** When it ends as far as is known. */
  until_ms: number;
}

/** What there is to consider, read once for many incidents. */
export interface SilenceContext {
  now_ms: number;
  downtimes: readonly Downtime[];
  silences: readonly Silence[];
  /** By host: the hosts it is behind. */
  parents: ReadonlyMap<number, readonly number[]>;
  /** Hosts that have an open incident of their own silence. */
  silent_hosts: ReadonlySet<number>;
}

export interface SilenceSubject {
  host_id: number;
  hostname: string;
  story: string;
  labels: Readonly<Record<string, string>>;
  opened_ms: number;
}

/**
 * A host behind others is told silent only after this long: its parents may have fallen silent in the
 * same moment, and are found out a report later.
 */
export const PARENT_GRACE_MS = 30_000;
/** A host is behind others at most this deep; more is a ring. */
const DEPTH_MAX = 256;

/** A time as everybody reads it alike. */
export function timeText(at_ms: number): string {
  if (!Number.isFinite(at_ms)) return "further notice";
  return `${new Date(at_ms).toISOString().slice(0, 16).replace("T", " ")} UTC`;
}

function byDowntime(subject: SilenceSubject, context: SilenceContext): Held | undefined {
  const about = subjectOf(subject);
  let longest: Held | undefined;
  for (const downtime of context.downtimes) {
    if (!isAbout(downtime, about)) continue;
    const occurrence = activeOccurrence(downtime, context.now_ms);
    if (occurrence === undefined || occurrence.end_ms <= (longest?.until_ms ?? -Infinity)) continue;
    const note = downtime.note === "" ? "" : ` (${downtime.note})`;
    longest = {
      kind: "downtime",
      id: downtime.id,
      text: `downtime ${downtime.id}${note} until ${timeText(occurrence.end_ms)}`,
      until_ms: occurrence.end_ms,
    };
  }
  return longest;
}

function matches({ label, op, value }: SilenceMatcher, labels: SilenceSubject["labels"]): boolean {
  const own = Object.hasOwn(labels, label) ? labels[label] ?? "" : "";
  if (op === "=") return own === value;
  if (op === "!=") return own !== value;
  return matchesGlob(value, own) === (op === "~");
}

function bySilence(subject: SilenceSubject, context: SilenceContext): Held | undefined {
  const silence = context.silences.find(({ start_ms, end_ms, matchers }) =>
    start_ms <= context.now_ms && context.now_ms < end_ms && matchers.length > 0 &&
    matchers.every((matcher) => matches(matcher, subject.labels))
  );
  if (silence === undefined) return undefined;
  const note = silence.note === "" ? "" : ` (${silence.note})`;
  return {
    kind: "silence",
    id: silence.id,
    text: `silence ${silence.id}${note} until ${timeText(silence.end_ms)}`,
    until_ms: silence.end_ms,
  };
}

/** Is a host behind itself? Then nobody would be told of any of the ring. */
function isInRing(host_id: number, parents: SilenceContext["parents"]): boolean {
  const seen = new Set<number>();
  const open = [...parents.get(host_id) ?? []];
  while (open.length > 0 && seen.size < DEPTH_MAX) {
    const at = open.pop() ?? 0;
    if (at === host_id) return true;
    if (seen.has(at)) continue;
    seen.add(at);
    open.push(...parents.get(at) ?? []);
  }
  return false;
}

function byParent(subject: SilenceSubject, context: SilenceContext): Held | undefined {
  const { host_id, story, opened_ms } = subject;
  const parents = context.parents.get(host_id) ?? [];
  if (story !== "host_silent" || parents.length === 0) return undefined;
  if (isInRing(host_id, context.parents)) return undefined;
  const held = { kind: "parent" as const, id: null };
  if (parents.every((parent) => context.silent_hosts.has(parent))) {
    return { ...held, text: "everything this host is behind is silent, too", until_ms: Infinity };
  }
  const until_ms = opened_ms + PARENT_GRACE_MS;
  if (context.now_ms >= until_ms) return undefined;
  return { ...held, text: "what this host is behind may be silent in a moment, too", until_ms };
}

/** The first reason there is. */
export function heldBy(
  subject: SilenceSubject,
  route: Route,
  context: SilenceContext,
): Held | undefined {
  const until_ms = closedUntil(route, context.now_ms);
  if (until_ms !== undefined) {
    const text = `route "${route.name}" tells again at ${timeText(until_ms)}`;
    return { kind: "hours", id: null, text, until_ms };
  }
  return byDowntime(subject, context) ?? bySilence(subject, context) ?? byParent(subject, context);
}
