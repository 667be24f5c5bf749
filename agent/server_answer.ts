/**
 * What an answer of the server to `POST /metrics` means for the reports that were sent. Pure: the
 * sender does what is said here.
 */
import { retryAfterMs } from "./backoff.ts";

export type Verdict =
  /** All of the batch is settled: stored, known already, or refused for the reasons given. */
  | { kind: "settled"; stored: number; duplicate: number; refused: RefusedReport[] }
  /** The batch as a whole was refused; alone its reports may do better. */
  | { kind: "split"; reason: string }
  /** Nothing was stored. `hint` says what a person can do, when a person must do something. */
  | { kind: "retry"; reason: string; hint?: string; retry_after_ms?: number };

export interface RefusedReport {
  /** Its position in the batch, when the server told it. */
  index?: number;
  reason: string;
}

export interface ServerAnswer {
  status: number;
  retry_after: string | null;
  location: string | null;
  /** The server's time of day, in whole seconds. */
  date: string | null;
  body: string;
}

/** Reasons kept from one answer; the rest only counts. */
const REASON_CHARS_MAX = 300;

function parsed(body: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === "object" && value !== null ? { ...value } : undefined;
  } catch {
    // Not ours: a proxy, a sign-in page, some other server.
    return undefined;
  }
}

function count(value: unknown): number | undefined {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 ? value : undefined;
}

function reasonOf(status: number, body: string): string {
  const error = parsed(body)?.error;
  const text = typeof error === "string" ? error : body.replaceAll(/\s+/g, " ").trim();
  return `${status}${text === "" ? "" : ` ${text.slice(0, REASON_CHARS_MAX)}`}`;
}

/** Refused reports by the faults the server lists: one text for each report, by its index. */
function refusals(reply: Record<string, unknown> | undefined, reports: number): RefusedReport[] {
  const listed = Array.isArray(reply?.refused) ? reply.refused : [];
  const by_index = new Map<number, string>();
  for (const entry of listed) {
    if (typeof entry !== "object" || entry === null) continue;
    const { index, path, message }: Record<string, unknown> = { ...entry };
    const at = count(index);
    if (at === undefined || at >= reports || by_index.has(at)) continue;
    by_index.set(at, `${String(path ?? "")} ${String(message ?? "")}`.slice(0, REASON_CHARS_MAX));
  }
  return [...by_index].map(([index, reason]) => ({ index, reason }));
}

function received(answer: ServerAnswer, reports: number): Verdict {
  const reply = parsed(answer.body);
  if (reply?.status !== "received") {
    return {
      kind: "retry",
      reason: `${answer.status}, but not the answer of a monitor server`,
      hint: "Check the server's URL: something else answers there",
    };
  }
  const refused = refusals(reply, reports);
  // Each report of ours is one of the three, whatever the server counts.
  const duplicate = Math.min(count(reply.duplicate) ?? 0, reports - refused.length);
  const others = reports - refused.length - duplicate;
  // The original server answers without numbers: then all of it is stored.
  const stored = Math.min(count(reply.stored) ?? others, others);
  const unexplained = reports - stored - duplicate - refused.length;
  // More were refused than the answer lists reasons for.
  for (let i = 0; i < unexplained; i++) refused.push({ reason: "the server gave no reason" });
  return { kind: "settled", stored, duplicate, refused };
}

/** Reads the answer to a request with this many reports. */
export function verdictOf(
  answer: ServerAnswer,
  options: { reports: number; now_ms: number },
): Verdict {
  const { status, body } = answer;
  const { reports } = options;
  const reason = reasonOf(status, body);
  if (status >= 200 && status < 300) return received(answer, reports);
  if (status >= 300 && status < 400) {
    const hint = `Set the server's URL to where it redirects: ${answer.location ?? "unknown"}`;
    return { kind: "retry", reason: `${status} redirect`, hint };
  }
  if (status === 401 || status === 403) {
    const hint = status === 401
      ? "Give the agent a token (MONITOR_AGENT_TOKEN, or token_file in its configuration), or a new " +
        "join code (MONITOR_AGENT_JOIN) and start it again"
      : "This agent's token may not report for this host: check its rights on the server";
    return { kind: "retry", reason, hint };
  }
  if (status === 404 || status === 405) {
    const hint = "Check the server's URL: there is no POST /metrics";
    return { kind: "retry", reason, hint };
  }
  const temporary = status >= 500 || status === 408 || status === 425 || status === 429;
  if (temporary) {
    const retry_after_ms = retryAfterMs(answer.retry_after, options.now_ms);
    return { kind: "retry", reason, ...(retry_after_ms === undefined ? {} : { retry_after_ms }) };
  }
  if (reports > 1) return { kind: "split", reason };
  return { kind: "settled", stored: 0, duplicate: 0, refused: [{ index: 0, reason }] };
}
