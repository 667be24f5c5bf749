/** What every question needs. */
import type { Clock } from "../../clock.ts";
import type { Sql } from "../../db/connect.ts";
import type { Tier } from "../../db/tiers.ts";
import { Catalog } from "./catalog.ts";
import { Turnstile } from "./turnstile.ts";

/** Large questions at once: fewer than there are connections for reading. */
const LARGE_AT_ONCE = 2;

/** How long each tier is kept, in milliseconds; Infinity for ever. */
export type Kept = Readonly<Record<Tier, number>>;

export interface QueryContext {
  /** Its statements are planned once (`ConnectOptions.plan_once`). */
  sql: Sql;
  clock: Clock;
  catalog: Catalog;
  /** How long all of these metrics are kept. */
  keptMs: (metrics: readonly string[]) => Kept;
  /** Questions about many series wait here. */
  large: Turnstile;
}

export function queryContext(
  options: Pick<QueryContext, "sql" | "clock" | "keptMs">,
): QueryContext {
  return { ...options, catalog: new Catalog(options), large: new Turnstile(LARGE_AT_ONCE) };
}

/** The host or the metric asked for does not exist. */
export class NotFoundError extends Error {
  override name = "NotFoundError";
}

/** What was asked for is too much; the message says what to reduce. */
export class TooMuchError extends Error {
  override name = "TooMuchError";
}
