/** `POST /metrics`: what comes in, as far as a schema can say it (report.ts reads it), and the answer. */
import { z } from "zod";

const reportSchema = z.object({
  hostname: z.string(),
  metrics: z.record(z.string(), z.unknown()).describe(
    "A tree of values: numbers, true, false, null, or an object with value, message, timestamp",
  ),
  timestamp: z.number().optional().describe("Seconds since 1970; default: when it is read"),
  additional_data: z.object({ alias: z.string(), location: z.string() }).partial().optional(),
  tags: z.record(z.string(), z.string()).optional(),
  metadata: z.record(
    z.string(),
    z.object({
      unit: z.string(),
      kind: z.enum(["gauge", "counter", "state"]),
      description: z.string(),
    }).partial(),
  ).optional().describe("By metric"),
});

export const reportsSchema = z.union([reportSchema, z.array(reportSchema)]);

/** Reports sent = stored + duplicate + refused. */
export const ingestReplySchema = z.object({
  status: z.literal("received"),
  stored: z.number(),
  duplicate: z.number(),
  refused: z.array(z.object({
    index: z.number().describe("Position of the report in the batch"),
    path: z.string().describe("Where in it: [3].metrics.cpu"),
    message: z.string(),
  })).optional().describe("With status 207; do not send these again"),
  refused_count: z.number().optional(),
  error: z.string().optional(),
});
