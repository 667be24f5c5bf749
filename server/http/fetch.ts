/** `GET /fetch/…`: what the original's clients read. */
import type { Context } from "hono";
import { z } from "zod";
import { TIER_NAMES } from "../../db/tiers.ts";
import { type Fault, shown } from "../../report.ts";
import type { HistoryQuery, Sample } from "../query/history.ts";
import { historySchema, hostListSchema, latestSchema } from "../wire/host.ts";
import type { Routes } from "./routes.ts";

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
  /** @param faults By the field they are in, where that is known. */
  constructor(message: string, readonly faults: readonly Fault[] = []) {
    super(message);
  }
}

const HISTORY_LIMIT = 1_000;
const HISTORY_LIMIT_MAX = 100_000;
/** Two for each of the steps a span may lie in. */
const HISTORY_POINTS_MIN = 4;
const HISTORY_POINTS_MAX = 20_000;
/** The last moment PostgreSQL and JavaScript agree on: the year 9999. */
const SECONDS_MAX = 253_402_300_799;

const seconds = z.coerce.number({
  error: (issue) => `must be seconds since 1970: current value is ${shown(issue.input)}`,
})
  .min(0, "must be at least 0").max(SECONDS_MAX, "must be in seconds, not milliseconds");

const count = (least: number, most: number) =>
  z.coerce.number({
    error: (issue) => `must be a whole number: current value is ${shown(issue.input)}`,
  }).int("must be a whole number").min(least, `must be at least ${least}`)
    .max(most, `must be at most ${most}`);

const hostnameParameters = z.object({ hostname: z.string().optional() });

const historyParameters = z.object({
  start: seconds.default(0),
  end: seconds.default(SECONDS_MAX),
  limit: count(1, HISTORY_LIMIT_MAX).optional(),
  points: count(HISTORY_POINTS_MIN, HISTORY_POINTS_MAX).optional(),
  tier: z.enum(TIER_NAMES, `must be one of ${TIER_NAMES.join(", ")}`).optional(),
}).refine((range) => range.start <= range.end, { path: ["start"], error: "must not be after end" });

/**
 * Reads the query's parameters; an empty one (`?start=`) is one not given.
 * @param options.lists What was read of parameters that may come more than once.
 * @param options.ignored Names that are a part of these.
 */
export function readParameters<T>(
  c: Context,
  schema: z.ZodType<T>,
  options: { lists?: object; ignored?: readonly string[] } = {},
): T {
  const given = Object.entries(c.req.query())
    .filter(([name, value]) => value !== "" && !options.ignored?.includes(name));
  const parsed = schema.safeParse({ ...Object.fromEntries(given), ...options.lists });
  if (parsed.success) return parsed.data;
  throw parameterError("Cannot read the parameters", faultsOf(parsed.error));
}

/** What a schema found, by the field it is in. */
export function faultsOf(error: z.ZodError): Fault[] {
  return error.issues.map(({ path, message }) => ({ path: path.join("."), message }));
}

export function parameterError(what: string, faults: readonly Fault[]): ParameterError {
  const texts = faults.map(({ path, message }) => path === "" ? message : `${path} ${message}`);
  return new ParameterError(`${what}: ${texts.join("; ")}`, faults);
}

export function fetchRoutes(routes: Routes, route: FetchRoute): void {
  routes.get("/fetch/latest", {
    access: "viewer",
    summary: "The newest values of all hosts, or of one",
    query: hostnameParameters,
    answer: latestSchema,
    errors: [404],
  }, async (c) => {
    const hostname = c.req.query("hostname");
    const json = await route.latestJson(hostname === "" ? undefined : hostname);
    return c.body(json, 200, { "content-type": "application/json" });
  });

  routes.get(
    "/fetch/hosts",
    { access: "viewer", summary: "Hosts that report", answer: hostListSchema },
    async (c) => c.json(await route.hosts()),
  );

  routes.get("/fetch/history/:hostname/:metric", {
    access: "viewer",
    summary: "One metric's samples, newest first",
    query: historyParameters,
    answer: historySchema,
    example: { path: "/fetch/history/web-1/cpu_usage" },
  }, async (c) => {
    const { start, end, limit, points, tier } = readParameters(c, historyParameters);
    const samples = await route.history({
      hostname: c.req.param("hostname"),
      metric: c.req.param("metric"),
      from_ms: Math.ceil(start * 1000),
      to_ms: Math.floor(end * 1000),
      // points are a limit themselves
      limit: limit ?? points ?? HISTORY_LIMIT,
      points,
      tier,
      signal: c.req.raw.signal,
    });
    return c.body(pairsJson(samples), 200, { "content-type": "application/json" });
  });
}

/**
 * In one piece: text put together pair by pair takes as long, and leaves strings behind that only a
 * whole collection takes away, which makes one answer in thirty take ten times its time.
 */
function pairsJson(samples: readonly Sample[]): string {
  return JSON.stringify(samples.map(([at_ms, value]) => [at_ms / 1000, value]));
}
