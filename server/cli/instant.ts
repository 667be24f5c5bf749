/** Points in time as people type them. */

const UNITS_MS: Record<string, number> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 7 * 86_400_000,
};

export const INSTANT_FORMS =
  "15m, 1h30m or 7d (that long ago), now, now-6h, 2026-01-31, 2026-01-31T12:00 (local time), " +
  "2026-01-31T12:00Z, or seconds since 1970";

/** Milliseconds of `90s`, `1h30m`, `1.5d`; undefined for anything else. A month has no length. */
export function parseDuration(text: string): number | undefined {
  if (!/^(\d+(\.\d+)?(ms|[smhdw]))+$/.test(text)) return undefined;
  let total_ms = 0;
  for (const [, count, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|[smhdw])/g)) {
    total_ms += Number(count) * (UNITS_MS[unit ?? ""] ?? 0);
  }
  return total_ms;
}

const ISO =
  /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(\.\d{1,3})?)?(Z|[+-]\d\d:?\d\d)?)?$/;

/** Undefined for a day that does not exist: `Date` would quietly take the next one. */
function parseIso(text: string): number | undefined {
  const match = ISO.exec(text);
  if (match === null) return undefined;
  const [, year, month, day, hour = "00", minute = "00", second = "00", fraction = "", zone = ""] =
    match;
  const date = new Date(0);
  date.setUTCFullYear(Number(year), Number(month) - 1, Number(day));
  if (date.getUTCDate() !== Number(day) || date.getUTCMonth() !== Number(month) - 1) {
    return undefined;
  }
  const at_ms = Date.parse(
    `${year}-${month}-${day}T${hour}:${minute}:${second}${fraction}${zone}`,
  );
  return Number.isNaN(at_ms) ? undefined : at_ms;
}

/** Milliseconds since 1970 of any of `INSTANT_FORMS`, or undefined. Dates without a zone are local. */
export function parseInstant(text: string, now_ms: number): number | undefined {
  const trimmed = text.trim();
  const relative = /^(?:now)?(?:([+-])(.+))?$/.exec(trimmed);
  if (trimmed.startsWith("now") && relative !== null) {
    if (relative[2] === undefined) return now_ms;
    const shift_ms = parseDuration(relative[2]);
    if (shift_ms === undefined) return undefined;
    return relative[1] === "-" ? now_ms - shift_ms : now_ms + shift_ms;
  }
  const ago_ms = parseDuration(trimmed);
  if (ago_ms !== undefined) return now_ms - ago_ms;
  // nine digits and more: 1973 and later; fewer would rather be a number of something
  if (/^\d{9,11}(\.\d+)?$/.test(trimmed)) return Number(trimmed) * 1000;
  return parseIso(trimmed);
}

/** How long ago in one unit: `now`, `12 s`, `5 min`, `3 h`, `2 d`. */
export function formatAge(age_ms: number): string {
  const seconds = Math.round(age_ms / 1000);
  if (seconds < 1) return "now";
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7_200) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3_600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}

/** `2026-01-31 12:00:05`, local time. */
export function formatTime(at_ms: number): string {
  const date = new Date(at_ms);
  const two = (number: number) => String(number).padStart(2, "0");
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}
