/**
 * Numbers as people read them: three significant digits, a thin space before the unit, bytes in powers
 * of 1024. Nothing that is no number is ever shown as one.
 */

/** Before a unit. */
const THIN = "\u2009";
export const NOTHING = "–";

const BYTES = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
const COUNTS = ["", "k", "M", "G", "T"];

function digits(value: number): string {
  if (Number.isInteger(value) && Math.abs(value) < 1000) return String(value === 0 ? 0 : value);
  const size = Math.abs(value);
  if (size === Infinity) return NOTHING;
  if (size !== 0 && (size >= 1e6 || size < 1e-6)) return value.toExponential(1).replace("e+", "e");
  const text = size >= 100 ? value.toFixed(0) : value.toPrecision(3);
  // without zeros at the end that say nothing, and without -0
  const short = text.includes(".") && !text.includes("e") ? text.replace(/\.?0+$/, "") : text;
  return short === "-0" ? "0" : short;
}

function scaled(value: number, base: number, units: readonly string[]): [number, string] {
  let [rest, at] = [value, 0];
  while (Math.abs(rest) >= base * 0.9995 && at < units.length - 1) {
    [rest, at] = [rest / base, at + 1];
  }
  return [rest, units[at] ?? ""];
}

function durationText(seconds: number): string {
  const size = Math.abs(seconds);
  if (size === 0) return `0${THIN}s`;
  if (size < 1e-3) return `${digits(seconds * 1e6)}${THIN}µs`;
  if (size < 1) return `${digits(seconds * 1e3)}${THIN}ms`;
  if (size < 120) return `${digits(seconds)}${THIN}s`;
  if (size < 7200) return `${digits(seconds / 60)}${THIN}min`;
  if (size < 172_800) return `${digits(seconds / 3600)}${THIN}h`;
  return `${digits(seconds / 86_400)}${THIN}d`;
}

/** Units as others write them. */
const UNITS: Readonly<Record<string, string>> = {
  bytes: "B",
  percent: "%",
  seconds: "s",
  milliseconds: "ms",
  celsius: "°C",
};

/** A unit by the name that the page has for it. */
export function unitOf(unit: string | null | undefined): string | null {
  return unit === null || unit === undefined ? null : UNITS[unit] ?? unit;
}

/** A value with its unit. `perSecond`: it is the rate of a counter of that unit. */
export function valueText(
  value: number | null | undefined,
  given_unit: string | null | undefined,
  perSecond = false,
): string {
  const unit = unitOf(given_unit);
  if (value === null || value === undefined || !Number.isFinite(value)) return NOTHING;
  const after = perSecond ? "/s" : "";
  if (unit === "B") {
    const [rest, name] = scaled(value, 1024, BYTES);
    return `${digits(rest)}${THIN}${name}${after}`;
  }
  if (unit === "s") {
    // seconds a second are a share of time
    return perSecond ? `${digits(value * 100)}${THIN}%` : durationText(value);
  }
  if (unit === "ms") {
    return perSecond ? `${digits(value / 10)}${THIN}%` : durationText(value / 1000);
  }
  if (unit === "%") return `${digits(value)}${THIN}%`;
  const small = Math.abs(value) < 0.001 && value !== 0;
  const [rest, factor] = small ? [value, ""] : scaled(value, 1000, COUNTS);
  const text = small ? value.toExponential(1) : digits(rest);
  const name = `${factor}${unit ?? ""}${after}`;
  return name === "" ? text : `${text}${THIN}${name}`;
}

/** A percentage in a column: they stand below each other, so all have one decimal. */
export function percentText(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return NOTHING;
  const text = value.toFixed(1);
  return `${text === "-0.0" ? "0.0" : text}${THIN}%`;
}

/** 1,234,567 in the reader's own way. */
export function countText(value: number): string {
  return new Intl.NumberFormat().format(value);
}

/** "4 min ago", "now", "in 2 h". */
export function agoText(at_s: number, now_s: number): string {
  const seconds = now_s - at_s;
  const size = Math.abs(seconds);
  if (size < 5) return "now";
  const [count, unit] = size < 90
    ? [size, "s"]
    : size < 5400
    ? [size / 60, "min"]
    : size < 129_600
    ? [size / 3600, "h"]
    : [size / 86_400, "d"];
  const text = `${Math.round(count)}${THIN}${unit}`;
  return seconds >= 0 ? `${text} ago` : `in ${text}`;
}

/** With the zone, for those who want to be sure. */
export function absoluteText(at_s: number): string {
  return new Date(at_s * 1000).toLocaleString(undefined, {
    dateStyle: "medium",
    timeStyle: "long",
  });
}
