/**
 * Where a script lives, as a pure state machine. Scripts share Workers and processes as long as they
 * behave; whoever does not is moved out, so that it costs nobody else anything:
 *
 *   shared ──missed a deadline──▶ a Worker for it alone, in the same process
 *      └──────── accused ───────▶ a process for it alone ── STRIKES_MAX strikes ──▶ never run again
 *
 * A script is accused when its process had to be ended (memory, a loop, a crash) while it had the turn.
 * That need not be its fault: what another has left behind runs at any time. So it is run again alone,
 * and a strike is only what happens there.
 *
 * When a process ends and nobody had the turn, or again and again, all who were in it are suspects: they
 * are split into two halves with a process each, until the one is alone. Names decide who goes where, so
 * that nobody has to know the others.
 *
 * After some good runs a script goes back to the others, and each time it needs twice as many.
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
/** Sixteen processes; whoever is left then gets one each. */
const HALVES_MAX = 4;
const GOOD_RUNS_MAX = 10_000;

/** Whether what goes wrong there is its own doing. */
export function isAlone(place: Place): boolean {
  return place.apart === "process";
}

/** It missed a deadline, and did not keep the thread busy meanwhile. */
export function afterTimeout(place: Place): Place {
  return { ...place, apart: isAlone(place) ? "process" : "worker", good_runs: 0 };
}

/** It had the turn when its process had to be ended. */
export function afterAccusation(place: Place): Place {
  return { ...place, apart: "process", half: "", good_runs: 0 };
}

/** Its process had to be ended, and it was alone there. */
export function afterStrike(place: Place): Place {
  return { ...afterAccusation(place), strikes: place.strikes + 1 };
}

/** The process it shared was ended once more: it is one of the suspects. */
export function afterLoss(place: Place, name: string): Place {
  if (isAlone(place)) return place;
  const { half } = place;
  if (half.length === HALVES_MAX) return afterAccusation(place);
  const digit = (hash(name) >>> half.length) & 1;
  return { ...place, half: `${half}${digit}`, good_runs: 0 };
}

/** A run ended as it should, with a value or an error. */
export function afterGoodRun(place: Place): Place {
  if (place.apart === "shared" && place.half === "") return place;
  const good_runs = place.good_runs + 1;
  const { good_runs_wanted } = place;
  if (good_runs < good_runs_wanted) return { ...place, good_runs };
  return { ...HOME, good_runs_wanted: Math.min(2 * good_runs_wanted, GOOD_RUNS_MAX) };
}

/** FNV-1a, stirred once more: names that differ in their last letter go different ways, too. */
function hash(name: string): number {
  let value = 0x811c9dc5;
  for (let index = 0; index < name.length; index++) {
    value = Math.imul(value ^ name.charCodeAt(index), 0x01000193);
  }
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  return value ^ (value >>> 13);
}
