/**
 * Random histories for the state machine and its reference: gaps, restarts, a clock that is set, rule
 * edits, people who end incidents. Seeded: a history that differs is named by its seed.
 */
import {
  closed,
  type Machine,
  newMachine,
  shifted,
  step,
  type Truth,
} from "../../../server/alerts/rule.ts";
import { reference, type ReferenceRule, type Seen } from "./reference.ts";

/** A small generator (mulberry32): the same numbers for the same seed, everywhere. */
function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

function ruleOf(random: () => number, severities: ReferenceRule["severities"]): ReferenceRule {
  const pick = (values: readonly number[]) => values[Math.floor(random() * values.length)] ?? 0;
  return {
    severities,
    for_s: pick([0, 0, 1, 3, 10, 30]),
    keep_s: pick([0, 0, 2, 5, 20]),
    flapping: random() < 0.3
      ? undefined
      : { times: pick([2, 3, 4]), within_s: pick([30, 60, 200]), quiet_s: pick([5, 20]) },
  };
}

export interface History {
  seen: Seen[];
  /** Seconds of the machine's clock at each look, and what was done to the machine before it. */
  shifts_s: number[];
}

export function historyOf(seed: number): History {
  const random = randomOf(seed);
  const severities: ReferenceRule["severities"] = random() < 0.5
    ? ["critical"]
    : ["warning", "critical"];
  let rule = ruleOf(random, severities);
  let value = 0;
  const seen: Seen[] = [];
  const shifts_s: number[] = [];
  const turns = 20 + Math.floor(random() * 60);
  for (let turn = 0; turn < turns; turn++) {
    const kind = random();
    if (kind < 0.02) rule = ruleOf(random, severities);
    if (kind > 0.985) {
      seen.push("closed");
      shifts_s.push(0);
      continue;
    }
    if (random() < 0.25) value = Math.floor(random() * 3);
    const isUnknown = random() < 0.1;
    // most gaps are short; some are longer than a pending alert is remembered
    const looks = isUnknown ? 1 + Math.floor(random() * (random() < 0.01 ? 1_200 : 8)) : 1;
    const truths = severities.map((severity): Truth =>
      isUnknown ? "unknown" : value > (severity === "critical" ? 1 : 0)
    );
    for (let i = 0; i < looks; i++) {
      seen.push({ truths, rule });
      shifts_s.push(random() < 0.03 ? Math.floor(random() * 7_200) - 3_600 : 0);
    }
  }
  return { seen, shifts_s };
}

/** What the state machine tells of a history; stored and read again at each shift, as by a restart. */
export function machineTells({ seen, shifts_s }: History): (string | undefined)[] {
  let machine: Machine | undefined;
  let offset_s = 1_000_000;
  return seen.map((look, second) => {
    const shift_s = shifts_s[second] ?? 0;
    if (shift_s !== 0) {
      offset_s += shift_s;
      if (machine !== undefined) {
        machine = shifted(JSON.parse(JSON.stringify(machine)), shift_s * 1000);
      }
    }
    if (look === "closed") {
      machine = closed(machine ?? newMachine(1));
      return undefined;
    }
    const { truths, rule: { severities, for_s, keep_s, flapping } } = look;
    if (machine?.levels.length !== severities.length) {
      machine = { ...machine ?? newMachine(0), levels: newMachine(severities.length).levels };
    }
    const next = step(machine, truths, {
      now_ms: (offset_s + second) * 1000,
      timing: {
        levels: severities.map((severity) => ({ severity })),
        for_ms: for_s * 1000,
        keep_firing_ms: keep_s * 1000,
        flapping: flapping === undefined ? undefined : {
          times: flapping.times,
          within_ms: flapping.within_s * 1000,
          quiet_ms: flapping.quiet_s * 1000,
        },
      },
    });
    machine = next.machine;
    if (next.event === undefined) return undefined;
    const isLevel = next.event === "firing" || next.event === "severity";
    return isLevel ? `${next.event} ${machine.severity}` : next.event;
  });
}

/** The first second in which machine and reference differ, in words; undefined when they never do. */
export function differenceOf(seed: number): string | undefined {
  const history = historyOf(seed);
  const [found, wanted] = [machineTells(history), reference(history.seen)];
  const at = found.findIndex((event, second) => event !== wanted[second]);
  return at < 0
    ? undefined
    : `seed ${seed}: at second ${at} the machine says ${found[at] ?? "nothing"}, the reference ${
      wanted[at] ?? "nothing"
    }`;
}
