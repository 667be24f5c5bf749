/** Points in time as they stand in a URL. */
import { z } from "zod";
import { shown } from "../../report.ts";

const UNITS_MS: Readonly<Record<string, number>> = {
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 7 * 86_400_000,
};

/** For messages. */
export const INSTANT_FORMS = "seconds since 1970, now, now-6h or 2026-01-31T12:00:00Z";

const ISO = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d)?)?$/;

/**
 * Milliseconds since 1970 of any of `INSTANT_FORMS`, or undefined. Dates without a zone are UTC: the
 * server does not know where its reader is.
 */
export function parseInstant(text: string, now_ms: number): number | undefined {
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * 1000;
  const relative = /^now(?:([+-])(\d+(?:\.\d+)?)([smhdw]))?$/.exec(text);
  if (relative !== null) {
    const [, sign, count = "0", unit = "s"] = relative;
    const shift_ms = Number(count) * (UNITS_MS[unit] ?? 0);
    return sign === "-" ? now_ms - shift_ms : now_ms + shift_ms;
  }
  if (!ISO.test(text)) return undefined;
  const hasZone = !text.includes("T") || /(Z|[+-]\d\d:\d\d)$/.test(text);
  const at_ms = Date.parse(hasZone ? text : `${text}Z`);
  return Number.isNaN(at_ms) ? undefined : at_ms;
}

/** The year 9999, beyond which PostgreSQL and JavaScript do not agree. */
export const INSTANT_MS_MAX = 253_402_300_799_000;

/** A parameter that is a point in time, as milliseconds since 1970. */
export function instantParameter(now_ms: number) {
  return z.string().transform((text, context) => {
    const at_ms = parseInstant(text, now_ms);
    if (at_ms !== undefined && at_ms >= 0 && at_ms <= INSTANT_MS_MAX) return at_ms;
    context.addIssue(`must be ${INSTANT_FORMS}: current value is ${shown(text)}`);
    return z.NEVER;
  });
}
