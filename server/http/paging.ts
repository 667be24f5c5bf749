/**
 * Pages of lists, by one rule: `limit` says how many, the answer's `next` is the `after` of the page that
 * follows, and null when none does. A page begins behind a key, not at a number: what is added or
 * removed meanwhile neither repeats nor hides the rest.
 */
import { z } from "zod";

const LIMIT_MAX = 1_000;

/** Of lists that are short: all of it, unless a limit is given. */
export const limitParameter = z.coerce.number({ error: "must be a whole number" })
  .int("must be a whole number").min(1, "must be at least 1")
  .max(LIMIT_MAX, `must be at most ${LIMIT_MAX}`).optional()
  .describe("How many at most; all unless given");

const AFTER = "The next of the page before";

/** Pages of a list that is in the order of ids. */
export const pageById = {
  limit: limitParameter,
  after: z.coerce.number({ error: "must be the next of the page before" }).int().optional()
    .describe(AFTER),
};

const NEWEST_DEFAULT = 100;

/** Pages of a list that grows for ever, the newest first: never all of it. */
export const pageOfNewest = {
  ...pageById,
  limit: z.coerce.number({ error: "must be a whole number" }).int("must be a whole number")
    .min(1, "must be at least 1").max(LIMIT_MAX, `must be at most ${LIMIT_MAX}`)
    .default(NEWEST_DEFAULT),
};

/** The same as all parameters of a list. */
export const newestParameters = z.strictObject(pageOfNewest);

/** Such a page, of one row more than it may have where there are that many. */
export function newestPage<T extends { id: number }>(
  found: readonly T[],
  limit: number,
): { page: readonly T[]; next: number | null } {
  const page = found.slice(0, limit);
  return { page, next: found.length > limit ? page.at(-1)?.id ?? null : null };
}

/** Pages of a list that is in the order of names. */
export const pageByName = { limit: limitParameter, after: z.string().optional().describe(AFTER) };

/**
 * A page of a list. Without `limit` and `after` it is the list as it is; with one of them it is in the
 * order of the keys.
 */
export function pageOf<T, K extends string | number>(
  all: readonly T[],
  { limit, after }: { limit?: number; after?: K },
  keyOf: (one: T) => K,
): { page: readonly T[]; next: K | null } {
  if (limit === undefined && after === undefined) return { page: all, next: null };
  const rest = all.filter((one) => after === undefined || keyOf(one) > after)
    .sort((a, b) => keyOf(a) < keyOf(b) ? -1 : 1);
  const page = rest.slice(0, limit);
  const last = page.at(-1);
  return { page, next: rest.length > page.length && last !== undefined ? keyOf(last) : null };
}
