/**
 * The state machine once more, written from docs/alerts.md and not from server/alerts/rule.ts: no
 * states, only the list of everything that was ever seen, looked through from its beginning each time.
 * One second is one look; a look is true, false or unknown for each level.
 */
import type { Truth } from "../../../server/alerts/rule.ts";

export interface ReferenceRule {
  severities: ("warning" | "critical")[];
  for_s: number;
  keep_s: number;
  flapping: { times: number; within_s: number; quiet_s: number } | undefined;
}

/** A look at the condition, or a person who says that it is over. */
export type Seen = { truths: Truth[]; rule: ReferenceRule } | "closed";

/** How long nothing may be known before what is pending is forgotten. */
const GIVEN_UP_S = 15 * 60;

/** What was told at each second. */
export function reference(seen: readonly Seen[]): (string | undefined)[] {
  let told: string | null = null; // the severity that is told just now
  let fires: number[] = []; // when it began to fire
  let damped = false;
  let closed = false;
  // for each level: seconds it was true in a row, whether it fires, seconds it was false in a row
  let levels: { held: number; fires: boolean; clear: number | null }[] = [];
  let blind = 0;
  let known_at: number | null = null;
  return seen.map((look, now) => {
    if (look === "closed") {
      [levels, told, damped, closed, blind, known_at] = [[], null, false, true, 0, null];
      return undefined;
    }
    const { truths, rule: { severities, for_s, keep_s, flapping } } = look;
    levels = severities.map((_, at) => levels[at] ?? { held: -1, fires: false, clear: null });
    if (truths[0] === "unknown") {
      blind++;
      // counted from the first look at which nothing was known
      if (blind - 1 >= GIVEN_UP_S) levels.forEach((level) => level.held = -1);
      return undefined;
    }
    // seconds since the look before, without those in which nothing was known
    const passed = known_at === null ? 0 : now - known_at - blind;
    [known_at, blind] = [now, 0];
    if (truths.every((truth) => truth === false)) closed = false;
    fires = flapping === undefined ? [] : fires.filter((at) => now - at < flapping.within_s);
    const often = flapping !== undefined && fires.length >= flapping.times;
    const keep = flapping !== undefined && (often || damped)
      ? Math.max(keep_s, flapping.quiet_s)
      : keep_s;
    levels.forEach((level, at) => {
      const isTrue = truths[at] === true && !closed;
      if (level.fires) {
        level.clear = isTrue ? null : level.clear === null ? 0 : level.clear + passed;
        if (level.clear !== null && level.clear >= keep) {
          [level.fires, level.held, level.clear] = [false, -1, null];
        }
      } else {
        level.held = !isTrue ? -1 : level.held < 0 ? 0 : level.held + passed;
        if (level.held >= for_s) [level.fires, level.held] = [true, -1];
      }
    });
    const firing = levels.findLastIndex((level) => level.fires);
    const [before, after] = [told, severities[firing] ?? null];
    told = after;
    if (before === null && after !== null) {
      if (flapping !== undefined) fires = [...fires, now].slice(-flapping.times);
      return `firing ${after}`;
    }
    if (after === null) {
      damped = false;
      return before === null ? undefined : "resolved";
    }
    const wouldEnd = levels.every((level) => !level.fires || (level.clear ?? -1) >= keep_s);
    if (often && !damped && wouldEnd && truths.every((truth) => truth === false)) {
      damped = true;
      return "flapping";
    }
    return before === after ? undefined : `severity ${after}`;
  });
}
