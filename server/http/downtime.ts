/**
 * Downtimes: `/downtime` in the form of the original, and `/api/v1/downtimes` with everything. The
 * original knows one host and one span; what else there is, it sees in that form as well as it goes.
 */
import { z } from "zod";
import { shown } from "../../report.ts";
import type { Occurrence } from "../alerts/calendar.ts";
import {
  changeSchema,
  contractDowntimeSchema,
  downtimeSchema,
  extendSchema,
  idSchema,
  inputOf,
} from "../alerts/downtime_schema.ts";
import type { DowntimePreview, Downtimes, ListedDowntime } from "../alerts/downtimes.ts";
import {
  type DowntimeAnswer,
  type DowntimePreviewAnswer,
  downtimePreviewSchema,
  downtimeSchema as downtimeAnswerSchema,
  type DowntimeSpan,
  downtimeSpansSchema,
  downtimesSchema,
} from "../wire/downtime.ts";
import { readParameters } from "./fetch.ts";
import { INSTANT_FORMS, parseInstant } from "./instant.ts";
import { readBody, readId } from "./json_body.ts";
import { contractDowntimesSchema, successIdSchema } from "../wire/contract.ts";
import { pageById, pageOf } from "./paging.ts";
import type { Routes } from "./routes.ts";

/** What these routes need of the alerts step. */
export interface DowntimeRoute {
  downtimes: Downtimes;
  now(): number;
}

/** Names in a preview; how many there are is always said. */
const PREVIEW_MAX = 1_000;

const spanOf = ({ start_ms, end_ms }: Occurrence) => ({
  start: start_ms / 1000,
  end: end_ms / 1000,
});

const seconds = (ms: number | undefined) => ms === undefined ? undefined : ms * 1000;

function answerOf(downtime: ListedDowntime): DowntimeAnswer {
  const { start_ms, end_ms, duration_ms, active, next } = downtime;
  return {
    id: downtime.id,
    hostname: downtime.hostname,
    hosts: downtime.hosts,
    tags: downtime.tags,
    rules: downtime.rules,
    start: start_ms / 1000,
    end: end_ms === null ? null : end_ms / 1000,
    pattern: downtime.pattern,
    duration_s: duration_ms === null ? null : duration_ms / 1000,
    zone: downtime.zone,
    note: downtime.note,
    created_by: downtime.created_by,
    active: active === undefined ? null : spanOf(active),
    next: next.map(spanOf),
  };
}

function previewOf({ hostnames, incidents, occurrences }: DowntimePreview): DowntimePreviewAnswer {
  return {
    host_count: hostnames.length,
    hosts: hostnames.slice(0, PREVIEW_MAX),
    incident_count: incidents.length,
    incidents: incidents.slice(0, PREVIEW_MAX),
    occurrences: occurrences.map(spanOf),
  };
}

const hostnameParameters = z.object({ hostname: z.string().optional() });

const listParameters = hostnameParameters.extend(pageById);

const DOWNTIME_EXAMPLE = { hosts: ["web-*"], duration_s: 3600, note: "new disks" };

/** Of what a calendar shows, unless more is asked for. */
const SPAN_MS = 14 * 86_400_000;

function spanParameters(now_ms: number) {
  const instant = z.string().transform((text, context) => {
    const at_ms = parseInstant(text, now_ms);
    if (at_ms !== undefined) return at_ms;
    context.addIssue(`must be ${INSTANT_FORMS}: current value is ${shown(text)}`);
    return z.NEVER;
  });
  return z.object({
    hostname: z.string().optional(),
    from: instant.default(now_ms).describe(`Now; ${INSTANT_FORMS}`),
    to: instant.default(now_ms + SPAN_MS).describe(`In two weeks; ${INSTANT_FORMS}`),
  }).refine(({ from, to }) => from < to, { path: ["to"], error: "must be after from" });
}

/** A recurring one is its present occurrence, or its next. */
function contractOf(downtime: ListedDowntime) {
  const { start_ms, end_ms } = downtime.active ?? downtime.next[0] ??
    { start_ms: downtime.start_ms, end_ms: downtime.end_ms ?? downtime.start_ms };
  return {
    ...answerOf(downtime),
    hostname: downtime.hostname ?? (downtime.hosts.join(",") || "*"),
    start_time: start_ms / 1000,
    end_time: end_ms / 1000,
  };
}

function contractRoutes(routes: Routes, { downtimes }: DowntimeRoute): void {
  routes.get(
    "/downtime",
    {
      access: "viewer",
      summary: "Downtimes, as the original has them",
      query: hostnameParameters,
      answer: contractDowntimesSchema,
    },
    async (c) => {
      const all = await downtimes.list(c.req.query("hostname") || undefined);
      return c.json(all.map(contractOf));
    },
  );

  routes.post(
    "/downtime",
    {
      access: "operator",
      summary: "Makes a downtime of one host",
      body: contractDowntimeSchema,
      answer: successIdSchema,
      example: { body: { hostname: "web-1", start_time: 1_800_000_000, end_time: 1_800_003_600 } },
    },
    async (c) => {
      const { hostname, start_time, end_time } = await readBody(c, contractDowntimeSchema);
      const span = { start_ms: start_time * 1000, end_ms: end_time * 1000 };
      return c.json({ status: "success", id: await downtimes.addForHost(hostname, span) });
    },
  );

  routes.delete("/downtime", {
    access: "operator",
    summary: "Removes a downtime",
    body: idSchema,
    answer: successIdSchema,
    errors: [404],
  }, async (c) => {
    const { id } = await readBody(c, idSchema);
    await downtimes.remove(id);
    return c.json({ status: "success", id });
  });
}

