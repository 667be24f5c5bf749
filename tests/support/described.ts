/**
 * Answers compared with what the routes say of themselves: every test that asks a server also checks
 * that the description of the API is true.
 */
import assert from "node:assert/strict";
import { isProblemPath, PROBLEM_TYPE } from "../../server/http/problem.ts";
import type { RouteEntry } from "../../server/http/routes.ts";
import { errorSchema, problemSchema } from "../../server/wire/error.ts";

export interface Asked {
  method: string;
  /** With its parameters, if it has any. */
  path: string;
}

export interface Answered {
  status: number;
  headers: Headers;
  body: unknown;
}

/** The route that answers a path: one without parameters goes first, as in the router. */
export function routeOf(
  entries: readonly RouteEntry[],
  { method, path }: Asked,
): RouteEntry | undefined {
  const [name = ""] = path.split("?");
  const fits = (entry: RouteEntry) =>
    entry.method === method &&
    new RegExp(`^${entry.path.replace(/\./g, "\\.").replace(/:\w+/g, "[^/]+")}$`).test(name);
  return entries.find((entry) => !entry.is_page && fits(entry));
}

/** Fails when the answer is not as the route says, or has fields that it does not tell of. */
export function assertDescribed(
  entries: readonly RouteEntry[],
  asked: Asked,
  { status, headers, body }: Answered,
): void {
  const route = routeOf(entries, asked);
  const type = headers.get("content-type") ?? "";
  if (route === undefined || !type.includes("json")) return;
  const { answer, statuses = [200] } = route;
  const isAnswer = statuses.includes(status);
  if (!isAnswer) assert.ok(status >= 400, `${asked.method} ${route.path}: status ${status}`);
  const isProblem = type === PROBLEM_TYPE;
  if (!isAnswer) assert.equal(isProblem, isProblemPath(route.path), `${route.path}: ${type}`);
  const schema = isAnswer ? answer : isProblem ? problemSchema : errorSchema;
  assert.ok(schema, `${asked.method} ${route.path} answers JSON without saying which`);
  const parsed = schema.safeParse(body);
  const about = `${asked.method} ${asked.path} answered ${status} ${JSON.stringify(body)}`;
  assert.ok(parsed.success, `${about.slice(0, 2_000)}: ${parsed.error?.message}`);
  assert.deepEqual(body, parsed.data, "it has fields that are not described");
}
