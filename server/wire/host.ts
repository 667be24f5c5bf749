/** Answers about hosts and what they have sent. Times are seconds since 1970. */
import { z } from "zod";

const tags = z.record(z.string(), z.string());

export const hostGlanceSchema = z.object({
  hostname: z.string(),
  alias: z.string().nullable(),
  location: z.string().nullable(),
  tags,
  last_s: z.number().nullable().describe("When its newest report is of"),
  every_s: z.number().nullable().describe("How often it reports; null until two have come"),
  cpu: z.number().optional().describe("Percent"),
  memory: z.number().optional().describe("Percent"),
  disk: z.number().optional().describe("Percent of the fullest disk"),
  received_per_s: z.number().optional().describe("Bytes a second over all interfaces"),
  sent_per_s: z.number().optional(),
});

export const hostsSchema = z.object({
  at: z.number().describe("The server's time"),
  hosts: z.array(hostGlanceSchema),
  next: z.string().nullable().describe("For the parameter after; null: this is the last page"),
});

export const hostAgentSchema = z.object({
  agent: z.unknown().describe("null: it has said nothing of itself"),
});

export const messagesSchema = z.object({
  messages: z.array(z.object({ metric: z.string(), at: z.number(), message: z.string() })),
  next: z.string().nullable().describe("For the parameter after; null: this is the last page"),
});

const about = z.object({ alias: z.string().nullable(), location: z.string().nullable() });

/** `GET /fetch/hosts`. */
export const hostListSchema = z.array(
  z.object({ hostname: z.string(), additional_data: about, tags }),
);

/** `GET /fetch/latest`. */
export const latestSchema = z.record(
  z.string(),
  z.object({
    metrics: z.record(z.string(), z.number()).describe("By metric"),
    additional_data: about,
    tags,
    timestamp: z.number().nullable(),
  }),
).describe("By host");

/** `GET /fetch/history/…`. */
export const historySchema = z.array(
  z.tuple([z.number().describe("Seconds since 1970"), z.number()]),
).describe("[time, value], newest first");
