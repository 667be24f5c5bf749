/** Answers in the form of the Python Monitoring System, whose clients read them. Seconds since 1970. */
import { z } from "zod";
import { downtimeSchema } from "./downtime.ts";

export const successSchema = z.object({ status: z.literal("success") });

export const successIdSchema = successSchema.extend({ id: z.number() });

export const alertConfigsSchema = z.array(z.object({
  id: z.number(),
  hostname: z.string(),
  metric_name: z.string(),
  condition: z.enum(["above", "below"]),
  threshold: z.number(),
  duration: z.number().describe("Seconds"),
  enabled: z.boolean(),
}));

export const recentAlertsSchema = z.array(z.object({
  id: z.number(),
  hostname: z.string(),
  metric_name: z.string(),
  timestamp: z.number(),
  value: z.number().nullable(),
  condition: z.string(),
  threshold: z.number().nullable(),
  severity: z.string(),
  summary: z.string(),
  rule_id: z.number(),
  resolved: z.number().nullable(),
}));

export const contractDowntimesSchema = z.array(downtimeSchema.extend({
  hostname: z.string(),
  start_time: z.number().describe("Of a recurring one: of its present occurrence, or its next"),
  end_time: z.number(),
}));

export const aggregatedSchema = z.looseObject({
  status: z.string(),
  state: z.enum(["running", "done"]).describe("running: it goes on after this answer"),
});
