/** `/api/v1/incidents` and `/api/v1/alerts`: what is wrong, what was, and what people say about it. */
import type { Context } from "hono";
import { z } from "zod";
import type { IncidentRow } from "../../db/incidents.ts";
import { duration } from "../alerts/duration.ts";
import type { Evidence, IncidentDesk } from "../alerts/incident_desk.ts";
import type { AlertListing } from "../alerts/listing.ts";
import { ParameterError, readParameters } from "./fetch.ts";
import { INSTANT_MS_MAX, instantParameter } from "./instant.ts";
import { readBody, readId } from "./json_body.ts";
import { successSchema } from "../wire/contract.ts";
import {
  alertsAnswerSchema,
  evidenceSchema,
  incidentsAnswerSchema,
  incidentSchema,
} from "../wire/incident.ts";
import type { Routes } from "./routes.ts";

/** What these routes need of alerts. */
export interface IncidentsRoute {
  incidents: IncidentDesk;
  alerts(): Promise<AlertListing>;
  now(): number;
}

const LIMIT_DEFAULT = 50;
const LIMIT_MAX = 1_000;
/** The last of the page before: when it was opened, and its id. */
const cursor = z.string().transform((text, context) => {
  const [, opened_ms, id] = /^(\d+(?:\.\d+)?)-(\d+)$/.exec(text) ?? [];
  if (id !== undefined && Number(opened_ms) <= INSTANT_MS_MAX) {
    return { opened_ms: Number(opened_ms), id: Number(id) };
  }
  context.addIssue("must be the next of the page before");
  return z.NEVER;
});

const listParameters = (now_ms: number) =>
  z.strictObject({
    state: z.enum(["open", "resolved"], "must be open or resolved").optional(),
    host: z.string().optional(),
    metric: z.string().optional(),
    rule: z.coerce.number({ error: "must be the id of a rule" }).int().optional(),
    severity: z.enum(["warning", "critical"], "must be warning or critical").optional(),
    text: z.string().max(200).optional(),
    from: instantParameter(now_ms).optional(),
    to: instantParameter(now_ms).optional(),
    after: cursor.optional(),
    limit: z.coerce.number({ error: "must be a whole number" }).int("must be a whole number")
      .min(1, "must be at least 1").max(LIMIT_MAX, `must be at most ${LIMIT_MAX}`)
      .default(LIMIT_DEFAULT),
  }, {
    error: (issue) =>
      issue.code === "unrecognized_keys"
        ? `there is no parameter ${issue.keys.join(", ")}: known are state, host, metric, rule, ` +
          "severity, text, from, to, after, limit"
        : undefined,
  });

const who = z.string().max(200, "must have at most 200 letters").nullish()
  .transform((text) => text || null);
const note = z.string().max(10_000, "must have at most 10000 letters").nullish()
  .transform((text) => text ?? "");
const saidSchema = z.strictObject({ who, note });
const commentSchema = z.strictObject({
  who,
  note: z.string("must be a text").min(1, "must not be empty").max(10_000),
});
const acknowledgeSchema = z.strictObject({
  who,
  note,
  until: z.number("must be seconds since 1970").nullish().transform((seconds) =>
    seconds ?? undefined
  ),
  for: duration({ min_ms: 1_000 }).optional(),
}).refine((said) => said.until === undefined || said.for === undefined, {
  error: "must have until or for, not both",
});

export function incidentRoutes(routes: Routes, route: IncidentsRoute): void {
  const { incidents } = route;
  routes.get(
    "/api/v1/alerts",
    { access: "viewer", summary: "What fires, or is about to", answer: alertsAnswerSchema },
    async (c) => c.json(await route.alerts()),
  );

  routes.get(
    "/api/v1/incidents",
    {
      access: "viewer",
      summary: "What was wrong, newest first",
      query: listParameters(0),
      answer: incidentsAnswerSchema,
      example: { path: "/api/v1/incidents?state=open&limit=20" },
    },
    async (c) => {
      const given = readParameters(c, listParameters(route.now()));
      const found = await incidents.list({
        state: given.state,
        hostname: given.host,
        metric: given.metric,
        rule_id: given.rule,
        severity: given.severity,
        text: given.text,
        from_ms: given.from,
        before_ms: given.to,
        after: given.after,
        limit: given.limit + 1,
      });
      const page = found.slice(0, given.limit);
      const last = page.at(-1);
      const isMore = found.length > page.length && last !== undefined;
      return c.json({
        incidents: page.map(incidentJson),
        next: isMore ? `${last.opened_ms}-${last.id}` : null,
      });
    },
  );

  routes.get("/api/v1/incidents/:id", {
    access: "viewer",
    summary: "One incident, with its evidence",
    answer: evidenceSchema,
  }, async (c) => {
    return c.json(evidenceJson(await incidents.evidence(readId(c))));
  });

  sayingRoutes(routes, route);
}

