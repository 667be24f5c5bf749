/**
 * Errors as answers: RFC 9457 under /api/v1, and everywhere for who asks for it; the paths of the
 * Python Monitoring System answer `{"error": …}`, which is a part of the other form, too.
 */
import type { Context } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { z } from "zod";
import { isRetryable, isUnfitValue } from "../../db/sqlstate.ts";
import type { Fault } from "../../report.ts";
import { REQUEST_ID_HEADER, requestId } from "./request_log.ts";

export const PROBLEM_TYPE = "application/problem+json";

/** A kind of error; `/api#<type>` stays what it is, texts may change. */
interface Kind {
  status: ContentfulStatusCode;
  title: string;
}

/** All kinds by their type, as docs/api.md lists them. */
export const PROBLEMS = {
  "wrong-request": { status: 400, title: "The request is not as it has to be" },
  "unreadable-body": { status: 400, title: "The body cannot be read" },
  "refused-report": { status: 400, title: "The reports cannot be taken" },
  "wrong-rule": { status: 400, title: "The rule is not as it has to be" },
  "unfit-value": { status: 400, title: "A value is beyond what can be stored" },
  "too-much": { status: 400, title: "The question would read too much" },
  "unauthorized": { status: 401, title: "It is not known who asks" },
  "forbidden": { status: 403, title: "Whoever asks may not" },
  "not-found": { status: 404, title: "There is no such thing" },
  "slow-body": { status: 408, title: "The body came too slowly" },
  "conflict": { status: 409, title: "It contradicts what there is" },
  "large-body": { status: 413, title: "The body is too large" },
  "too-fast": { status: 429, title: "Too many requests from there" },
  "internal": { status: 500, title: "The server has a fault" },
  "busy": { status: 503, title: "There is too much to do just now" },
  "no-database": { status: 503, title: "The database cannot be reached just now" },
} as const satisfies Record<string, Kind>;

export type ProblemName = keyof typeof PROBLEMS;

/** By the names of errors, so that the steps need not know HTTP. */
const BY_ERROR: Readonly<Record<string, ProblemName>> = {
  RefusedError: "refused-report",
  ParameterError: "wrong-request",
  BodyUnreadableError: "unreadable-body",
  TooMuchError: "too-much",
  RuleRefusedError: "wrong-rule",
  UnauthorizedError: "unauthorized",
  ForbiddenError: "forbidden",
  HostForbiddenError: "forbidden",
  NotFoundError: "not-found",
  RuleConflictError: "conflict",
  IncidentOverError: "conflict",
  BodyTooSlowError: "slow-body",
  BodyTooLargeError: "large-body",
  TooManyFailuresError: "too-fast",
  TooFastError: "too-fast",
  QueueFullError: "busy",
  CrowdedError: "busy",
  TooLongError: "busy",
  // nobody hears it
  GivenUpError: "busy",
};

/** Seconds a sender should wait when the database is away. */
const DATABASE_RETRY_S = 5;

export interface Problem {
  name: ProblemName;
  /** What is wrong, for people. */
  detail: string;
  /** Seconds. */
  retry_after_s?: number;
  /** Faults by the field they are in. */
  faults?: readonly Fault[];
  /** Of reports. */
  refused?: unknown;
}

const extras = z.object({
  retry_after_s: z.number().optional(),
  faults: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
  refused: z.unknown().optional(),
});

/** What an error is for whoever asked; undefined: a bug of ours. */
export function problemOf(error: Error): Problem | undefined {
  const name = Object.hasOwn(BY_ERROR, error.name) ? BY_ERROR[error.name] : undefined;
  if (name !== undefined) {
    return { name, detail: error.message, ...extras.safeParse(error).data };
  }
  if (isRetryable(error)) {
    return {
      name: "no-database",
      detail: "Cannot reach the database just now; nothing was stored",
      retry_after_s: DATABASE_RETRY_S,
    };
  }
  if (!isUnfitValue(error)) return undefined;
  // ids beyond any id, times beyond all calendars, texts with a NUL: nothing can have them
  return { name: "unfit-value", detail: `Cannot use a value of the request: ${error.message}` };
}

/** Whether a path's errors are problems for everybody. */
export function isProblemPath(path: string): boolean {
  return path.startsWith("/api/");
}

export function answerProblem(c: Context, problem: Problem): Response {
  const { name, detail, retry_after_s, faults = [], refused } = problem;
  const { status, title } = PROBLEMS[name];
  if (retry_after_s !== undefined) c.header("retry-after", String(retry_after_s));
  c.header(REQUEST_ID_HEADER, requestId(c.req.raw));
  if (status === 401) c.header("www-authenticate", 'Bearer realm="monitor"');
  const told = { error: detail, ...(refused !== undefined && { refused }) };
  const isProblem = isProblemPath(c.req.path) ||
    (c.req.header("accept")?.includes(PROBLEM_TYPE) ?? false);
  if (!isProblem) return c.json(told, status);
  const body = {
    type: `/api#${name}`,
    title,
    status,
    detail,
    ...told,
    ...(faults.length > 0 && { errors: faults }),
  };
  return c.json(body, status, { "content-type": PROBLEM_TYPE });
}
