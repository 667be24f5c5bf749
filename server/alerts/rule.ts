/**
 * The state of one rule for one series, as a pure function of what it was and what is known now.
 *
 *                true for `for`              false for keep_firing_for
 *   inactive ──▶ pending ──────────▶ firing ──────────────────────────▶ inactive ("resolved")
 *      ▲           │                   │  ▲
 *      └── false ──┘                   └──┘ true again, or nothing known
 *
 * A condition has three values. True and false come from data that is current. *Unknown* is
 * everything else: no data, a failing script, a silent host, a database that is away. It changes
 * nothing: an alert that fires goes on firing, and one that is pending neither fires nor forgets,
 * while the time in which nothing is known counts for no duration. Only a pending alert of which
 * nothing was heard for PENDING_UNKNOWN_MS is given up; nobody was told of it.
 *
 * A rule has up to two levels, warning and critical, each with the machine above, and the alert
 * fires at the worst level that does. So there are three events: *firing* (from nothing to a level),
 * *severity* (from one level to another) and *resolved* (from a level to nothing).
 *
 * Flapping is damped by waiting: an alert that has fired `times` within `within` and would be
 * resolved once more goes on firing until it was quiet for `quiet`, and says *flapping* instead.
 *
 * An alert that a person has ended is *closed*: it fires again only after its condition was false.
 *
 * All times are those of one clock that the caller keeps going evenly: when it was not watched (a
 * restart) or was set, `shifted` moves what is remembered along, so that such time counts for nothing.
 */
import type { Rule, Severity } from "./rule_schema.ts";

export type Truth = boolean | "unknown";

/** After this long without knowledge a pending alert is forgotten. */
export const PENDING_UNKNOWN_MS = 15 * 60_000;

export interface LevelState {
  phase: "inactive" | "pending" | "firing";
  /** Pending: since when the condition is true. Firing: when it began to. */
  since_ms: number;
  /** Firing: since when the condition is false. */
  clear_ms: number | null;
}

/** Plain data: it is stored as it is. */
export interface Machine {
  /** In the order of the rule's levels. */
  levels: LevelState[];
  /** The worst severity that fires. */
  severity: Severity | null;
  /** Since when nothing is known. */
  unknown_ms: number | null;
  /** When it began to fire, the last times; as far back as flapping looks. */
  fired_ms: number[];
  is_flapping: boolean;
  is_closed: boolean;
}

export type MachineEvent = "firing" | "severity" | "resolved" | "flapping";

/** What the machine needs of a rule. */
export type Timing = Pick<Rule, "for_ms" | "keep_firing_ms" | "flapping"> & {
  levels: readonly { severity: Severity }[];
};

const IDLE: LevelState = { phase: "inactive", since_ms: 0, clear_ms: null };

export function newMachine(levels: number): Machine {
  return {
    levels: Array.from({ length: levels }, () => ({ ...IDLE })),
    severity: null,
    unknown_ms: null,
    fired_ms: [],
    is_flapping: false,
    is_closed: false,
  };
}

/** Nothing is wrong, was lately, or has to be remembered. */
export function isForgettable({ levels, fired_ms, is_closed }: Machine): boolean {
  return !is_closed && fired_ms.length === 0 && levels.every(({ phase }) => phase === "inactive");
}

/**
 * One look at a condition.
 *
 * @param truths for each level; either all are unknown or none is
 */
export function step(
  machine: Machine,
  truths: readonly Truth[],
  { now_ms, timing }: { now_ms: number; timing: Timing },
): { machine: Machine; event: MachineEvent | undefined } {
  if (truths.includes("unknown")) {
    return { machine: unknownStep(machine, now_ms), event: undefined };
  }
  const { flapping } = timing;
  const fired_ms = flapping === undefined
    ? []
    : machine.fired_ms.filter((at_ms) => at_ms > now_ms - flapping.within_ms);
  const isRestless = flapping !== undefined && fired_ms.length >= flapping.times;
  const isOften = machine.is_flapping || isRestless;
  const is_closed = machine.is_closed && truths.includes(true);
  const blind_ms = machine.unknown_ms === null ? 0 : Math.max(0, now_ms - machine.unknown_ms);
  const keep_ms = isOften && flapping !== undefined
    ? Math.max(timing.keep_firing_ms, flapping.quiet_ms)
    : timing.keep_firing_ms;
  const levels = machine.levels.map((level, at) =>
    is_closed ? { ...IDLE } : levelStep(level, truths[at] === true, {
      now_ms,
      for_ms: timing.for_ms,
      keep_ms,
      blind_ms,
    })
  );
  const severity = worstOf(levels, timing);
  const next: Machine = {
    levels,
    severity,
    unknown_ms: null,
    fired_ms,
    is_flapping: severity !== null && machine.is_flapping,
    is_closed,
  };
  if (machine.severity === null && severity !== null) {
    if (flapping !== undefined) next.fired_ms = [...fired_ms, now_ms].slice(-flapping.times);
    return { machine: next, event: "firing" };
  }
  if (severity === null) {
    return { machine: next, event: machine.severity === null ? undefined : "resolved" };
  }
  // it would have been resolved just now, had it not fired so often
  const isDamped = isRestless && !machine.is_flapping &&
    levels.every(({ phase, clear_ms }) =>
      phase !== "firing" || (clear_ms !== null && now_ms - clear_ms >= timing.keep_firing_ms)
    );
  if (isDamped) next.is_flapping = true;
  const event = isDamped ? "flapping" : severity === machine.severity ? undefined : "severity";
  return { machine: next, event };
}

