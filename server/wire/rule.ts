/** Answers about rules: `/api/v1/rules`. Times are seconds since 1970. */
import { z } from "zod";

const ruleFields = z.object({
  id: z.number(),
  source: z.enum(["api", "contract", "file"]).describe("file: made by /api/v1/rules/apply"),
  enabled: z.boolean(),
  revision: z.number().describe("Grows with each change"),
  created: z.number(),
  updated: z.number(),
  rule: z.unknown().describe("As it was written; docs/alerts.md is its page"),
});

export const ruleAnswerSchema = ruleFields;

export const rulesAnswerSchema = z.object({
  rules: z.array(ruleFields.extend({
    series: z.number().nullable().describe("Watched by it; null: another server evaluates"),
  })),
  next: z.number().nullable().describe("For the parameter after; null: this is the last page"),
});

export const appliedSchema = z.object({
  dry_run: z.boolean().describe("true: nothing was changed"),
  created: z.array(z.string()),
  changed: z.array(z.string()),
  removed: z.array(z.string()),
  unchanged: z.number(),
});

export const backtestAnswerSchema = z.object({
  from: z.number(),
  to: z.number(),
  tier: z.enum(["raw", "5m"]),
  series: z.number(),
  samples: z.number(),
  pages: z.number().describe("How often somebody would have been told"),
  pages_per_week: z.number(),
  incidents: z.array(z.object({
    host: z.string(),
    metric: z.string().nullable(),
    severity: z.string(),
    summary: z.string(),
    opened: z.number(),
    resolved: z.number().nullable().describe("null: it would still fire"),
  })).describe("The newest, in order"),
});
