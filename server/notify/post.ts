/**
 * One HTTP request of a channel, and what its answer means. Redirects are not followed: the body and
 * its signature were made for the address in the settings, and a receiver that has moved is a setting
 * to repair.
 */
import type { Delivery, SendContext } from "./channel.ts";
import { startDeadline } from "./deadline.ts";

export interface PostOptions {
  url: string;
  /** JSON unless `content_type` says otherwise. */
  body: string;
  content_type?: string;
  headers?: Record<string, string>;
  timeout_s: number;
  method?: "POST" | "PUT";
  /** Reads more out of an answer than its status says. */
  read?: (answer: { status: number; text: string }) => Delivery | undefined;
}

/** Enough of an answer to see what the receiver did not like. */
const ANSWER_CHARS_MAX = 200;
const ANSWER_BYTES_MAX = 16 * 1024;
/** A receiver that wants us to come back in a week would be forgotten by then. */
const RETRY_AFTER_MS_MAX = 3_600_000;

/** Statuses besides 5xx that a later attempt may not get. */
const RETRYABLE = [408, 425, 429];

/** Printable, one line, short. */
function excerpt(text: string): string {
  const plain = text.replaceAll(/\p{C}+|\s+/gu, " ").trim();
  return plain.length > ANSWER_CHARS_MAX ? `${plain.slice(0, ANSWER_CHARS_MAX)}…` : plain;
}

/** Seconds or a date, as in HTTP; undefined when there is none that can be read. */
export function retryAfterMs(text: string | null, now_ms: number): number | undefined {
  if (text === null) return undefined;
  const ms = /^\d+(\.\d+)?$/.test(text.trim()) ? Number(text) * 1000 : Date.parse(text) - now_ms;
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(0, ms), RETRY_AFTER_MS_MAX);
}

/** The beginning of the answer; a receiver that goes on for ever is left. */
async function readText(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk, { stream: true });
    bytes += chunk.length;
    if (bytes > ANSWER_BYTES_MAX) break;
  }
  return text;
}

/** The engine's sentence names the whole URL; only its reason is for people. */
function whyFailed(error: unknown): string {
  const told = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const text = told instanceof Error ? told.message : String(told);
  if (/connection refused/i.test(text)) return "connection refused, nothing listens there";
  if (/dns error|failed to lookup/i.test(text)) return "no machine of this name is known";
  return text.replaceAll(/\bhttps?:\/\/\S+/g, "…").split(": ").at(-1) ?? "no connection";
}

/** Where a request goes, without what may be a secret: path, query and user. */
export function placeOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : "the receiver";
}

export async function post(options: PostOptions, context: SendContext): Promise<Delivery> {
  const { url, body, content_type = "application/json", timeout_s, method = "POST" } = options;
  const place = placeOf(url);
  using deadline = startDeadline(timeout_s, context.signal);
  let response: Response;
  let text: string;
  try {
    response = await fetch(url, {
      method,
      body,
      redirect: "manual",
      headers: { "content-type": content_type, "user-agent": "monitor", ...options.headers },
      signal: deadline.signal,
    });
    text = await readText(response);
  } catch (error) {
    if (deadline.late) {
      return { outcome: "retryable", why: `${place} did not answer within ${timeout_s} s` };
    }
    return { outcome: "retryable", why: `Cannot reach ${place}: ${whyFailed(error)}` };
  }
  const { status, headers } = response;
  const read = options.read?.({ status, text });
  if (read !== undefined) return read;
  if (response.ok) return { outcome: "delivered" };
  const said = excerpt(text);
  const why = `${place} answered ${status}${said === "" ? "" : `: ${said}`}`;
  if (status >= 500 || RETRYABLE.includes(status)) {
    const retry_after_ms = retryAfterMs(headers.get("retry-after"), context.clock.now());
    return { outcome: "retryable", why, retry_after_ms };
  }
  return { outcome: "permanent", why };
}
