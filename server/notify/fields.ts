/** The kinds of values a channel's or a route's setting can have, each saying what would be right. */
import { z } from "zod";
import { shown } from "../../report.ts";

const told = (what: string) => ({
  error: (issue: { input?: unknown }) =>
    issue.input === undefined
      ? `must be given: ${what}`
      : `must be ${what}: current value is ${shown(issue.input)}`,
});

/** A fault says what is wrong and shows nothing of the value. */
const hidden = (what: string) => ({
  error: (issue: { input?: unknown }) =>
    issue.input === undefined
      ? `must be given: ${what}`
      : `must be ${what} (the value is not shown)`,
});

export function textField(what: string) {
  return z.string(told(what)).min(1, told(what));
}

export function secretField(what: string) {
  return z.string(hidden(what)).min(1, hidden(what));
}

function isHttp(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
}

export function urlField(what: string) {
  return z.string(told(what)).refine(isHttp, told(what));
}

/** An address that opens a door by itself: never shown. */
export function secretUrlField(what: string) {
  return z.string(hidden(what)).refine(isHttp, hidden(what));
}

export function secondsField(options: { min: number; max: number; what: string }) {
  const { min, max, what } = options;
  const error = told(`${what}, in seconds, from ${min} to ${max}`);
  return z.number(error).min(min, error).max(max, error);
}

export function numberField(options: { min: number; max: number; what: string }) {
  const { min, max, what } = options;
  const error = told(`${what}, a whole number from ${min} to ${max}`);
  return z.int(error).min(min, error).max(max, error);
}

export function flagField() {
  return z.boolean(told("true or false"));
}

export function choiceField<const T extends readonly [string, ...string[]]>(values: T) {
  return z.enum(values, told(`one of ${values.map((value) => `"${value}"`).join(", ")}`));
}

export function textsField(what: string) {
  return z.array(textField(what), told(`a list […] of ${what}`));
}

export function mapField(what: string) {
  return z.record(z.string(), z.string(told("a text")), told(`an object {…} of ${what}`));
}

/** Unknown names are told with those that exist. */
export function objectField<T extends z.core.$ZodLooseShape>(shape: T) {
  const names = Object.keys(shape).join(", ");
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === "unrecognized_keys"
        ? `has ${issue.keys.map((key) => `"${key}"`).join(", ")}, which is not a setting: ` +
          `must be one of ${names}`
        : `must be an object {…}: current value is ${shown(issue.input)}`,
  });
}

/** Longest time one attempt may take. */
const TIMEOUT_S_DEFAULT = 10;

/** What all channels have. */
export const commonFields = {
  timeout_s: secondsField({ min: 1, max: 120, what: "how long one attempt may take" })
    .default(TIMEOUT_S_DEFAULT),
  send_resolved: flagField().default(true),
};

const UNITS_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** Milliseconds of `90` (seconds), `500ms`, `1h30m`; NaN for anything else. */
function durationMs(given: string | number): number {
  if (typeof given === "number") return Math.round(given * 1000);
  if (!/^(\d+(\.\d+)?(ms|[smhd]))+$/.test(given)) return NaN;
  return [...given.matchAll(/(\d+(?:\.\d+)?)(ms|[smhd])/g)]
    .reduce((sum, [, count, unit]) => sum + Number(count) * (UNITS_MS[unit ?? ""] ?? NaN), 0);
}

/** A length of time, in milliseconds once it is read. */
export function durationField(options: { min_ms: number; max_ms: number; what: string }) {
  const { min_ms, max_ms, what } = options;
  const range = `from ${min_ms / 1000} s to ${max_ms / 1000} s`;
  const error = told(`${what}, as seconds or as 500ms, 90s, 5m, 1h30m, ${range}`);
  return z.union([z.string(), z.number()], error).transform(durationMs)
    .refine((ms) => ms >= min_ms && ms <= max_ms, {
      error: `must be ${what}, as seconds or as 500ms, 90s, 5m, 1h30m, ${range}`,
    });
}
