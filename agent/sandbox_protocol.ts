/**
 * What the trusted side (sandbox_cell.ts) and a Worker (sandbox_worker.ts) say to each other. What
 * comes from a Worker is data of unknown scripts: `readFromWorker` looks at it before anybody else.
 *
 * Results travel as JSON text. Parsing gives nothing but plain data, and its length is known before.
 */

export type ToWorker =
  /** First message; `focus[0]` is where the Worker notes the request it is working on. */
  | { type: "start"; focus: Int32Array<SharedArrayBuffer>; platform: string }
  | { type: "load"; request: number; script: string; text: string }
  | { type: "collect"; request: number; script: string; options: Record<string, unknown> }
  | { type: "forget"; script: string }
  | { type: "reply"; call: number; value: unknown }
  | { type: "refuse"; call: number; message: string }
  /** Answered at once by a Worker whose thread is free. */
  | { type: "ping" };

export type FromWorker =
  /** `json` is the metadata of a loaded script, or what `collect()` returned. */
  | { type: "done"; request: number; json: string | undefined }
  | { type: "failed"; request: number; message: string }
  | { type: "call"; call: number; request: number; method: string; argument: unknown }
  /** Something a script left behind: an error nobody awaited, or lines for the console. */
  | { type: "stray"; message: string; script?: string }
  | { type: "console"; message: string }
  | { type: "pong" };

/** A report of 10,000 metrics with long names fits. */
export const RESULT_CHARS_MAX = 2 * 1024 * 1024;
/** An error message is for a log line. */
export const MESSAGE_CHARS_MAX = 1_000;

/** The message a Worker sent, or undefined when it is none of ours. */
export function readFromWorker(data: unknown): FromWorker | undefined {
  if (typeof data !== "object" || data === null) return undefined;
  const field = (key: string): unknown => Reflect.get(data, key);
  const [type, request, call] = [field("type"), field("request"), field("call")];
  const message = shortText(field("message"));
  if (type === "pong") return { type };
  if (type === "console") return { type, message };
  if (type === "stray") return { type, message, script: shortText(field("script")) || undefined };
  if (typeof request !== "number") return undefined;
  if (type === "failed") return { type, request, message };
  if (type === "done") {
    const json = field("json");
    if (json === undefined) return { type, request, json };
    if (typeof json !== "string" || json.length > RESULT_CHARS_MAX) {
      return { type: "failed", request, message: `result is too long` };
    }
    return { type, request, json };
  }
  const method = field("method");
  if (type !== "call" || typeof call !== "number" || typeof method !== "string") return undefined;
  return { type, call, request, method, argument: field("argument") };
}

function shortText(value: unknown): string {
  return typeof value === "string" ? value.slice(0, MESSAGE_CHARS_MAX) : "";
}
