/** What every question needs. */
import type { Clock } from "../../clock.ts";
import { askedAgain } from "../../db/cancel.ts";
import type { Sql } from "../../db/connect.ts";
import { codeOf, SQLSTATE } from "../../db/sqlstate.ts";
import { DAY_MS, HOUR_MS, type Tier } from "../../db/tiers.ts";
import { Catalog } from "./catalog.ts";
import type { Replica } from "./replica.ts";
import type { Asked } from "./replica_lag.ts";
import { CrowdedError, Turnstile } from "./turnstile.ts";

/** Large questions at once: fewer than there are connections for reading. */
const LARGE_AT_ONCE = 2;

/** How much a question may be. */
export interface QuestionLimits {
  /** Blocks of an hour, a day, … that one question reads, about 10 µs each. */
  question_blocks_max: number;
  /** Values in its answer. */
  question_points_max: number;
  /** Longer does PostgreSQL not work on a statement. */
  question_s: number;
  /** Large questions that wait for others. */
  questions_waiting_max: number;
}

/** How long each tier is kept, in milliseconds; Infinity for ever. */
export type Kept = Readonly<Record<Tier, number>>;

/** Runs one reading of the past on the connections that are right for it. */
export type Read = <T>(asked: ReadAsked, run: (sql: Sql) => Promise<T>) => Promise<T>;

export interface ReadAsked extends Asked {
  signal?: AbortSignal;
  /** Where it is asked without a replica, and without limit. Default: the context's `sql`. */
  primary?: Sql;
}

export interface QueryContext {
  /** Of the primary. Its statements are planned once (`ConnectOptions.plan_once`). */
  sql: Sql;
  /** On the replica, if there is one and the answer may lag: see replica.ts. May run twice. */
  read: Read;
  clock: Clock;
  catalog: Catalog;
  /** How long all of these metrics are kept. */
  keptMs: (metrics: readonly string[]) => Kept;
  /** Questions about many series wait here. */
  large: Turnstile;
  limits: QuestionLimits;
  /** Questions without an answer since the start, by the reason. */
  refused: { too_much: number; crowded: number; too_long: number; given_up: number };
}

export function queryContext(
  options: Pick<QueryContext, "sql" | "clock" | "keptMs" | "limits"> & { replica?: Replica },
): QueryContext {
  const { replica, ...own } = options;
  return {
    ...own,
    read: ({ signal, primary, ...asked }, run) => {
      const sql = primary ?? own.sql;
      const is_limited = primary === undefined;
      const again = (on: Sql) => askedAgain(on, run, signal);
      return replica?.read({ ...asked, signal, primary: sql, is_limited }, again) ?? again(sql);
    },
    catalog: new Catalog(options),
    large: new Turnstile(LARGE_AT_ONCE, options.limits),
    refused: { too_much: 0, crowded: 0, too_long: 0, given_up: 0 },
  };
}

/** The host or the metric asked for does not exist. */
export class NotFoundError extends Error {
  override name = "NotFoundError";
}

/** PostgreSQL took too long; the message says what to reduce. */
export class TooLongError extends Error {
  override name = "TooLongError";
}

/** What was asked for is too much; the message says what to reduce. */
export class TooMuchError extends Error {
  override name = "TooMuchError";
}

/** How long a block of a tier is, at least. */
const BLOCK_MS: Readonly<Record<Tier, number>> = {
  raw: HOUR_MS,
  "5m": DAY_MS,
  "1h": 28 * DAY_MS,
  "1d": 365 * DAY_MS,
};

/**
 * Looks at what a question would read before it is asked.
 *
 * @throws TooMuchError, with what to reduce
 */
export function requireBlocks(
  { limits }: Pick<QueryContext, "limits">,
  asked: { series: number; keys: number; tier: Tier; from_ms: number; before_ms: number },
): void {
  const { series, keys, tier, from_ms, before_ms } = asked;
  const { question_blocks_max } = limits;
  const blocks = keys * (Math.ceil((before_ms - from_ms) / BLOCK_MS[tier]) + 1);
  if (blocks <= question_blocks_max) return;
  throw new TooMuchError(
    `Cannot answer at once: ${series} series need ${blocks} blocks of tier ${tier}, at most ` +
      `${question_blocks_max} are read (limits.question_blocks_max); select fewer hosts or ` +
      "metrics, shorten the range, or reduce points so that a coarser tier is enough",
  );
}

/** Counts what could not be answered, and says why where PostgreSQL does not. */
export async function answering<T>(
  { refused, limits }: Pick<QueryContext, "refused" | "limits">,
  signal: AbortSignal | undefined,
  run: () => Promise<T>,
): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof TooMuchError) refused.too_much++;
    if (error instanceof CrowdedError) refused.crowded++;
    if (signal?.aborted) refused.given_up++;
    else if (codeOf(error) === SQLSTATE.query_canceled) {
      refused.too_long++;
      throw new TooLongError(
        `Cannot answer within ${limits.question_s} s (limits.question_s): select fewer hosts or ` +
          "metrics, shorten the range, or reduce points so that a coarser tier is enough",
      );
    }
    throw error;
  }
}
