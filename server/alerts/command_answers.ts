/** What `monitor alerts` asks a server, and what it takes for an answer. */
import { z } from "zod";

const nullable = z.string().nullable();
const time = z.number().nullable();

const incident = z.looseObject({
  id: z.number(),
  state: z.enum(["open", "resolved"]),
  severity: z.string(),
  host: z.string(),
  metric: nullable,
  summary: z.string(),
  rule_name: z.string(),
  flapping: z.boolean(),
  unknown: nullable,
  opened: z.number(),
  resolved: time,
  resolved_reason: nullable,
  acknowledged: z.looseObject({
    at: z.number(),
    who: nullable,
    note: nullable,
    until: time,
  }).nullable(),
});
export type Incident = z.infer<typeof incident>;

export const incidentSchema = incident;
export const incidentsSchema = z.looseObject({ incidents: z.array(incident), next: nullable });

export const evidenceSchema = incident.extend({
  rule: z.unknown(),
  points: z.array(z.tuple([z.number(), z.number()])),
  events: z.array(z.looseObject({
    at: z.number(),
    kind: z.string(),
    who: nullable,
    text: nullable,
    detail: z.unknown(),
  })),
  deliveries: z.array(z.looseObject({
    channel: nullable,
    reason: z.string(),
    state: z.string(),
    attempts: z.number(),
    error: nullable,
    created: z.number(),
    sent: time,
  })),
});
export type EvidenceAnswer = z.infer<typeof evidenceSchema>;

export const alertsSchema = z.looseObject({
  evaluation: z.looseObject({ state: z.string(), reason: nullable }),
  alerts: z.array(z.looseObject({ state: z.string() })),
});

export const rulesSchema = z.looseObject({
  rules: z.array(z.looseObject({
    id: z.number(),
    source: z.string(),
    enabled: z.boolean(),
    series: time.optional(),
    rule: z.looseObject({ name: z.string() }),
  })),
});
export type RulesAnswer = z.infer<typeof rulesSchema>;

export const appliedSchema = z.looseObject({
  created: z.array(z.string()),
  changed: z.array(z.string()),
  removed: z.array(z.string()),
  unchanged: z.number(),
});

export const statusSchema = z.looseObject({ status: z.string() });

export const backtestSchema = z.looseObject({
  from: z.number(),
  to: z.number(),
  tier: z.string(),
  series: z.number(),
  samples: z.number(),
  pages: z.number(),
  pages_per_week: z.number(),
  incidents: z.array(z.looseObject({
    host: z.string(),
    metric: nullable,
    severity: z.string(),
    opened: z.number(),
    resolved: time,
    summary: z.string(),
  })),
});
export type BacktestAnswer = z.infer<typeof backtestSchema>;
