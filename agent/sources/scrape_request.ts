/** One GET of an exporter's page, bounded in time and in bytes after decompression. */
import type { Clock } from "../../clock.ts";
import { whyUnreachable } from "../../unreachable.ts";
import type { ExpositionFormat } from "./exposition.ts";

export interface ScrapeRequest {
  url: string;
  token?: string;
  timeout_ms: number;
  bytes_max: number;
  clock: Clock;
  /** Ends it early. */
  signal: AbortSignal;
}

export type ScrapeAnswer =
  | { kind: "page"; text: string; format: ExpositionFormat }
  | { kind: "failed" | "timeout"; message: string }
  | { kind: "lost"; message: string };

/**
 * Prometheus text first: OpenMetrics puts `_total` behind counters that the exporter calls otherwise,
 * and what a person sees with curl should be what is stored.
 */
const ACCEPT =
  "text/plain;version=0.0.4,application/openmetrics-text;version=1.0.0;q=0.5,*/*;q=0.1";

/** Asks once. Never rejects. */
export async function getPage(request: ScrapeRequest): Promise<ScrapeAnswer> {
  const { url, token, timeout_ms, bytes_max, clock, signal } = request;
  const over = new AbortController();
  const fetching = new AbortController();
  let late = false;
  const stop = () => fetching.abort(new Error("it was stopped"));
  signal.addEventListener("abort", stop, { once: true });
  if (signal.aborted) stop();
  const deadline = clock.sleep(timeout_ms, over.signal).then(() => {
    if (over.signal.aborted) return;
    late = true;
    fetching.abort(new Error(`no complete answer within ${timeout_ms} ms`));
  });
  try {
    const response = await fetch(url, {
      headers: {
        accept: ACCEPT,
        "user-agent": "monitor-agent",
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
      // The token is for this place and no other.
      redirect: "manual",
      signal: fetching.signal,
    });
    if (response.status !== 200) {
      await response.body?.cancel();
      return { kind: "failed", message: statusText(response) };
    }
    const text = await readText(response, bytes_max);
    if (text === undefined) {
      return { kind: "failed", message: `the answer has more than bytes_max (${bytes_max})` };
    }
    return { kind: "page", text, format: formatOf(response) };
  } catch (error) {
    const message = whyUnreachable(fetching.signal.aborted ? fetching.signal.reason : error);
    return { kind: signal.aborted ? "lost" : late ? "timeout" : "failed", message };
  } finally {
    over.abort();
    signal.removeEventListener("abort", stop);
    await deadline;
  }
}

function formatOf(response: Response): ExpositionFormat {
  const type = response.headers.get("content-type") ?? "";
  return type.startsWith("application/openmetrics-text") ? "openmetrics" : "text";
}

function statusText({ status, headers }: Response): string {
  const location = headers.get("location");
  if (status >= 300 && status < 400 && location !== null) {
    return `it is elsewhere (${status}): set url to ${location.slice(0, 200)}`;
  }
  const hint = status === 401 || status === 403 ? ": see token_file" : "";
  return `the answer has the status ${status}${hint}`;
}

/** The text, or undefined when there is too much of it. */
async function readText(response: Response, bytes_max: number): Promise<string | undefined> {
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    // Leaving the loop ends the transfer.
    if (bytes > bytes_max) return undefined;
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}
