/** Looks at what a process of collectors sent; it may have been taken over by a script. */
import { z } from "zod";
import { MESSAGE_CHARS_MAX } from "../sandbox_protocol.ts";
import type { FromKeeper } from "./messages.ts";

const cell = z.int().nonnegative();
const words = z.string().max(MESSAGE_CHARS_MAX);

const schema = z.discriminatedUnion("type", [
  z.strictObject({
    type: z.literal("ready"),
    walls: z.strictObject({
      landlock: z.int().min(0).max(1_000),
      tcp: z.boolean(),
      calls: z.boolean(),
      uid: z.int().nonnegative().optional(),
      missing: words.optional(),
    }),
  }),
  // what a Worker says is looked at by its cell
  z.strictObject({ type: z.literal("said"), cell, message: z.unknown() }),
  z.strictObject({ type: z.literal("broken"), cell, message: words }),
]);

/** The message, or undefined when it is none of ours. */
export function readFromKeeper(data: unknown): FromKeeper | undefined {
  const parsed = schema.safeParse(data);
  return parsed.success ? parsed.data : undefined;
}
