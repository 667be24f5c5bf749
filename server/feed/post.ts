/** One request to `POST /metrics`, with a deadline. */
import type { Clock } from "../../clock.ts";
import type { Post } from "./sender.ts";

/** A server that writes a large batch to a slow disk takes seconds, not minutes. */
const ANSWER_MS_MAX = 60_000;

/** The engine says "fetch failed"; its cause is a long sentence that ends with the reason. */
function whyUnanswered(error: unknown): string {
  const told = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const text = told instanceof Error ? told.message : String(told);
  if (/connection refused/i.test(text)) return "connection refused, nothing listens there";
  return text.split(": ").at(-1) ?? text;
}

/**
 * `server` is a base URL without a slash at its end; `headers` are sent besides; `client` says which
 * certificates are trusted.
 */
export function httpPost(
  server: string,
  clock: Clock,
  { headers = {}, client }: { headers?: Record<string, string>; client?: Deno.HttpClient } = {},
): Post {
  return async (body, signal) => {
    const late = new AbortController();
    const answered = new AbortController();
    void clock.sleep(ANSWER_MS_MAX, answered.signal).then(() => {
      if (!answered.signal.aborted) late.abort();
    });
    try {
      const response = await fetch(`${server}/metrics`, {
        method: "POST",
        headers: { "content-type": "application/json", ...headers },
        body,
        ...(client === undefined ? {} : { client }),
        // a redirected POST would become a GET, whose 200 looks like success
        redirect: "manual",
        signal: AbortSignal.any([signal, late.signal]),
      });
      const { status, headers: answered_with } = response;
      const retry_after = answered_with.get("retry-after");
      return { status, retry_after, body: await response.text() };
    } catch (error) {
      if (late.signal.aborted) throw new Error(`no answer within ${ANSWER_MS_MAX / 1000} s`);
      throw new Error(whyUnanswered(error));
    } finally {
      answered.abort();
    }
  };
}
