/**
 * Which reports speak of now, and for how long.
 *
 * A rule is about the present, so a report counts when it is the newest of its shape and came when it
 * was made. Clocks of hosts are not to be trusted for that. A time ahead of ours counts as ours. A
 * report from the past is one of two things: an agent that was offline sends what it has kept, then
 * each report lies less far back than the one before; or its clock is behind, then all lie equally
 * far back. The second speaks of now, the first is history. So late reports count after a few with a
 * steady distance. When a clock is set back, nothing is newer than what came before: then reports count
 * that follow each other at the pace they are made in, as long as no newer ones come. History that an
 * agent has kept comes faster than it was made.
 *
 * A report counts as current for three times its usual interval: two may be lost.
 */

/** A report may be this late without any doubt. */
const LATE_MS = 120_000;
/** Late reports with a steady distance before they count as those of a clock that is behind. */
const STEADY_REPORTS = 5;
/** How much the distance may change from one to the next. */
const STEADY_MS = 2_000;
/** Reports older than the newest were made over this long, at least, before they count. */
const PACE_MS = 10_000;
const STALE_INTERVALS = 3;
const STALE_MS_MIN = 30_000;
const STALE_MS_MAX = 3_600_000;
/** As long as nobody knows the interval. */
const STALE_MS_DEFAULT = 300_000;

/** When reports of one shape of a host came. */
export interface Arrivals {
  /** The newest report's time, never ahead of our clock. */
  at_ms: number;
  /** The same as its sender has it. */
  given_ms: number;
  /** When it came, by our clock. */
  arrived_ms: number;
  /** How far apart they usually are; undefined before the second. */
  interval_ms: number | undefined;
  lag_ms: number;
  steady: number;
  /** Reports that are older than the newest, and follow each other. */
  behind: Behind | undefined;
}

interface Behind {
  /** When the first of them came, by our clock, and how late. */
  readonly since_ms: number;
  readonly lag_ms: number;
  /** The newest one's time. */
  at_ms: number;
  steady: number;
}

export function firstArrival(): Arrivals {
  return {
    at_ms: -Infinity,
    given_ms: -Infinity,
    arrived_ms: -Infinity,
    interval_ms: undefined,
    lag_ms: NaN,
    steady: 0,
    behind: undefined,
  };
}

/** Takes note of a report and says whether it speaks of now. */
export function arrive(arrivals: Arrivals, given_ms: number, now_ms: number): boolean {
  const at_ms = Math.min(given_ms, now_ms);
  // one that is ahead of us may be seen again later; of two at once, the later one is newer
  const isNewer = at_ms > arrivals.at_ms
    ? given_ms !== arrivals.given_ms
    : at_ms === arrivals.at_ms && given_ms > arrivals.given_ms;
  if (!isNewer) return isSetBack(arrivals, at_ms, now_ms);
  arrivals.behind = undefined;
  const lag_ms = now_ms - at_ms;
  const gap_ms = at_ms - arrivals.at_ms;
  const isSteady = Math.abs(lag_ms - arrivals.lag_ms) <= STEADY_MS;
  arrivals.steady = isSteady ? arrivals.steady + 1 : 0;
  arrivals.lag_ms = lag_ms;
  arrivals.at_ms = at_ms;
  arrivals.given_ms = given_ms;
  if (Number.isFinite(gap_ms) && gap_ms > 0) {
    arrivals.interval_ms = followed(arrivals.interval_ms, gap_ms);
  }
  if (lag_ms > LATE_MS && arrivals.steady < STEADY_REPORTS) return false;
  arrivals.arrived_ms = now_ms;
  return true;
}

/** Of a report that is not newer: has its clock been set back? Then it is the newest from now on. */
function isSetBack(arrivals: Arrivals, at_ms: number, now_ms: number): boolean {
  const { behind } = arrivals;
  if (at_ms >= arrivals.at_ms || at_ms === behind?.at_ms) return false;
  const lag_ms = now_ms - at_ms;
  const follows = behind !== undefined && at_ms > behind.at_ms &&
    Math.abs(lag_ms - behind.lag_ms) <= STEADY_MS;
  if (!follows) {
    arrivals.behind = { since_ms: now_ms, lag_ms, at_ms, steady: 0 };
    return false;
  }
  behind.at_ms = at_ms;
  behind.steady++;
  const made_ms = at_ms - (behind.since_ms - behind.lag_ms);
  if (behind.steady < STEADY_REPORTS || made_ms < PACE_MS) return false;
  Object.assign(arrivals, { at_ms, given_ms: at_ms, arrived_ms: now_ms, lag_ms });
  arrivals.steady = behind.steady;
  arrivals.behind = undefined;
  return true;
}

/** Does another report, that came then and so late, say that the clock was not set back? */
export function contradicts(
  heard: { seen_ms: number; lag_ms: number },
  { behind }: Pick<Arrivals, "behind">,
): boolean {
  return behind !== undefined && heard.seen_ms >= behind.since_ms &&
    heard.lag_ms < behind.lag_ms - STEADY_MS;
}

/** The usual interval after one more gap. It follows slowly: one gap is no habit. */
export function followed(interval_ms: number | undefined, gap_ms: number): number {
  if (interval_ms === undefined) return gap_ms;
  return interval_ms + Math.max(-0.3, Math.min(0.3, gap_ms / interval_ms - 1)) * interval_ms;
}

/** How long after its arrival a report is still current. */
export function staleAfter({ interval_ms }: Pick<Arrivals, "interval_ms">): number {
  if (interval_ms === undefined) return STALE_MS_DEFAULT;
  return Math.min(Math.max(interval_ms * STALE_INTERVALS, STALE_MS_MIN), STALE_MS_MAX);
}
