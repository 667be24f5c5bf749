/** Values and times as text, and back without losing a bit. */

/** The shortest text that reads as the same double; -0 keeps its sign. */
export function valueText(value: number): string {
  return value === 0 && Object.is(value, -0) ? "-0" : String(value);
}

const DECIMAL = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;
const NOT_FINITE = /^[+-]?(nan|inf|infinity)$/i;

/** A finite number, or why it is none. */
export function readValue(text: string): number | string {
  if (DECIMAL.test(text)) {
    const value = Number(text);
    if (Number.isFinite(value)) return value;
  }
  const what = DECIMAL.test(text) || NOT_FINITE.test(text) ? "a finite number" : "a number";
  return `value must be ${what}: current value is ${quoted(text)}`;
}

/** Seconds since 1970, with as many decimals as the milliseconds need. */
export function secondsText(at_ms: number): string {
  return String(at_ms / 1000);
}

/** The year 5138 in seconds; 1973 in milliseconds. Whatever crosses it is in the other unit. */
const UNIT_BORDER = 1e11;

/** Whole milliseconds, or why it is no time in seconds. */
export function millisecondsOf(seconds: number): number | string {
  // and no -0, which would be another time than 0
  if (Math.abs(seconds) < UNIT_BORDER) return Math.round(seconds * 1000) + 0;
  return `time must be in seconds since 1970, this looks like milliseconds: ` +
    `current value is ${seconds}`;
}

const ISO = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)$/;

/** Milliseconds since 1970 from seconds or an ISO 8601 time with its zone, or why it is neither. */
export function readSeconds(text: string): number | string {
  if (DECIMAL.test(text)) return millisecondsOf(Number(text));
  const at_ms = ISO.test(text) ? Date.parse(text.replace(" ", "T")) : NaN;
  // the same border as for seconds: what is read can be written and read again
  if (!Number.isNaN(at_ms)) return millisecondsOf(at_ms / 1000);
  return "time must be seconds since 1970 or like 2026-01-31T12:00:00Z: " +
    `current value is ${quoted(text)}`;
}

/** Whole milliseconds since 1970, or why it is none. */
export function readMilliseconds(text: string): number | string {
  if (!/^-?\d{1,15}$/.test(text)) {
    return `time must be whole milliseconds since 1970: current value is ${quoted(text)}`;
  }
  const at_ms = Number(text);
  if (Math.abs(at_ms) >= UNIT_BORDER) return at_ms;
  return "time must be in milliseconds since 1970, this looks like seconds: " +
    `current value is ${text}`;
}

/** A piece of a line as a message shows it: short, and in quotes. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 57)}…` : text);
}
