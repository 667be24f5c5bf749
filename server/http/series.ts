/** `GET /api/v1/series`: many series at once, in equal steps. docs/api.md has examples. */
import { z } from "zod";
import { shown } from "../../report.ts";
import { TIER_NAMES } from "../../db/tiers.ts";
import type { Names } from "../query/catalog.ts";
import { NotFoundError } from "../query/context.ts";
import { AGGREGATES } from "../query/fleet.ts";
import type { SeriesAnswer, SeriesQuery } from "../query/series.ts";
import { POINTS_MIN } from "../query/tier.ts";
import { globMatcher, isPattern } from "../wire/glob.ts";
import { readParameters } from "./fetch.ts";
import { INSTANT_FORMS, instantParameter } from "./instant.ts";
import { seriesAnswerSchema } from "../wire/series.ts";
import type { Routes } from "./routes.ts";
import {
  hostMatcher,
  namesParameter,
  readWanted,
  tagsParameter,
  type Wanted,
} from "./selection.ts";

/** What this route needs of the query step. */
export interface SeriesRoute {
  series(query: SeriesQuery): Promise<SeriesAnswer>;
  /** The first of these names that nothing has. */
  missing(names: Names): Promise<{ kind: "host" | "metric"; name: string } | undefined>;
  now(): number;
}

/** As many as a wide chart has pixels. */
const POINTS_DEFAULT = 500;
const POINTS_MAX = 10_000;
const parametersSchema = (now_ms: number) => {
  const instant = instantParameter(now_ms).transform(Math.round);
  return z.strictObject({
    host: namesParameter,
    metric: namesParameter.min(1, "must be given: a name, or a pattern such as cpu*"),
    tags: tagsParameter,
    from: instant.default(now_ms - 3_600_000).describe(`An hour ago; ${INSTANT_FORMS}`),
    to: instant.default(now_ms).describe(`Now; ${INSTANT_FORMS}`),
    points: z.coerce.number({
      error: (issue) => `must be a whole number: current value is ${shown(issue.input)}`,
    }).int("must be a whole number").min(POINTS_MIN, `must be at least ${POINTS_MIN}`)
      .max(POINTS_MAX, `must be at most ${POINTS_MAX}`).default(POINTS_DEFAULT),
    tier: z.enum(TIER_NAMES, `must be one of ${TIER_NAMES.join(", ")}`).optional(),
    aggregate: z.enum(AGGREGATES, `must be one of ${AGGREGATES.join(", ")}`).optional(),
  }, {
    error: (issue) =>
      issue.code === "unrecognized_keys"
        ? `there is no parameter ${issue.keys.join(", ")}: known are host, metric, tag.<name>, ` +
          "from, to, points, tier, aggregate"
        : undefined,
  }).refine(({ from, to }) => from <= to, { path: ["from"], error: "must not be after to" });
};

export function seriesRoutes(routes: Routes, route: SeriesRoute): void {
  routes.get(
    "/api/v1/series",
    {
      access: "viewer",
      summary: "Many series at once, in equal steps",
      query: parametersSchema(0),
      answer: seriesAnswerSchema,
      errors: [404],
      example: { path: "/api/v1/series?host=web-*&metric=cpu_usage&from=now-6h&points=100" },
    },
    async (c) => {
      const { wanted: lists, others: ignored } = readWanted(c);
      const given = readParameters(c, parametersSchema(route.now()), { lists, ignored });
      await requireNames(route, given);
      const { resolution, series } = await route.series({
        selection: { host: hostMatcher(given), metric: globMatcher(given.metric) },
        from_ms: given.from,
        to_ms: given.to,
        points: given.points,
        tier: given.tier,
        aggregate: given.aggregate,
        signal: c.req.raw.signal,
      });
      return c.json({
        from: given.from / 1000,
        to: given.to / 1000,
        tier: resolution.tier,
        step_s: resolution.step_ms / 1000,
        series,
      });
    },
  );
}

/** A name mistyped is not an empty chart; a pattern may match nothing. */
async function requireNames(route: SeriesRoute, { host, metric }: Wanted): Promise<void> {
  const exact = (texts: string[]) => texts.filter((text) => !isPattern(text));
  const missing = await route.missing({ hosts: exact(host), metrics: exact(metric) });
  if (missing === undefined) return;
  throw new NotFoundError(`Cannot find ${missing.kind} ${shown(missing.name)}`);
}
