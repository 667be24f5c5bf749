/** The answers of `GET /health` and `GET /ready`. */
import { z } from "zod";

export const healthSchema = z.object({ status: z.literal("ok") });

export const checkSchema = z.object({
  ok: z.boolean(),
  why: z.string().optional().describe("What is wrong, for people"),
});

export const readySchema = z.object({
  ready: z.boolean(),
  checks: z.object({
    database: checkSchema.describe("PostgreSQL answers"),
    migrations: checkSchema.describe("Its schema is that of this program"),
    partitions: checkSchema.describe("There is a table for reports of now"),
    disk: checkSchema.describe("Reports are not refused because the disk is nearly full"),
    running: checkSchema.describe("The server is not about to stop"),
  }),
});

export type Check = z.infer<typeof checkSchema>;
export type ReadyAnswer = z.infer<typeof readySchema>;
