/**
 * The kinds of values a setting can have, each with the sentence that says what would be right.
 */
import { Cron } from "croner";
import { z } from "zod";
import { shown } from "../../report.ts";

/** `max` is left out where there is no natural limit. */
export function whole(options: { min: number; max?: number; what: string }) {
  const { min, max = Number.MAX_SAFE_INTEGER, what } = options;
  const range = options.max === undefined ? `of at least ${min}` : `from ${min} to ${max}`;
  const error = (issue: { input?: unknown }) =>
    `must be ${what}, a whole number ${range}: current value is ${shown(issue.input)}`;
  return z.int({ error }).min(min, { error }).max(max, { error });
}

export function text(what: string) {
  const error = (issue: { input?: unknown }) =>
    `must be ${what}: current value is ${shown(issue.input)}`;
  return z.string({ error }).min(1, { error });
}

/** The value is a secret: a fault says what is wrong and shows nothing of it. */
export function secret(what: string) {
  return z.string({ error: `must be ${what}, a text (the value is not shown)` });
}

export function oneOf<const T extends readonly [string, ...string[]]>(values: T) {
  const list = values.map((value) => `"${value}"`).join(", ");
  return z.enum(values, {
    error: (issue) => `must be one of ${list}: current value is ${shown(issue.input)}`,
  });
}

export function section<T extends z.core.$ZodLooseShape>(shape: T) {
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === "unrecognized_keys"
        ? undefined
        : `must be an object {…}: current value is ${shown(issue.input)}`,
  });
}

/** A pattern that croner reads and that comes true some day, or "never". */
export function schedule() {
  const error = (issue: { input?: unknown }) =>
    'must be a cron pattern such as "15 1-59/10 * * * *" (seconds first), or "never": ' +
    `current value is ${shown(issue.input)}`;
  return z.string({ error }).refine((pattern) => pattern === "never" || isPattern(pattern), {
    error,
  });
}

function isPattern(pattern: string): boolean {
  try {
    return new Cron(pattern, { timezone: "UTC" }).nextRun() !== null;
  } catch {
    return false;
  }
}
