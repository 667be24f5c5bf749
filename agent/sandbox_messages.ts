/** Looks at what a Worker said, on the trusted side: nothing but plain, bounded data passes. */
import { z } from "zod";
import { type FromWorker, MESSAGE_CHARS_MAX, RESULT_CHARS_MAX } from "./sandbox_protocol.ts";

const request = z.int().nonnegative();
const words = z.string().transform((text) => text.slice(0, MESSAGE_CHARS_MAX));
/** An argument of a host call, as text: none of them needs more. */
const ARGUMENT_CHARS_MAX = 64 * 1024;

const schema = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("turn"), request }),
  z.strictObject({
    type: z.literal("done"),
    request,
    json: z.string().max(RESULT_CHARS_MAX).optional(),
  }),
  z.strictObject({ type: z.literal("failed"), request, message: words }),
  z.strictObject({
    type: z.literal("call"),
    call: request,
    request,
    method: z.string().max(100),
    argument: z.unknown().refine(isShort).optional(),
  }),
  z.strictObject({ type: z.literal("stray"), message: words, script: words.optional() }),
  z.strictObject({ type: z.literal("console"), message: words }),
  z.strictObject({ type: z.literal("pong") }),
]);

function isShort(argument: unknown): boolean {
  if (typeof argument === "number" || typeof argument === "boolean") return true;
  if (argument === undefined || argument === null) return true;
  return (JSON.stringify(argument) ?? "").length <= ARGUMENT_CHARS_MAX;
}

const ending = z.looseObject({ type: z.enum(["done", "failed"]), request });

/** The message, or undefined when it is none of ours. An end of a run is one, whatever it says. */
export function readFromWorker(data: unknown): FromWorker | undefined {
  const parsed = schema.safeParse(data);
  if (parsed.success) return parsed.data;
  const ended = ending.safeParse(data);
  if (!ended.success) return undefined;
  const message = "returned what is too long, or of no form that can be read";
  return { type: "failed", request: ended.data.request, message };
}
