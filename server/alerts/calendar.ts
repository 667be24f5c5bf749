/**
 * Times that come again: a croner pattern in a zone says when each occurrence begins, and each lasts
 * equally long. The pattern is read on the wall clock of its zone, the length is that of a stopwatch:
 * "0 2 * * *" in Europe/Berlin for three hours begins at two o'clock in summer and winter, and on the
 * night the clocks go forward ends at six. A beginning that the clocks leap over is at the end of the
 * leap; one that comes twice counts the first time.
 *
 * Overlapping occurrences are one time without a gap. All times are milliseconds since 1970.
 */
import { Cron } from "croner";

export interface Recurrence {
  /** With or without seconds: `0 2 * * SUN`, `0 0 2 * * SUN`. */
  pattern: string;
  duration_ms: number;
  /** An IANA name: `Europe/Berlin`, `UTC`. */
  zone: string;
}

export interface Occurrence {
  start_ms: number;
  end_ms: number;
}

/** An occurrence of a month is no exception any more; it bounds the search. */
export const DURATION_MS_MAX = 31 * 86_400_000;

/** How many patterns are kept as they were read. */
const CRONS_MAX = 1_000;
const crons = new Map<string, Cron>();

/** Reading a pattern takes longer than asking it, and the same few are asked again and again. */
function cronOf({ pattern, zone }: Pick<Recurrence, "pattern" | "zone">): Cron {
  const key = `${zone} ${pattern}`;
  let cron = crons.get(key);
  if (cron === undefined) {
    cron = new Cron(pattern, { timezone: zone, paused: true });
    if (crons.size >= CRONS_MAX) crons.clear();
    crons.set(key, cron);
  }
  return cron;
}

/** Is it a zone that this system knows? */
export function isZone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: zone });
    return zone !== "";
  } catch {
    return false;
  }
}

/** Is it a pattern that comes true some day? */
export function isCronPattern(pattern: string): boolean {
  try {
    return new Cron(pattern, { timezone: "UTC", paused: true }).nextRun(new Date(0)) !== null;
  } catch {
    return false;
  }
}

/** The newest beginning at or before `at_ms`. */
function lastStart(recurrence: Recurrence, at_ms: number): number | undefined {
  // croner looks strictly before, in whole seconds
  const [start] = cronOf(recurrence).previousRuns(1, new Date(Math.floor(at_ms / 1000 + 1) * 1000));
  return start?.getTime();
}

/** The occurrence in which `at_ms` is: begun at or before it, not ended. */
export function occurrenceAt(recurrence: Recurrence, at_ms: number): Occurrence | undefined {
  const start_ms = lastStart(recurrence, at_ms);
  if (start_ms === undefined || start_ms + recurrence.duration_ms <= at_ms) return undefined;
  return { start_ms, end_ms: start_ms + recurrence.duration_ms };
}

/** The first occurrence that begins after `at_ms`; undefined when none does any more. */
export function occurrenceAfter(recurrence: Recurrence, at_ms: number): Occurrence | undefined {
  const start = cronOf(recurrence).nextRun(new Date(at_ms));
  if (start === null) return undefined;
  return { start_ms: start.getTime(), end_ms: start.getTime() + recurrence.duration_ms };
}
