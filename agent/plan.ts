/**
 * Which scripts are due, as a pure function of a timetable and the time.
 *
 * Every script runs at multiples of its interval on the wall clock: every 10 s means :00, :10, :20 on
 * every host, so that their samples can be compared. From that follows all the rest:
 *
 * - A script is due when the wall clock has reached its `next_ms`, and is stamped with the multiple
 *   it is due at. Only when that was a while ago (a suspend, a clock set forwards) it is stamped with
 *   the present instead, since a sample's time has to be true; and it runs once, not once for every
 *   tick that was slept through.
 * - Scripts that are due at the same instant share a tick, whatever their intervals.
 * - A script that is still running is not started again; that tick is missed and counted.
 * - The wall clock may jump. Forwards looks like a late wake-up. Backwards by less than an interval
 *   (a clock being corrected) keeps `next_ms`, so that no tick runs twice. Backwards by more makes
 *   the timetable anew from the present, so that a machine that started with a clock a year ahead
 *   does not fall silent for a year; the server knows reports it has seen by their time.
 */

export interface TimetableEntry {
  every_ms: number;
  /** Wall-clock time of the next run, a multiple of `every_ms`. */
  next_ms: number;
}
export type Timetable = ReadonlyMap<string, TimetableEntry>;

export interface Tick {
  /** What the samples will be stamped with. */
  at_ms: number;
  scripts: string[];
}

export interface Plan {
  /** Oldest first; each script in at most one of them. */
  ticks: Tick[];
  /** Scripts that were due and not started, because they are still running. */
  missed: string[];
  timetable: Timetable;
  /** How long to sleep before planning again. */
  wake_in_ms: number;
}

/** Sleep at most this long, so that a clock set forwards delays a tick by no more. */
export const WAKE_MS_MAX = 30_000;

/** A tick that is later than this is stamped with the present. */
export const LATE_MS_MAX = 1_000;

/** The first multiple of `every_ms` after `now_ms`. */
export function alignedAfter(now_ms: number, every_ms: number): number {
  return Math.floor(now_ms / every_ms) * every_ms + every_ms;
}

/** What to start at `now_ms`. `running` are the scripts whose last run has not ended. */
export function plan(
  timetable: Timetable,
  options: { now_ms: number; running: ReadonlySet<string> },
): Plan {
  const { now_ms, running } = options;
  const ticks = new Map<number, string[]>();
  const missed: string[] = [];
  const next = new Map<string, TimetableEntry>();
  let wake_in_ms = WAKE_MS_MAX;
  for (const [name, { every_ms, next_ms }] of timetable) {
    let upcoming_ms = alignedAfter(now_ms, every_ms);
    if (next_ms <= now_ms) {
      if (running.has(name)) missed.push(name);
      else addTo(ticks, stampMs(upcoming_ms - every_ms, now_ms), name);
    } else if (next_ms <= upcoming_ms + every_ms) {
      upcoming_ms = next_ms;
    }
    next.set(name, { every_ms, next_ms: upcoming_ms });
    wake_in_ms = Math.min(wake_in_ms, upcoming_ms - now_ms);
  }
  return {
    ticks: [...ticks].sort(([a], [b]) => a - b).map(([at_ms, scripts]) => ({ at_ms, scripts })),
    missed,
    timetable: next,
    wake_in_ms,
  };
}

function stampMs(aligned_ms: number, now_ms: number): number {
  return now_ms - aligned_ms > LATE_MS_MAX ? now_ms : aligned_ms;
}

function addTo(ticks: Map<number, string[]>, at_ms: number, name: string): void {
  const scripts = ticks.get(at_ms);
  if (scripts === undefined) ticks.set(at_ms, [name]);
  else scripts.push(name);
}
