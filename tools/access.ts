/**
 * Writes the table of docs/security.md from the routes: who gets which answer. With `--check` it only
 * compares, and fails when they differ. tests/server/http/access_matrix_test.ts reads the table back
 * and holds a running server to it.
 */
import { systemClock } from "../clock.ts";
import { createLogger } from "../log.ts";
import { allows } from "../server/access/principal.ts";
import { createRouter, type RouterOptions } from "../server/http/router.ts";
import type { RouteEntry } from "../server/http/routes.ts";
import { Registry } from "../server/metrics/registry.ts";
import { keepPage, unformatted, withMarked } from "./marked.ts";

const FILE = new URL("../docs/security.md", import.meta.url);
const BEGIN = "<!-- access: written by tools/access.ts -->";
const END = "<!-- end of access -->";

/** What is shown with a request, in the order of the table's columns. */
export const SHOWN = [
  "nothing",
  "not valid",
  "agent",
  "agent of another host",
  "viewer",
  "operator",
  "admin",
] as const;
export type Shown = typeof SHOWN[number];

/** `yes` is every answer that the route itself gives. */
export type Cell = "yes" | "401" | "403";

/** All routes. Their handlers have nothing to work with: none is called. */
export function listRoutes(): readonly RouteEntry[] {
  const log = createLogger({ level: "error", format: "text", now: () => 0, write: () => {} });
  const needed = { version: "", log, clock: systemClock, metrics: new Registry() };
  // a cast, since everything else is for the handlers
  return createRouter(needed as unknown as RouterOptions).routes.entries;
}

function cellOf({ access }: RouteEntry, shown: Shown): Cell {
  if (access === "public") return "yes";
  if (shown === "nothing" || shown === "not valid") return "401";
  if (shown === "agent of another host") return "403";
  return allows(shown, access) ? "yes" : "403";
}

/** The table, one row a route. */
export function accessTable(routes: readonly RouteEntry[]): string {
  const columns = ["route", "needs", ...SHOWN];
  const rows = routes.map((route) => [
    `\`${route.method} ${route.path}\``,
    route.access,
    ...SHOWN.map((shown) => cellOf(route, shown)),
  ]);
  return [columns, columns.map(() => "---"), ...rows]
    .map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

/** The table of a page, read back: by route what each column says. */
export function readTable(text: string): Map<string, Record<string, string>> {
  const [, rest = ""] = text.split(BEGIN);
  const [table = ""] = rest.split(END);
  const lines = table.split("\n").filter((line) => line.startsWith("| "))
    .map((line) => line.slice(2, -2).split(" | "));
  const [columns = [], , ...rows] = lines;
  return new Map(
    rows.map(([route = "", ...cells]) => [
      route.replaceAll("`", ""),
      Object.fromEntries(cells.map((cell, i) => [columns[i + 1] ?? "", cell])),
    ]),
  );
}

if (import.meta.main) {
  const content = unformatted(accessTable(listRoutes()));
  await keepPage(FILE, {
    anew: (text) => withMarked(text, { begin: BEGIN, end: END, content }),
    wrong: "docs/security.md is not what the routes say: deno run -A tools/access.ts",
  });
}
