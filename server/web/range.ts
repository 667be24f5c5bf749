/**
 * The time that all charts of a page show: two ends, each a moment or relative to now (`now-6h`), as
 * they stand in the page's address.
 */

export interface Range {
  from: string;
  to: string;
}

export interface Span {
  from_s: number;
  to_s: number;
}

export const PRESETS = ["15m", "1h", "6h", "24h", "7d", "30d", "1y"] as const;
export const DEFAULT_RANGE: Range = { from: "now-1h", to: "now" };

const SECONDS: Readonly<Record<string, number>> = {
  s: 1,
  m: 60,
  h: 3_600,
  d: 86_400,
  w: 604_800,
  y: 31_536_000,
};

/** Seconds since 1970, or undefined when the text is no moment. */
export function readMoment(text: string, now_s: number): number | undefined {
  if (text === "now") return now_s;
  const [, count, unit = ""] = /^now-(\d+)([smhdwy])$/.exec(text) ?? [];
  if (count !== undefined) return now_s - Number(count) * (SECONDS[unit] ?? 0);
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text);
  const at_ms = Date.parse(text);
  return Number.isNaN(at_ms) ? undefined : at_ms / 1000;
}

/** The span of a range now; the default one's when it makes no sense. */
export function spanOf({ from, to }: Range, now_s: number): Span {
  const [from_s, to_s] = [readMoment(from, now_s), readMoment(to, now_s)];
  if (from_s === undefined || to_s === undefined || to_s <= from_s) {
    return { from_s: now_s - 3_600, to_s: now_s };
  }
  return { from_s, to_s };
}

/** Whether the range moves on with time. */
export function isLive({ to }: Range): boolean {
  return to === "now";
}

/** Which preset this is, if any. */
export function presetOf({ from, to }: Range): string | undefined {
  return to === "now" ? PRESETS.find((preset) => from === `now-${preset}`) : undefined;
}

/** As a field for local time has it: `2026-05-12T09:30:00`. */
export function writeLocal(at_s: number): string {
  const at = new Date(Math.round(at_s) * 1000);
  const two = (value: number) => String(value).padStart(2, "0");
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${day}T${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

/** Seconds since 1970 of what a field for local time has, or undefined. */
export function readLocal(text: string): number | undefined {
  const at_ms = Date.parse(text);
  return Number.isNaN(at_ms) ? undefined : at_ms / 1000;
}

/**
 * The ends as the server is asked for them. It knows what time it is: a browser's clock that is wrong
 * must not move the window. Ends it does not know the form of are told in seconds.
 */
export function askedRange(range: Range, now_s: number): Range {
  const isKnown = (text: string) => text === "now" || /^now-\d+[smhdw]$/.test(text);
  const { from_s, to_s } = spanOf(range, now_s);
  const is_wrong = readMoment(range.from, now_s) !== from_s;
  if (is_wrong) return DEFAULT_RANGE;
  return {
    from: isKnown(range.from) ? range.from : from_s.toFixed(3),
    to: isKnown(range.to) ? range.to : to_s.toFixed(3),
  };
}
