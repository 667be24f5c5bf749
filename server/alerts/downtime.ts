/**
 * When a downtime is in force, and what it is about. Pure: rows of the table `downtime` and a time.
 *
 * A one-off downtime has one occurrence, from its start to its end. A recurring one has those of its
 * pattern that begin within it; what is left of one at the downtime's end is cut off. Ended early
 * means that whatever began before that moment is over.
 */
import type { Downtime, DowntimeSelector } from "../../db/downtimes.ts";
import { matchesGlob } from "../wire/glob.ts";
import { type Occurrence, occurrenceAfter, occurrenceAt, type Recurrence } from "./calendar.ts";

/** What a selector is asked about. */
export interface DowntimeSubject {
  hostname: string;
  tags: Readonly<Record<string, string>>;
  rule: string;
}

const TAG = "tag.";

/** An incident as a selector sees it: with the tags its host had when it began. */
export function subjectOf(
  { hostname, labels }: { hostname: string; labels: Readonly<Record<string, string>> },
): DowntimeSubject {
  const tags = Object.entries(labels).filter(([name]) => name.startsWith(TAG))
    .map(([name, value]) => [name.slice(TAG.length), value]);
  return { hostname, tags: Object.fromEntries(tags), rule: labels.rule ?? "" };
}

type Times = Pick<
  Downtime,
  "start_ms" | "end_ms" | "pattern" | "duration_ms" | "zone" | "ended_ms"
>;

function recurrenceOf({ pattern, duration_ms, zone }: Times): Recurrence | undefined {
  if (pattern === null || duration_ms === null || zone === null) return undefined;
  return { pattern, duration_ms, zone };
}

/** The occurrence if it counts: begun within the downtime, not ended early, cut at its end. */
function counted(times: Times, occurrence: Occurrence | undefined): Occurrence | undefined {
  if (occurrence === undefined) return undefined;
  const { start_ms } = occurrence;
  const last_ms = times.end_ms ?? Infinity;
  if (start_ms < times.start_ms || start_ms >= last_ms) return undefined;
  if (start_ms < (times.ended_ms ?? -Infinity)) return undefined;
  return { start_ms, end_ms: Math.min(occurrence.end_ms, last_ms) };
}

/** The only occurrence of a one-off downtime. */
function whole(times: Times): Occurrence {
  return { start_ms: times.start_ms, end_ms: times.end_ms ?? Infinity };
}

/** The occurrence that is in force at `at_ms`, or undefined. */
export function activeOccurrence(times: Times, at_ms: number): Occurrence | undefined {
  const recurrence = recurrenceOf(times);
  const found = recurrence === undefined ? whole(times) : occurrenceAt(recurrence, at_ms);
  const occurrence = counted(times, found);
  if (occurrence === undefined) return undefined;
  return occurrence.start_ms <= at_ms && at_ms < occurrence.end_ms ? occurrence : undefined;
}

/** The next occurrences that begin after `at_ms`, at most `count`. */
export function nextOccurrences(
  times: Times,
  { at_ms, count }: { at_ms: number; count: number },
): Occurrence[] {
  const recurrence = recurrenceOf(times);
  if (recurrence === undefined) {
    const only = counted(times, whole(times));
    return only !== undefined && only.start_ms > at_ms && count > 0 ? [only] : [];
  }
  const found: Occurrence[] = [];
  // one that begins exactly at the start belongs to it
  let after_ms = Math.max(at_ms, times.start_ms - 1, (times.ended_ms ?? -Infinity) - 1);
  while (found.length < count) {
    const next = occurrenceAfter(recurrence, after_ms);
    const occurrence = counted(times, next);
    if (next === undefined || occurrence === undefined) break;
    found.push(occurrence);
    after_ms = next.start_ms;
  }
  return found;
}

/**
 * The times within a span in which it was or will be in force, the first `count`: what is over and
 * what was ended early with it.
 */
export function occurrencesWithin(
  times: Times,
  { from_ms, to_ms, count }: { from_ms: number; to_ms: number; count: number },
): Occurrence[] {
  const ended_ms = times.ended_ms ?? -Infinity;
  const whole_times = { ...times, ended_ms: null };
  const at_from = activeOccurrence(whole_times, from_ms);
  const later = nextOccurrences(whole_times, { at_ms: from_ms, count });
  return [...at_from === undefined ? [] : [at_from], ...later]
    .filter(({ start_ms }) => start_ms < to_ms)
    .map(({ start_ms, end_ms }) => ({
      start_ms,
      end_ms: start_ms < ended_ms ? Math.min(end_ms, ended_ms) : end_ms,
    }))
    .filter(({ end_ms }) => end_ms > from_ms)
    .slice(0, count);
}

/** Does everything that is given fit? Nothing given is about everything. */
export function isAbout(selector: DowntimeSelector, subject: DowntimeSubject): boolean {
  const { hostname, hosts, tags, rules } = selector;
  if (!isAboutHost({ hostname, hosts, tags }, subject)) return false;
  return rules.length === 0 || rules.some((pattern) => matchesGlob(pattern, subject.rule));
}

/** Is the host one of those it is about? */
export function isAboutHost(
  { hostname, hosts, tags }: Omit<DowntimeSelector, "rules">,
  subject: Pick<DowntimeSubject, "hostname" | "tags">,
): boolean {
  if (hostname !== null && hostname !== subject.hostname) return false;
  if (hosts.length > 0 && !hosts.some((pattern) => matchesGlob(pattern, subject.hostname))) {
    return false;
  }
  return Object.entries(tags).every(([name, pattern]) => {
    const value = Object.hasOwn(subject.tags, name) ? subject.tags[name] : undefined;
    return value !== undefined && matchesGlob(pattern, value);
  });
}