/** What people say about an incident. */
function sayingRoutes(routes: Routes, route: IncidentsRoute): void {
  const { incidents } = route;
  routes.post("/api/v1/incidents/:id/acknowledge", {
    access: "operator",
    summary: "Says that somebody takes care of it",
    body: acknowledgeSchema,
    answer: incidentSchema,
    errors: [409],
    example: { body: { who: "kim", note: "looking", for: "2h" } },
  }, async (c) => {
    const said = await readBody(c, acknowledgeSchema);
    const now_ms = route.now();
    const until_ms = said.for !== undefined
      ? now_ms + said.for
      : said.until === undefined
      ? null
      : said.until * 1000;
    if (until_ms !== null && until_ms <= now_ms) {
      throw new ParameterError("Cannot read the body: until must lie in the future");
    }
    return c.json(incidentJson(await incidents.acknowledge(readId(c), { ...said, until_ms })));
  });

  routes.delete("/api/v1/incidents/:id/acknowledge", {
    access: "operator",
    summary: "Takes that back",
    body: saidSchema,
    answer: incidentSchema,
    errors: [409],
  }, async (c) => {
    const said = await readBody(c, saidSchema);
    return c.json(incidentJson(await incidents.unacknowledge(readId(c), said)));
  });

  routes.post(
    "/api/v1/incidents/:id/comment",
    {
      access: "operator",
      summary: "Writes a comment",
      body: commentSchema,
      answer: successSchema,
      example: { body: { who: "kim", note: "disk is ordered" } },
    },
    async (c) => {
      await incidents.comment(readId(c), await readBody(c, commentSchema));
      return c.json({ status: "success" });
    },
  );

  routes.post("/api/v1/incidents/:id/resolve", {
    access: "operator",
    summary: "Ends an incident by hand",
    body: saidSchema,
    answer: incidentSchema,
    statuses: [200, 202],
    errors: [409],
    example: { body: { who: "kim", note: "false alarm" } },
  }, async (c) => await resolve(c, incidents));
}

async function resolve(c: Context, incidents: IncidentDesk): Promise<Response> {
  const incident = await incidents.resolve(readId(c), await readBody(c, saidSchema));
  // accepted: nobody evaluates just now, it will be over as soon as somebody does
  return c.json(incidentJson(incident), incident.resolved_ms === null ? 202 : 200);
}

const seconds = (at_ms: number | null) => at_ms === null ? null : at_ms / 1000;

function incidentJson(incident: IncidentRow) {
  return {
    id: incident.id,
    state: incident.resolved_ms === null ? "open" : "resolved",
    severity: incident.severity,
    worst_severity: incident.worst_severity,
    host: incident.hostname,
    metric: incident.metric === "" ? null : incident.metric,
    story: incident.story,
    summary: incident.summary,
    value: incident.value,
    threshold: incident.threshold,
    rule_id: incident.rule_id,
    rule_name: incident.labels.rule ?? "",
    labels: incident.labels,
    flapping: incident.flapping,
    unknown: incident.unknown,
    opened: incident.opened_ms / 1000,
    resolved: seconds(incident.resolved_ms),
    resolved_reason: incident.resolved_reason,
    acknowledged: incident.acknowledged_ms === null ? null : {
      at: incident.acknowledged_ms / 1000,
      who: incident.acknowledged_by,
      note: incident.acknowledged_note,
      until: seconds(incident.acknowledged_until_ms),
    },
  };
}

function evidenceJson({ incident, events, deliveries }: Evidence) {
  return {
    ...incidentJson(incident),
    rule: incident.rule,
    points: incident.points,
    events: events.map(({ at_ms, kind, who, text, detail }) => ({
      at: at_ms / 1000,
      kind,
      who,
      text,
      detail,
    })),
    deliveries: deliveries.map(({ created_ms, sent_ms, ...delivery }) => ({
      ...delivery,
      created: created_ms / 1000,
      sent: seconds(sent_ms),
    })),
  };
}