/** Nothing is known: everything stays, but a pending alert not for ever. */
function unknownStep(machine: Machine, now_ms: number): Machine {
  const unknown_ms = machine.unknown_ms ?? now_ms;
  const isLong = now_ms - unknown_ms >= PENDING_UNKNOWN_MS;
  const isLeft = isLong && machine.levels.some(({ phase }) => phase === "pending");
  if (!isLeft && machine.unknown_ms !== null) return machine;
  const levels = isLeft
    ? machine.levels.map((level) => level.phase === "pending" ? { ...IDLE } : level)
    : machine.levels;
  return { ...machine, levels, unknown_ms };
}

function levelStep(
  level: LevelState,
  isTrue: boolean,
  options: { now_ms: number; for_ms: number; keep_ms: number; blind_ms: number },
): LevelState {
  const { now_ms, for_ms, keep_ms, blind_ms } = options;
  if (level.phase === "inactive") {
    if (!isTrue) return level;
    return { phase: for_ms <= 0 ? "firing" : "pending", since_ms: now_ms, clear_ms: null };
  }
  if (level.phase === "pending") {
    if (!isTrue) return { ...IDLE };
    const since_ms = level.since_ms + blind_ms;
    if (now_ms - since_ms < for_ms) return { ...level, since_ms };
    return { phase: "firing", since_ms: now_ms, clear_ms: null };
  }
  if (isTrue) return level.clear_ms === null ? level : { ...level, clear_ms: null };
  const clear_ms = level.clear_ms === null ? now_ms : level.clear_ms + blind_ms;
  return now_ms - clear_ms >= keep_ms ? { ...IDLE } : { ...level, clear_ms };
}

function worstOf(levels: readonly LevelState[], timing: Timing): Severity | null {
  const at = levels.findLastIndex(({ phase }) => phase === "firing");
  return timing.levels[at]?.severity ?? null;
}

/** What is remembered, moved by time that counts for nothing. */
export function shifted(machine: Machine, by_ms: number): Machine {
  return {
    ...machine,
    levels: machine.levels.map((level) => ({
      ...level,
      since_ms: level.since_ms + by_ms,
      clear_ms: level.clear_ms === null ? null : level.clear_ms + by_ms,
    })),
    unknown_ms: machine.unknown_ms === null ? null : machine.unknown_ms + by_ms,
    fired_ms: machine.fired_ms.map((at_ms) => at_ms + by_ms),
  };
}

/** Ended by a person: it fires again only after its condition was false. */
export function closed(machine: Machine): Machine {
  return { ...newMachine(machine.levels.length), fired_ms: machine.fired_ms, is_closed: true };
}

/**
 * The machine of an alert whose rule has other levels now. What fires goes on firing, at a level there
 * is, until something is known: then it is told which one that is, or that it is over.
 */
export function refitted(
  machine: Machine,
  before: Pick<Timing, "levels">,
  after: Pick<Timing, "levels">,
): Machine {
  const levels = after.levels.map(({ severity }) => {
    const at = before.levels.findIndex((level) => level.severity === severity);
    return machine.levels[at] ?? { ...IDLE };
  });
  const worst = machine.levels.findLast(({ phase }) => phase === "firing");
  if (worst !== undefined && levels.every(({ phase }) => phase !== "firing")) {
    levels[levels.length - 1] = worst;
  }
  return { ...machine, levels };
}

/** Do two say the same? */
export function isSameMachine(a: Machine, b: Machine): boolean {
  return a === b || (a.severity === b.severity && a.unknown_ms === b.unknown_ms &&
    a.is_flapping === b.is_flapping && a.is_closed === b.is_closed &&
    a.fired_ms.length === b.fired_ms.length && a.fired_ms.at(-1) === b.fired_ms.at(-1) &&
    a.levels.length === b.levels.length && a.levels.every((level, at) => {
      const other = b.levels[at];
      return level.phase === other?.phase && level.since_ms === other.since_ms &&
        level.clear_ms === other.clear_ms;
    }));
}
