/** Downtimes as they are asked for over HTTP, checked once: what is given, and what it means. */
import { z } from "zod";
import type { DowntimeInput } from "../../db/downtimes.ts";
import { shown } from "../../report.ts";
import { DURATION_MS_MAX, isCronPattern, isZone } from "./calendar.ts";

/** The last moment PostgreSQL and JavaScript agree on: the year 9999. */
const SECONDS_MAX = 253_402_300_799;
const PATTERNS_MAX = 1_000;
const NOTE_CHARS_MAX = 2_000;

const told = (what: string) => ({
  error: (issue: { input?: unknown }) =>
    issue.input === undefined
      ? `must be given: ${what}`
      : `must be ${what}: current value is ${shown(issue.input)}`,
});

const seconds = z.number(told("seconds since 1970")).min(0, told("seconds since 1970"))
  .max(SECONDS_MAX, { error: "must be in seconds, not milliseconds" });

const text = (what: string) => z.string(told(what)).min(1, told(what)).max(255, told(what));

const patterns = (what: string) =>
  z.array(text(what), told(`a list […] of ${what}`)).max(PATTERNS_MAX).default([]);

const lasting = z.number(told("a number of seconds"))
  .min(1, { error: "must be at least 1 second" })
  .max(DURATION_MS_MAX / 1000, { error: `must be at most ${DURATION_MS_MAX / 1000} seconds` });

/** `POST /downtime`, as the original has it. */
export const contractDowntimeSchema = z.object({
  hostname: text("the name of a host"),
  start_time: seconds,
  end_time: seconds,
}, told("an object {hostname, start_time, end_time}")).refine(
  ({ start_time, end_time }) => end_time > start_time,
  { path: ["end_time"], error: "must be after start_time" },
);

export const idSchema = z.object({
  id: z.int(told("the id of a downtime")),
}, told("an object {id}"));

const fields = {
  hosts: patterns("a host's name or a pattern such as web-*"),
  tags: z.record(z.string(), text("a tag's value or a pattern"), told("an object {…} of tags"))
    .default({}),
  rules: patterns("a rule's name or a pattern"),
  /** Every host and every rule: has to be said. */
  all: z.boolean(told("true or false")).default(false),
  start: seconds.optional(),
  end: seconds.optional(),
  pattern: text("a cron pattern such as 0 2 * * SUN")
    .refine(isCronPattern, { error: "must be a cron pattern such as 0 2 * * SUN" }).optional(),
  duration_s: lasting.optional(),
  zone: text("a time zone such as Europe/Berlin")
    .refine(isZone, { error: "must be a time zone such as Europe/Berlin or UTC" }).optional(),
  note: z.string(told("a text")).max(NOTE_CHARS_MAX).default(""),
  created_by: text("who asks for it").optional(),
};

type Fields = z.infer<z.ZodObject<typeof fields>>;

function crossChecks(given: Fields, context: z.RefinementCtx): void {
  const fault = (path: string, message: string) =>
    context.addIssue({ code: "custom", path: [path], message });
  const { hosts, tags, rules, all, pattern, duration_s, end, zone } = given;
  const isAnything = hosts.length + rules.length + Object.keys(tags).length > 0;
  if (!isAnything && !all) {
    fault("hosts", "must be given, or tags, or rules; for everything say all: true");
  }
  if (isAnything && all) fault("all", "must not be given together with hosts, tags or rules");
  if (pattern === undefined) {
    if (end === undefined && duration_s === undefined) fault("end", "must be given, or duration_s");
    if (end !== undefined && duration_s !== undefined) {
      fault("duration_s", "must not be given together with end, unless there is a pattern");
    }
    if (zone !== undefined) fault("zone", "has a meaning with pattern only");
  } else if (duration_s === undefined) {
    fault("duration_s", "must be given with pattern: how long each occurrence lasts");
  }
}

/** `POST /api/v1/downtimes`. */
export const downtimeSchema = z.strictObject(fields, {
  error: (issue) =>
    issue.code === "unrecognized_keys"
      ? `has ${issue.keys.map((key) => `"${key}"`).join(", ")}: must be one of ${
        Object.keys(fields).join(", ")
      }`
      : told("an object {…}").error(issue),
}).superRefine(crossChecks);

/** `POST /api/v1/downtimes/<id>/extend`: to a time, or by a length of time. */
export const extendSchema = z.strictObject({
  end: seconds.optional(),
  by_s: lasting.optional(),
}, told("an object {end} or {by_s}")).refine(
  ({ end, by_s }) => (end === undefined) !== (by_s === undefined),
  { error: "must have either end or by_s" },
);

/** `PATCH /api/v1/downtimes/<id>`. */
export const changeSchema = z.strictObject({
  start: seconds.optional(),
  end: seconds.optional(),
  note: z.string(told("a text")).max(NOTE_CHARS_MAX).optional(),
}, told("an object {start, end, note}"));

/** What is written down of it. A recurring one without an end goes on for ever. */
export function inputOf(given: z.infer<typeof downtimeSchema>, now_ms: number): DowntimeInput {
  const { hosts, tags, rules, note, pattern, duration_s, zone = "UTC", end } = given;
  const start_ms = given.start === undefined ? now_ms : given.start * 1000;
  const selector = { hostname: null, hosts, tags, rules };
  const said = { note, created_by: given.created_by ?? null };
  const end_ms = end === undefined ? null : end * 1000;
  if (pattern !== undefined) {
    const duration_ms = (duration_s ?? 0) * 1000;
    return { ...selector, ...said, start_ms, end_ms, pattern, duration_ms, zone };
  }
  const once = { pattern: null, duration_ms: null, zone: null };
  return {
    ...selector,
    ...said,
    ...once,
    start_ms,
    end_ms: end_ms ?? start_ms + (duration_s ?? 0) * 1000,
  };
}
