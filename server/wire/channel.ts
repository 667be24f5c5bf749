/** Answers about channels: `/api/v1/channels`. Times are seconds since 1970. */
import { z } from "zod";

export const channelSchema = z.object({
  name: z.string(),
  kind: z.string(),
  settings: z.record(z.string(), z.unknown()).describe('Secrets are "(secret)"'),
  routes: z.array(z.string()).describe("The routes that tell it, escalations included"),
  waiting: z.number().describe("Messages on their way"),
  last_success: z.number().nullable(),
  last_failure: z.number().nullable(),
  last_error: z.string().nullable().describe("null: the last delivery went well"),
});

export const channelsSchema = z.object({ channels: z.array(channelSchema) });

export const channelTestSchema = z.object({
  outcome: z.enum(["delivered", "retryable", "permanent"]),
  why: z.string().nullable(),
  took_ms: z.number(),
});

export type ChannelAnswer = z.infer<typeof channelSchema>;
export type ChannelTestAnswer = z.infer<typeof channelTestSchema>;
