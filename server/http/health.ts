/**
 * `GET /health`: the process lives; asks nobody. `GET /ready`: it can do its work; 503 when it cannot, and
 * while it is about to stop. Both are for machines that look often, need no permission, and tell nothing
 * that is not for everybody.
 */
import { healthSchema, type ReadyAnswer, readySchema } from "../wire/ready.ts";
import type { Routes } from "./routes.ts";

/** What these routes need. */
export interface HealthRoute {
  ready(): Promise<ReadyAnswer>;
}

export function healthRoutes(routes: Routes, route: HealthRoute): void {
  routes.get(
    "/health",
    {
      access: "public",
      summary: "Whether the process lives",
      answer: healthSchema,
      is_local: true,
    },
    (c) => c.json({ status: "ok" }, 200, { "cache-control": "no-store" }),
  );

  routes.get("/ready", {
    access: "public",
    summary: "Whether it can do its work, and what it lacks",
    answer: readySchema,
    statuses: [200, 503],
  }, async (c) => {
    const answer = await route.ready();
    return c.json(answer, answer.ready ? 200 : 503, { "cache-control": "no-store" });
  });
}
