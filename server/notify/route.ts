/**
 * Who is told of an incident: routes, tried in the order they are written. The first that fits is
 * taken, and those after it only when it says `continue`. A route fits when all labels of `match` do,
 * and when it is its time of day:
 *
 *   hours.outside = "next"   outside its hours the route does not fit, and the next one is asked
 *   hours.outside = "hold"   it fits, and tells when its hours begin, what is still wrong then
 *
 * A route and one of its channels tell incidents in groups: those with equal labels of `group_by` are
 * one. Escalation tells further channels what nobody has acknowledged in time.
 */
import { z } from "zod";
import {
  isCronPattern,
  isZone,
  occurrenceAfter,
  occurrenceAt,
  type Recurrence,
} from "../alerts/calendar.ts";
import { matchesGlob } from "../wire/glob.ts";
import {
  choiceField,
  durationField,
  flagField,
  objectField,
  textField,
  textsField,
} from "./fields.ts";

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

/**
 * Short, so that a page comes within a second; long enough that what is found in one look at the data
 * is told in one message.
 */
const GROUP_WAIT_MS = 500;
const GROUP_INTERVAL_MS = MINUTE_MS;
const REPEAT_INTERVAL_MS = 4 * 60 * MINUTE_MS;
/** What a group's key may hold without becoming unreadable. */
const GROUP_BY_MAX = 10;

const globs = z.union([
  textField("a value or a pattern").transform((one) => [one]),
  textsField("values or patterns").min(1, { error: "must have at least one value or pattern" }),
], { error: 'must be a value or a pattern such as "web-*", or a list […] of them' });

const hoursSchema = objectField({
  pattern: textField("a cron pattern that says when they begin, such as 0 18 * * MON-FRI")
    .refine(isCronPattern, { error: "must be a cron pattern such as 0 18 * * MON-FRI" }),
  duration: durationField({ min_ms: MINUTE_MS, max_ms: 7 * DAY_MS, what: "how long they last" }),
  zone: textField("a time zone such as Europe/Berlin")
    .refine(isZone, { error: "must be a time zone such as Europe/Berlin or UTC" }),
  outside: choiceField(["next", "hold"]).default("next"),
});

const interval = (what: string, min_ms: number) =>
  durationField({ min_ms, max_ms: 30 * DAY_MS, what });

export const routeSchema = objectField({
  name: textField("a name of its own").regex(/^[^/#]{1,60}$/, {
    error: "must be a name of at most 60 characters without / and #",
  }),
  match: z.record(z.string(), globs, {
    error: "must be an object {…} of labels and patterns: host, metric, rule, severity, tag.<name>",
  }).default({}),
  hours: hoursSchema.optional(),
  channels: textsField("names of channels").min(1, { error: "must name at least one channel" }),
  group_by: textsField("names of labels").max(GROUP_BY_MAX, {
    error: `must be at most ${GROUP_BY_MAX} labels`,
  }).default(["rule"]),
  group_wait: interval("how long to wait for others before the first message", 0)
    .default(GROUP_WAIT_MS),
  group_interval: interval("the least time between two messages of a group", 0)
    .default(GROUP_INTERVAL_MS),
  repeat_interval: z.union([
    z.literal("never").transform(() => Infinity),
    interval("when to tell again what is still wrong", 1_000),
  ]).default(REPEAT_INTERVAL_MS),
  escalate: z.array(
    objectField({
      after: interval("how long nobody has acknowledged it", 1_000),
      channels: textsField("names of channels").min(1, { error: "must name at least one channel" }),
    }),
    { error: 'must be a list […] of {"after": "15m", "channels": ["boss"]}' },
  ).default([]),
  continue: flagField().default(false),
});

export type Route = z.infer<typeof routeSchema>;
export type RouteInput = z.input<typeof routeSchema>;

type Labels = Readonly<Record<string, string>>;

/** `!` in front of a pattern means: not this one. A label that is missing is empty. */
function fits(value: string, patterns: readonly string[]): boolean {
  const unwanted = patterns.filter((pattern) => pattern.startsWith("!"));
  const wanted = patterns.filter((pattern) => !pattern.startsWith("!"));
  if (unwanted.some((pattern) => matchesGlob(pattern.slice(1), value))) return false;
  return wanted.length === 0 || wanted.some((pattern) => matchesGlob(pattern, value));
}

function labelOf(labels: Labels, name: string): string {
  return Object.hasOwn(labels, name) ? labels[name] ?? "" : "";
}

function recurrenceOf({ pattern, duration, zone }: NonNullable<Route["hours"]>): Recurrence {
  return { pattern, duration_ms: duration, zone };
}

/** Is it the route's time of day? */
function isOpen(route: Route, at_ms: number): boolean {
  return route.hours === undefined ||
    occurrenceAt(recurrenceOf(route.hours), at_ms) !== undefined;
}

/** Until when a route that holds back what comes outside its hours says nothing; undefined: it talks. */
export function closedUntil(route: Route, at_ms: number): number | undefined {
  if (route.hours?.outside !== "hold" || isOpen(route, at_ms)) return undefined;
  return occurrenceAfter(recurrenceOf(route.hours), at_ms)?.start_ms ?? Infinity;
}

/** The routes an incident with these labels takes at this time, in order. */
export function routesFor(routes: readonly Route[], labels: Labels, at_ms: number): Route[] {
  const taken: Route[] = [];
  for (const route of routes) {
    const matches = Object.entries(route.match)
      .every(([name, patterns]) => fits(labelOf(labels, name), patterns));
    const isNow = route.hours?.outside !== "next" || isOpen(route, at_ms);
    if (!matches || !isNow) continue;
    taken.push(route);
    if (!route.continue) break;
  }
  return taken;
}

/** The labels by which a route groups, of one incident. */
export function groupLabels(route: Route, labels: Labels): Record<string, string> {
  return Object.fromEntries(route.group_by.map((name) => [name, labelOf(labels, name)]));
}

/** Where a route tells: at once, or when nobody has acknowledged it for `after_ms`. */
export function targetsOf(route: Route): { channel: string; after_ms: number }[] {
  return [
    ...route.channels.map((channel) => ({ channel, after_ms: 0 })),
    ...route.escalate.flatMap(({ after, channels }) =>
      channels.map((channel) => ({ channel, after_ms: after }))
    ),
  ];
}

/** The route of who has channels and wrote no routes: everything to everybody. */
export function defaultRoutes(channels: readonly string[]): Route[] {
  return channels.length === 0 ? [] : [routeSchema.parse({ name: "default", channels })];
}
