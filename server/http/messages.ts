/** `GET /api/v1/messages`: what a host has said with its values, or instead of them. */
import { z } from "zod";
import { shown } from "../../report.ts";
import { NotFoundError } from "../query/context.ts";
import { readParameters } from "./fetch.ts";
import { INSTANT_FORMS, INSTANT_MS_MAX, instantParameter } from "./instant.ts";
import { messagesSchema } from "../wire/host.ts";
import type { Routes } from "./routes.ts";

/** What this route needs. */
export interface MessagesRoute {
  /** The host's id, or undefined. */
  hostId(hostname: string): Promise<number | undefined>;
  /** The newest first. */
  messages(range: {
    host_id: number;
    from_ms: number;
    to_ms: number;
    limit: number;
    after?: { at_ms: number; metric: string };
  }): Promise<{ metric: string; at_ms: number; message: string }[]>;
  now(): number;
}

const LIMIT_DEFAULT = 500;
const LIMIT_MAX = 5_000;

/** The last of the page before: when it was said, and about what. */
const cursor = z.string().transform((text, context) => {
  const [, at_ms, metric] = /^(\d+(?:\.\d+)?)-(.+)$/.exec(text) ?? [];
  if (metric !== undefined && Number(at_ms) <= INSTANT_MS_MAX) {
    return { at_ms: Number(at_ms), metric };
  }
  context.addIssue("must be the next of the page before");
  return z.NEVER;
});

const parametersSchema = (now_ms: number) =>
  z.strictObject({
    host: z.string("must be given: the name of a host"),
    from: instantParameter(now_ms).default(now_ms - 3_600_000).describe(
      `An hour ago; ${INSTANT_FORMS}`,
    ),
    to: instantParameter(now_ms).default(now_ms).describe(`Now; ${INSTANT_FORMS}`),
    limit: z.coerce.number({
      error: (issue) => `must be a whole number: current value is ${shown(issue.input)}`,
    }).int("must be a whole number").min(1, "must be at least 1")
      .max(LIMIT_MAX, `must be at most ${LIMIT_MAX}`).default(LIMIT_DEFAULT),
    after: cursor.optional().describe("The next of the page before"),
  }, {
    error: (issue) =>
      issue.code === "unrecognized_keys"
        ? `there is no parameter ${issue.keys.join(", ")}: known are host, from, to, limit, after`
        : undefined,
  }).refine(({ from, to }) => from <= to, { path: ["from"], error: "must not be after to" });

export function messagesRoute(routes: Routes, route: MessagesRoute): void {
  routes.get("/api/v1/messages", {
    access: "viewer",
    summary: "What hosts have said with their values",
    query: parametersSchema(0),
    answer: messagesSchema,
    errors: [404],
    example: { path: "/api/v1/messages?host=web-1" },
  }, async (c) => {
    const { host, from, to, limit, after } = readParameters(c, parametersSchema(route.now()));
    const host_id = await route.hostId(host);
    if (host_id === undefined) throw new NotFoundError(`Cannot find host ${shown(host)}`);
    const range = { host_id, from_ms: from, to_ms: to, after };
    const found = await route.messages({ ...range, limit: limit + 1 });
    const page = found.slice(0, limit);
    const last = found.length > limit ? page.at(-1) : undefined;
    return c.json({
      messages: page.map(({ metric, at_ms, message }) => ({ metric, at: at_ms / 1000, message })),
      next: last === undefined ? null : `${last.at_ms}-${last.metric}`,
    });
  });
}
