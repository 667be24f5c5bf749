/** Which hosts and metrics a request is about: parameters that may come more than once. */
import type { Context } from "hono";
import { z } from "zod";
import { globMatcher } from "../wire/glob.ts";

/** Names and patterns in one question: more is a list that belongs into a pattern. */
const NAMES_MAX = 100;
const TAG_PREFIX = "tag.";

export const namesParameter = z.array(z.string().min(1, "must not be empty"))
  .max(NAMES_MAX, `must be given at most ${NAMES_MAX} times`);

export const tagsParameter = z.record(z.string(), namesParameter).meta({
  description: "Each as tag.<name>=<value or pattern>",
  propertyNames: { pattern: "^tag\\." },
});

export interface Wanted {
  host: string[];
  metric: string[];
  tags: Record<string, string[]>;
}

/** Those of tags come under their own names: `others` are the names of all these parameters. */
export function readWanted(c: Context): { wanted: Wanted; others: string[] } {
  const given = (name: string) => (c.req.queries(name) ?? []).filter((text) => text !== "");
  const others = Object.keys(c.req.query()).filter((name) => name.startsWith(TAG_PREFIX));
  const tags = Object.fromEntries(
    others.map((name) => [name.slice(TAG_PREFIX.length), given(name)]),
  );
  return { wanted: { host: given("host"), metric: given("metric"), tags }, others };
}

/** Whether a host is wanted: by its name, and by each of the tags. */
export function hostMatcher(
  { host, tags }: Pick<Wanted, "host" | "tags">,
): (host: { hostname: string; tags: Record<string, string> }) => boolean {
  const isHost = globMatcher(host);
  const conditions = Object.entries(tags).map(([name, values]) => {
    const matches = globMatcher(values);
    return (own: Record<string, string>) => own[name] !== undefined && matches(own[name]);
  });
  return ({ hostname, tags: own }) => isHost(hostname) && conditions.every((is) => is(own));
}
