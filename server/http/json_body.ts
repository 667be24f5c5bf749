/** Small bodies of JSON: read with a limit, checked by a schema, faults with their places. */
import type { Context } from "hono";
import { z } from "zod";
import { ParameterError, parameterError } from "./fetch.ts";
import "./principal.ts";

/** A rules file of two thousand rules has less. */
const BYTES_MAX = 4 * 1024 * 1024;

/** @throws ParameterError when it is too long or no JSON */
export async function readJson(c: Context): Promise<unknown> {
  const declared = Number(c.req.header("content-length") ?? 0);
  const text = declared > BYTES_MAX ? undefined : await textWithin(c.req.raw);
  if (text === undefined) {
    throw new ParameterError(`Cannot read the body: it has more than ${BYTES_MAX} bytes`);
  }
  if (text.trim() === "") return {};
  try {
    const said: unknown = JSON.parse(text);
    c.set("said", said);
    return said;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new ParameterError(`Cannot read the body: it must be JSON: ${why}`);
  }
}

async function textWithin(request: Request): Promise<string | undefined> {
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  for await (const piece of request.body ?? []) {
    bytes += piece.length;
    if (bytes > BYTES_MAX) return undefined;
    text += decoder.decode(piece, { stream: true });
  }
  return text + decoder.decode();
}

/** @throws ParameterError with every fault */
export async function readBody<T>(c: Context, schema: z.ZodType<T>): Promise<T> {
  const parsed = schema.safeParse(await readJson(c));
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.flatMap(({ path, ...issue }) =>
    issue.code === "unrecognized_keys"
      ? issue.keys.map((key) => ({
        path: [...path, key].join("."),
        message: "is no field there is",
      }))
      : [{ path: path.join("."), message: issue.message }]
  );
  throw parameterError("Cannot read the body", faults);
}

/** A whole number in a path. @throws ParameterError */
export function readId(c: Context): number {
  const text = c.req.param("id") ?? "";
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new ParameterError(`Cannot read the path: the id must be a number: it is "${text}"`);
}