function calendarRoutes(routes: Routes, route: DowntimeRoute): void {
  const { downtimes } = route;
  routes.get(
    "/api/v1/downtimes.ics",
    { access: "viewer", summary: "Downtimes as a calendar", type: "text/calendar" },
    async (c) => {
      const headers = { "content-type": "text/calendar; charset=utf-8" };
      return c.body(await downtimes.calendar(), 200, headers);
    },
  );

  routes.get("/api/v1/downtimes/spans", {
    access: "viewer",
    summary: "When which downtimes are, in a span of time",
    query: spanParameters(0),
    answer: downtimeSpansSchema,
  }, async (c) => {
    const { hostname, from, to } = readParameters(c, spanParameters(route.now()));
    const found = await downtimes.spans({ hostname, from_ms: from, to_ms: to });
    const spans = found.map(({ downtime: { id, rules, note }, occurrence }): DowntimeSpan => ({
      ...{ id, rules, note },
      ...spanOf(occurrence),
    }));
    return c.json({ spans });
  });
}

export function downtimeRoutes(routes: Routes, route: DowntimeRoute): void {
  const { downtimes } = route;
  contractRoutes(routes, route);
  calendarRoutes(routes, route);

  routes.get("/api/v1/downtimes", {
    access: "viewer",
    summary: "All downtimes",
    query: listParameters,
    answer: downtimesSchema,
  }, async (c) => {
    const { hostname, ...asked } = readParameters(c, listParameters);
    const { page, next } = pageOf(await downtimes.list(hostname), asked, ({ id }) => id);
    return c.json({ downtimes: page.map(answerOf), next });
  });

  routes.post(
    "/api/v1/downtimes",
    {
      access: "operator",
      summary: "Makes a downtime",
      body: downtimeSchema,
      answer: downtimeAnswerSchema,
      statuses: [201],
      example: { body: DOWNTIME_EXAMPLE },
    },
    async (c) => {
      const given = await readBody(c, downtimeSchema);
      const id = await downtimes.add(inputOf(given, route.now()));
      return c.json(answerOf(await downtimes.get(id)), 201);
    },
  );

  routes.post("/api/v1/downtimes/preview", {
    access: "viewer",
    summary: "Which hosts and incidents a downtime would silence",
    body: downtimeSchema,
    answer: downtimePreviewSchema,
    example: { body: DOWNTIME_EXAMPLE },
  }, async (c) => {
    const given = await readBody(c, downtimeSchema);
    return c.json(previewOf(await downtimes.preview(inputOf(given, route.now()))));
  });

  routes.get(
    "/api/v1/downtimes/:id",
    { access: "viewer", summary: "One downtime", answer: downtimeAnswerSchema },
    async (c) => c.json(answerOf(await downtimes.get(readId(c)))),
  );

  changeRoutes(routes, route);
}

function changeRoutes(routes: Routes, { downtimes }: DowntimeRoute): void {
  routes.patch(
    "/api/v1/downtimes/:id",
    {
      access: "operator",
      summary: "Changes a downtime",
      body: changeSchema,
      answer: downtimeAnswerSchema,
      example: { body: { note: "new disks" } },
    },
    async (c) => {
      const id = readId(c);
      const { start, end, note } = await readBody(c, changeSchema);
      await downtimes.change(id, { start_ms: seconds(start), end_ms: seconds(end), note });
      return c.json(answerOf(await downtimes.get(id)));
    },
  );

  routes.post("/api/v1/downtimes/:id/extend", {
    access: "operator",
    summary: "Makes a downtime longer",
    body: extendSchema,
    answer: downtimeAnswerSchema,
    example: { body: { by_s: 3600 } },
  }, async (c) => {
    const { end, by_s } = await readBody(c, extendSchema);
    const id = await downtimes.extend(readId(c), { end_ms: seconds(end), by_ms: seconds(by_s) });
    return c.json(answerOf(await downtimes.get(id)));
  });

  routes.post(
    "/api/v1/downtimes/:id/end",
    { access: "operator", summary: "Ends a downtime now", answer: downtimeAnswerSchema },
    async (c) => {
      const id = readId(c);
      await downtimes.end(id);
      return c.json(answerOf(await downtimes.get(id)));
    },
  );

  routes.delete(
    "/api/v1/downtimes/:id",
    { access: "operator", summary: "Removes a downtime", answer: successIdSchema },
    async (c) => {
      const id = readId(c);
      await downtimes.remove(id);
      return c.json({ status: "success", id });
    },
  );
}
