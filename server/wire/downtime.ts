/** Answers about downtimes: `/api/v1/downtimes`. Times are seconds since 1970. */
import { z } from "zod";

const seconds = z.number();

export const occurrenceSchema = z.object({ start: seconds, end: seconds });

export const downtimeSchema = z.object({
  id: z.number(),
  hostname: z.string().nullable().describe("Exactly this host: made by POST /downtime"),
  hosts: z.array(z.string()).describe("Names and patterns"),
  tags: z.record(z.string(), z.string()),
  rules: z.array(z.string()),
  start: seconds,
  end: seconds.nullable().describe("null: a recurring one goes on for ever"),
  pattern: z.string().nullable(),
  duration_s: z.number().nullable(),
  zone: z.string().nullable(),
  note: z.string(),
  created_by: z.string().nullable(),
  active: occurrenceSchema.nullable().describe("The occurrence that is in force"),
  next: z.array(occurrenceSchema),
});

export const downtimesSchema = z.object({
  downtimes: z.array(downtimeSchema),
  next: z.number().nullable().describe("For the parameter after; null: this is the last page"),
});

export const downtimePreviewSchema = z.object({
  host_count: z.number(),
  hosts: z.array(z.string()),
  incident_count: z.number().describe("Open now, and about these hosts and rules"),
  incidents: z.array(z.object({
    id: z.number(),
    hostname: z.string(),
    severity: z.string(),
    summary: z.string(),
  })),
  occurrences: z.array(occurrenceSchema),
});

/** One time in which a downtime is in force. */
export const downtimeSpanSchema = occurrenceSchema.extend({
  id: z.number(),
  rules: z.array(z.string()).describe("Empty: nobody is told of anything of its hosts"),
  note: z.string(),
});

export const downtimeSpansSchema = z.object({ spans: z.array(downtimeSpanSchema) });

export type DowntimeSpan = z.infer<typeof downtimeSpanSchema>;
export type DowntimeAnswer = z.infer<typeof downtimeSchema>;
export type DowntimePreviewAnswer = z.infer<typeof downtimePreviewSchema>;
