/** Lengths and points of time, patterns for names, calendars: everything people type in one line. */
import assert from "node:assert/strict";
import { durationMs } from "../../../agent/duration.ts";
import { isCronPattern, isZone, occurrenceAfter } from "../../../server/alerts/calendar.ts";
import { durationText, parseDuration } from "../../../server/alerts/duration.ts";
import { parseDuration as parseTyped, parseInstant } from "../../../server/cli/instant.ts";
import { parseInstant as parseInUrl } from "../../../server/http/instant.ts";
import { matchesGlob } from "../../../server/wire/glob.ts";
import type { Rng } from "../rng.ts";
import type { Target } from "../target.ts";
import { number, word } from "../words.ts";

const NOW_MS = Date.UTC(2025, 0, 15, 12);

function field(rng: Rng): string {
  const one = String(rng.below(60));
  return rng.pick(["*", "?", one, `${one}-59`, `*/${one}`, `${one},${one}`, "L", "5#2", "MON-FRI"]);
}

function make(rng: Rng): string {
  switch (rng.below(5)) {
    case 0:
      return rng.list(1, 4, () => `${number(rng)}${rng.pick(["ms", "s", "m", "h", "d", "w", "x"])}`)
        .join("");
    case 1:
      return `now${rng.pick(["", "-", "+"])}${
        rng.chance(0.8) ? `${rng.below(1_000)}h` : word(rng)
      }`;
    case 2:
      return `20${rng.int(10, 99)}-${rng.int(10, 19)}-${rng.int(10, 35)}` +
        `T${rng.int(10, 29)}:${rng.int(10, 69)}${
          rng.pick(["", "Z", "+01:00", ":30.5Z", "+99:99"])
        }`;
    case 3:
      return Array.from({ length: rng.int(4, 7) }, () => field(rng)).join(" ");
    default:
      return rng.list(1, 12, () => rng.pick(["*", "?", "a", "b", "é", "😀", "**"])).join("");
  }
}

/** The same by all ways at once, which is slow and cannot be wrong. */
function matchesSlowly(pattern: string, name: string): boolean {
  const [signs, chars] = [[...pattern], [...name]];
  let reached = new Set([0]);
  const skip = (from: Set<number>) => {
    const all = new Set(from);
    for (const at of all) if (signs[at] === "*") all.add(at + 1);
    return all;
  };
  reached = skip(reached);
  for (const char of chars) {
    const next = new Set<number>();
    for (const at of reached) {
      if (signs[at] === "*") next.add(at);
      else if (signs[at] === "?" || signs[at] === char) next.add(at + 1);
    }
    reached = skip(next);
  }
  return reached.has(signs.length);
}

export const target: Target = {
  seeds: [
    ...["90s", "5m", "1h30m", "7d", "500ms", "now-6h", "2026-01-31T12:00:00Z", "1700000000.5"],
    ...["0 2 * * SUN", "15 1-59/10 * * * *", "0 0 31 2 *", "web-*", "*a*b*c*", "Europe/Berlin"],
  ],
  dictionary: [
    "now-",
    "*/",
    "L",
    "#",
    "W",
    "MON",
    "*",
    "-",
    ",",
    "T",
    "Z",
    "+01:00",
    "ms",
    "@daily",
  ],
  make,
  check(input) {
    const text = new TextDecoder().decode(input);
    const length = parseDuration(text);
    if (length !== undefined && length < 1e15) {
      assert.ok(length >= 0);
      const rounded = Math.round(length);
      assert.equal(parseDuration(durationText(rounded)), rounded, durationText(rounded));
    }
    for (const ms of [durationMs(text), parseTyped(text)]) assert.ok(ms === undefined || ms >= 0);
    for (const ms of [parseInstant(text, NOW_MS), parseInUrl(text, NOW_MS)]) {
      assert.ok(ms === undefined || !Number.isNaN(ms));
    }
    const name = text.slice(0, 40).replaceAll("*", "a");
    assert.equal(matchesGlob(text.slice(0, 60), name), matchesSlowly(text.slice(0, 60), name));
    isZone(text.slice(0, 100));
    checkCron(text.slice(0, 200));
  },
};

function checkCron(pattern: string): void {
  if (!isCronPattern(pattern)) return;
  const next = occurrenceAfter({ pattern, duration_ms: 60_000, zone: "Europe/Berlin" }, NOW_MS);
  if (next !== undefined) assert.ok(next.start_ms > NOW_MS && next.end_ms > next.start_ms);
}
