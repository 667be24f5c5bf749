/** What every error says. */
import { z } from "zod";

export const errorSchema = z.object({
  error: z.string().describe("What is wrong, for people"),
  refused: z.array(z.object({ index: z.number(), path: z.string(), message: z.string() }))
    .optional().describe("Reports that cannot be taken, by their position in the batch"),
});
