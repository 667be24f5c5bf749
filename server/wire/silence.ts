/** Answers about silences and parents: `/api/v1/silences`, `/api/v1/parents`. Seconds since 1970. */
import { z } from "zod";

export const matcherSchema = z.object({
  label: z.string(),
  op: z.enum(["=", "!=", "~", "!~"]).describe("~ is a pattern with * and ?"),
  value: z.string(),
});

export const silenceSchema = z.object({
  id: z.number(),
  matchers: z.array(matcherSchema),
  start: z.number(),
  end: z.number(),
  note: z.string(),
  created_by: z.string().nullable(),
});

export const silencesSchema = z.object({ silences: z.array(silenceSchema) });

export const parentsSchema = z.object({ parents: z.record(z.string(), z.array(z.string())) });

export type SilenceAnswer = z.infer<typeof silenceSchema>;
export type Matcher = z.infer<typeof matcherSchema>;
export type ParentsAnswer = z.infer<typeof parentsSchema>;
