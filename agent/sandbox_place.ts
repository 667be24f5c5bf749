/**
 * Where a script lives, as a pure state machine. Scripts share Workers and processes as long as they
 * behave; whoever does not is moved out, so that it costs nobody else anything:
 *
 *   shared ──missed a deadline──▶ a Worker for it alone, in the same process
 *      └─────── a strike ───────▶ a process for it alone ── STRIKES_MAX strikes ──▶ never run again
 *
 * A strike is a run whose process had to be ended: memory, an endless loop, a crash. When a process
 * ends and nobody was at work there (a timer that a run left behind), all who live in it are suspects:
 * they are split into two halves with a process each, again and again, until one is left.
 *
 * A script that was moved may be innocent: memory that others used up runs out at anybody's turn. So
 * after some good runs it goes back to the others, and each time it needs twice as many.
 */

export interface Place {
  apart: "shared" | "worker" | "process";
  /** Halves it was put into, as digits; empty: never split. */
  half: string;
  strikes: number;
  good_runs: number;
  /** So many good runs bring it back. */
  good_runs_wanted: number;
}

/** Where every script begins. */
export const HOME: Place = {
  ...{ apart: "shared", half: "", strikes: 0, good_runs: 0, good_runs_wanted: 20 },
};

/** After so many strikes a script is not run again. */
export const STRIKES_MAX = 3;
const GOOD_RUNS_MAX = 10_000;

/** It missed a deadline, and did not keep the thread busy meanwhile. */
export function afterTimeout(place: Place): Place {
  return { ...place, apart: place.apart === "shared" ? "worker" : place.apart, good_runs: 0 };
}

/** Its process had to be ended because of it. */
export function afterStrike(place: Place): Place {
  return { ...afterHog(place), strikes: place.strikes + 1 };
}

/** It kept the thread while others waited: no fault, but not among others. */
export function afterHog(place: Place): Place {
  return { ...place, apart: "process", half: "", good_runs: 0 };
}

/** A run ended as it should, with a value or an error. */
export function afterGoodRun(place: Place): Place {
  if (place.apart === "shared" && place.half === "") return place;
  const good_runs = place.good_runs + 1;
  const { good_runs_wanted } = place;
  if (good_runs < good_runs_wanted) return { ...place, good_runs };
  return { ...HOME, good_runs_wanted: Math.min(2 * good_runs_wanted, GOOD_RUNS_MAX) };
}

/** The places of suspects who lived together, in the same order. */
export function split(places: readonly Place[]): Place[] {
  const first = Math.ceil(places.length / 2);
  return places.map((place, index) => ({
    ...place,
    half: place.half + (index < first ? "0" : "1"),
    good_runs: 0,
  }));
}
