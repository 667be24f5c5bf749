/** What every error says. */
import { z } from "zod";

export const errorSchema = z.object({
  error: z.string().describe("What is wrong, for people"),
  refused: z.array(z.object({ index: z.number(), path: z.string(), message: z.string() }))
    .optional().describe("Reports that cannot be taken, by their position in the batch"),
});

/** RFC 9457. */
export const problemSchema = z.object({
  type: z.string().describe("Stays what it is: decide by it, or by the status"),
  title: z.string(),
  status: z.number(),
  detail: z.string().describe("What is wrong, for people"),
  error: z.string().describe("The same as detail, for older clients"),
  errors: z.array(z.object({ path: z.string().describe("The field"), message: z.string() }))
    .optional().describe("Every fault, where it is known in which field it is"),
  refused: errorSchema.shape.refused,
});
