/**
 * At which resolution a span of time is read: pure arithmetic.
 *
 * An answer has one value for each step. Steps are round (1 s … 30 s, 1 min … 12 h, whole days) and
 * begin at multiples of themselves since 1970, so that the same data gives the same values whatever
 * the window, and a chart that moves on does not flicker. The first and the last step are whole ones:
 * they may reach beyond the span.
 *
 *   1. The step is the smallest that needs at most the wanted number of points.
 *   2. The tier is the coarsest whose buckets fit into a step: it has all that is needed, and least
 *      else. Every step of five minutes and more is made of whole buckets.
 *   3. A tier that has dropped the beginning of the span would show a hole where there was data. Then
 *      the next coarser is taken, and the step is at least one of its buckets.
 *
 * Rollups that are not made yet are no hole: what reads a tier computes them (server/query/rows.ts).
 */
import { DAY_MS, HOUR_MS, MINUTE_MS, type Tier, TIER_NAMES, TIERS } from "../../db/tiers.ts";

const SECOND_MS = 1_000;

/** Each divides a day, and all from five minutes on are multiples of it. */
const STEPS_MS: readonly number[] = [
  ...[1, 2, 5, 10, 15, 20, 30].map((seconds) => seconds * SECOND_MS),
  ...[1, 2, 5, 10, 15, 20, 30].map((minutes) => minutes * MINUTE_MS),
  ...[1, 2, 3, 4, 6, 8, 12].map((hours) => hours * HOUR_MS),
];

/** Fewer cannot be promised: any two neighbouring moments may lie in two steps. */
export const POINTS_MIN = 2;

export interface ResolutionQuery {
  /** Milliseconds since 1970; both belong to the span. */
  from_ms: number;
  to_ms: number;
  /** The most steps the span may have, at least `POINTS_MIN`; undefined for every bucket of `tier`. */
  points: number | undefined;
  /** Taken whatever the span. Default: the one that fits. */
  tier?: Tier;
  now_ms: number;
  /** How long each tier is kept. */
  kept_ms: Readonly<Record<Tier, number>>;
}

export interface Resolution {
  tier: Tier;
  /** Length of a step; 0 when every sample is one. */
  step_ms: number;
  /** The span in whole steps: from_ms <= t < before_ms. */
  from_ms: number;
  before_ms: number;
  /** Number of steps in it; 0 when every sample is one. */
  steps: number;
}

/** How many steps a span touches. */
export function stepsIn(from_ms: number, to_ms: number, step_ms: number): number {
  return Math.floor(to_ms / step_ms) - Math.floor(from_ms / step_ms) + 1;
}

/** The resolution for a span: see above. */
export function chooseResolution(query: ResolutionQuery): Resolution {
  const { from_ms, to_ms, points } = query;
  if (points === undefined) {
    const tier = query.tier ?? "raw";
    return resolution(query, tier, TIERS[tier].bucket_ms ?? 0);
  }
  const fits = (step_ms: number) => stepsIn(from_ms, to_ms, step_ms) <= points;
  // in whole days: at the next multiple of what is needed, two neighbours cannot be too many
  const days = Math.max(1, Math.floor((to_ms - from_ms) / DAY_MS / points));
  const step_ms = STEPS_MS.find(fits) ?? smallestOf(days, fits);
  const tier = query.tier ?? tierFor(query, step_ms);
  return resolution(query, tier, Math.max(step_ms, TIERS[tier].bucket_ms ?? 0));
}

function smallestOf(days: number, fits: (step_ms: number) => boolean): number {
  let count = days;
  while (!fits(count * DAY_MS)) count++;
  return count * DAY_MS;
}

function tierFor({ from_ms, now_ms, kept_ms }: ResolutionQuery, step_ms: number): Tier {
  const isCoarse = (tier: Tier) => (TIERS[tier].bucket_ms ?? 0) > step_ms;
  const isKept = (tier: Tier) => from_ms >= now_ms - kept_ms[tier];
  const coarsest = TIER_NAMES.findLast((tier) => !isCoarse(tier)) ?? "raw";
  const enough = TIER_NAMES.slice(TIER_NAMES.indexOf(coarsest));
  return enough.find(isKept) ?? "1d";
}

function resolution(query: ResolutionQuery, tier: Tier, step_ms: number): Resolution {
  const { from_ms, to_ms } = query;
  if (step_ms === 0) return { tier, step_ms, from_ms, before_ms: to_ms + 1, steps: 0 };
  const steps = stepsIn(from_ms, to_ms, step_ms);
  const start_ms = Math.floor(from_ms / step_ms) * step_ms;
  return { tier, step_ms, from_ms: start_ms, before_ms: start_ms + steps * step_ms, steps };
}
