/** `GET /fetch/…`: what the original's clients read. */
import type { Context, Hono } from "hono";
import { z } from "zod";
import { shown } from "../../report.ts";
import type { HistoryQuery, Sample } from "../query/history.ts";

/** What these routes need of the query step. */
export interface FetchRoute {
  latestJson(hostname?: string): Promise<string>;
  history(query: HistoryQuery): Promise<Sample[]>;
  hosts(): Promise<HostListing[]>;
}

export interface HostListing {
  hostname: string;
  additional_data: { alias: string | null; location: string | null };
  tags: Record<string, string>;
}

/** A request parameter is wrong. */
export class ParameterError extends Error {
  override name = "ParameterError";
}

const HISTORY_LIMIT = 1_000;
const HISTORY_LIMIT_MAX = 100_000;
/** The last moment PostgreSQL and JavaScript agree on: the year 9999. */
const SECONDS_MAX = 253_402_300_799;

const seconds = z.coerce.number({
  error: (issue) => `must be seconds since 1970: current value is ${shown(issue.input)}`,
})
  .min(0, "must be at least 0").max(SECONDS_MAX, "must be in seconds, not milliseconds");

const historyParameters = z.object({
  start: seconds.default(0),
  end: seconds.default(SECONDS_MAX),
  limit: z.coerce.number({
    error: (issue) => `must be a whole number: current value is ${shown(issue.input)}`,
  })
    .int("must be a whole number").min(1, "must be at least 1")
    .max(HISTORY_LIMIT_MAX, `must be at most ${HISTORY_LIMIT_MAX}`).default(HISTORY_LIMIT),
}).refine((range) => range.start <= range.end, { path: ["start"], error: "must not be after end" });

function parameters<T>(c: Context, schema: z.ZodType<T>): T {
  // an empty parameter (`?start=`) is one not given
  const given = Object.entries(c.req.query()).filter(([, value]) => value !== "");
  const parsed = schema.safeParse(Object.fromEntries(given));
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map((issue) => `${issue.path.join(".")} ${issue.message}`);
  throw new ParameterError(`Cannot read the parameters: ${faults.join("; ")}`);
}

export function fetchRoutes(app: Hono, route: FetchRoute): void {
  app.get("/fetch/latest", async (c) => {
    const hostname = c.req.query("hostname");
    const json = await route.latestJson(hostname === "" ? undefined : hostname);
    return c.body(json, 200, { "content-type": "application/json" });
  });

  app.get("/fetch/hosts", async (c) => c.json(await route.hosts()));

  app.get("/fetch/history/:hostname/:metric", async (c) => {
    const { start, end, limit } = parameters(c, historyParameters);
    const samples = await route.history({
      hostname: c.req.param("hostname"),
      metric: c.req.param("metric"),
      from_ms: Math.ceil(start * 1000),
      to_ms: Math.floor(end * 1000),
      limit,
    });
    return c.json(samples.map(([at_ms, value]) => [at_ms / 1000, value]));
  });
}
