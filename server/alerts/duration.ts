/** Lengths of time as rules have them: seconds as a number, or a text such as `90s`, `5m`, `1h30m`. */
import { z } from "zod";
import { shown } from "../../report.ts";

const UNITS_MS = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const;
type Unit = keyof typeof UNITS_MS;

export const DURATION_FORMS = "a number of seconds, or a text such as 90s, 5m, 1h30m, 7d";

/** Milliseconds, or undefined when it is no length of time. */
export function parseDuration(given: unknown): number | undefined {
  if (typeof given === "number") {
    return Number.isFinite(given) && given >= 0 ? given * 1000 : undefined;
  }
  if (typeof given !== "string") return undefined;
  const text = given.replaceAll(" ", "");
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * 1000;
  if (!/^(\d+(\.\d+)?[smhdw])+$/.test(text)) return undefined;
  let total_ms = 0;
  for (const [, count, unit] of text.matchAll(/(\d+(?:\.\d+)?)([smhdw])/g)) {
    // the expression gives nothing but these letters
    total_ms += Number(count) * UNITS_MS[unit as Unit];
  }
  return total_ms;
}

/** The shortest text for a length of time: `90s`, `5m`, `1h30m`. */
export function durationText(ms: number): string {
  if (ms === 0) return "0s";
  let text = "";
  let left_ms = Math.round(ms);
  for (const unit of ["d", "h", "m"] as const) {
    const count = Math.floor(left_ms / UNITS_MS[unit]);
    if (count > 0) text += `${count}${unit}`;
    left_ms -= count * UNITS_MS[unit];
  }
  return left_ms > 0 ? `${text}${left_ms / 1000}s` : text;
}

/** A length of time within limits, as milliseconds. */
export function duration(limits: { min_ms?: number; max_ms?: number } = {}) {
  const { min_ms = 0, max_ms = 366 * UNITS_MS.d } = limits;
  return z.unknown().transform((given, context) => {
    const ms = parseDuration(given);
    if (ms === undefined) {
      context.addIssue(`must be ${DURATION_FORMS}: current value is ${shown(given)}`);
    } else if (ms < min_ms || ms > max_ms) {
      context.addIssue(
        `must be from ${durationText(min_ms)} to ${durationText(max_ms)}: ` +
          `current value is ${shown(given)}`,
      );
    } else return ms;
    return z.NEVER;
  }).meta({ anyOf: [{ type: "number" }, { type: "string" }], description: DURATION_FORMS });
}
