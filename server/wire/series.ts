/** The answer of `GET /api/v1/series`. Times are seconds since 1970. */
import { z } from "zod";

const values = z.array(z.number()).optional();

export const seriesSchema = z.object({
  host: z.string().optional().describe("Left out when it is over several hosts"),
  hosts: z.number().optional().describe("How many hosts it is over"),
  metric: z.string(),
  unit: z.string().nullable(),
  kind: z.enum(["gauge", "counter", "state"]),
  t: z.array(z.number()).describe("When each step begins; the other lists are as long"),
  avg: values,
  sum: values,
  min: values,
  max: values,
  count: values,
  last: values.describe("Of counters and states"),
  rate: z.array(z.number().nullable()).optional()
    .describe("Of counters: increase a second; null where it is not known"),
  p50: values,
  p90: values,
  p95: values,
  p99: values,
});

export const seriesAnswerSchema = z.object({
  from: z.number(),
  to: z.number(),
  tier: z.string().describe("What was read"),
  step_s: z.number(),
  series: z.array(seriesSchema),
});
