/** Answers about what is wrong: `/api/v1/alerts`, `/api/v1/incidents`. Times are seconds since 1970. */
import { z } from "zod";

const at = z.number();

export const alertsAnswerSchema = z.object({
  evaluation: z.object({
    state: z.enum(["running", "stopped"]),
    reason: z.enum(["database", "disk full", "nobody evaluates"]).nullable()
      .describe("Why it is stopped"),
    by: z.string().nullable().describe("Who evaluates"),
    evaluated: at.nullable().describe("Until when"),
    rules: z.number().nullable().describe("Rules in force; null: another server evaluates"),
  }),
  alerts: z.array(z.object({
    state: z.enum(["pending", "firing", "inactive"]),
    severity: z.string().nullable(),
    host: z.string(),
    metric: z.string().nullable(),
    rule_id: z.number(),
    rule: z.string(),
    value: z.number().nullable(),
    unknown: z.string().nullable().describe(
      "Why nothing is known just now: server, host_silent, script_failed, no_data, fleet_silent",
    ),
    incident_id: z.number().nullable(),
    changed: at.nullable(),
  })),
});

export const incidentSchema = z.object({
  id: z.number(),
  state: z.enum(["open", "resolved"]),
  severity: z.string(),
  worst_severity: z.string(),
  host: z.string(),
  metric: z.string().nullable().describe("null: it is about the host"),
  story: z.string().describe("What kind of thing happened"),
  summary: z.string(),
  value: z.number().nullable(),
  threshold: z.number().nullable(),
  rule_id: z.number(),
  rule_name: z.string(),
  labels: z.record(z.string(), z.string()),
  flapping: z.boolean(),
  unknown: z.string().nullable().describe("Why nothing is known just now"),
  opened: at,
  resolved: at.nullable(),
  resolved_reason: z.string().nullable(),
  acknowledged: z.object({
    at,
    who: z.string().nullable(),
    note: z.string().nullable(),
    until: at.nullable().describe("null: until it is over or gets worse"),
  }).nullable(),
});

export const incidentsAnswerSchema = z.object({
  incidents: z.array(incidentSchema),
  next: z.string().nullable().describe("For the parameter after; null: this is the last page"),
});

export const evidenceSchema = incidentSchema.extend({
  rule: z.unknown().describe("The rule as it was"),
  points: z.array(z.tuple([z.number(), z.number()])).describe("[time, value] that led to it"),
  events: z.array(z.object({
    at,
    kind: z.string(),
    who: z.string().nullable(),
    text: z.string().nullable(),
    detail: z.unknown(),
  })),
  deliveries: z.array(z.object({
    id: z.number(),
    channel: z.string().nullable().describe("null: the channel is gone"),
    reason: z.string(),
    state: z.string(),
    attempts: z.number(),
    error: z.string().nullable(),
    created: at,
    sent: at.nullable(),
  })).describe("Messages that told of it"),
});
