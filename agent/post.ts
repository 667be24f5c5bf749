/** One request to the server, with a deadline. */
import { gzipSync } from "node:zlib";
import type { Clock } from "../clock.ts";
import { whyUnreachable } from "../unreachable.ts";
import type { Ask } from "./server_trust.ts";
import type { ServerAnswer } from "./server_answer.ts";

export interface PostOptions {
  /** Base URL without a trailing slash. */
  server: string;
  /** The header Authorization for this body as it travels. Default: none. */
  authorization?: (body: string | Uint8Array) => string | undefined;
  timeout_ms: number;
  /** Large bodies are packed. */
  compress: boolean;
  clock: Clock;
  /** How to ask the server: server_trust.ts. Default: fetch. */
  ask?: Ask;
}

/** Batches of a backlog are: they shrink to an eighth. A single report is not worth the work. */
const COMPRESS_BYTES_MIN = 32 * 1024;
/** Level 3 takes 3 ms for a full batch; 6 takes three times as long for a tenth less. */
const COMPRESS_LEVEL = 3;

/** The answer, and what it took. */
export interface PostedAnswer extends ServerAnswer {
  /** Of the body, as it travelled. */
  sent_bytes: number;
}

/** An answer with faults has a few kB; what is longer is not ours. */
const ANSWER_BYTES_MAX = 256 * 1024;

/** Posts a body of JSON. Rejects with a sentence when there was no answer in time. */
export async function post(
  path: "/metrics" | "/api/v1/join",
  body: string,
  options: PostOptions & { signal: AbortSignal },
): Promise<PostedAnswer> {
  const { server, timeout_ms, clock, signal, ask = fetch } = options;
  const packed = options.compress && body.length >= COMPRESS_BYTES_MIN
    ? gzipSync(body, { level: COMPRESS_LEVEL })
    : undefined;
  const travelling = packed === undefined ? body : new Uint8Array(packed);
  const authorization = options.authorization?.(travelling);
  const request = new AbortController();
  const answered = new AbortController();
  const stop = () => request.abort(new Error("the agent is stopping"));
  signal.addEventListener("abort", stop, { once: true });
  if (signal.aborted) stop();
  void clock.sleep(timeout_ms, answered.signal).then(() => {
    request.abort(new Error(`no answer within ${timeout_ms / 1000} s`));
  });
  try {
    const response = await ask(server + path, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        "user-agent": "monitor-agent",
        ...(packed === undefined ? {} : { "content-encoding": "gzip" }),
        ...(authorization === undefined ? {} : { authorization }),
      },
      body: travelling,
      // A redirected POST becomes a GET, whose 200 would look like success.
      redirect: "manual",
      signal: request.signal,
    });
    return {
      status: response.status,
      retry_after: response.headers.get("retry-after"),
      location: response.headers.get("location"),
      date: response.headers.get("date"),
      sent_bytes: packed?.length ?? body.length,
      body: await readText(response),
    };
  } catch (error) {
    throw new Error(whyUnreachable(request.signal.aborted ? request.signal.reason : error));
  } finally {
    answered.abort();
    signal.removeEventListener("abort", stop);
  }
}

/** The text of an answer, cut where it is longer than any of ours. */
async function readText(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length > ANSWER_BYTES_MAX) break;
  }
  return text;
}
