/**
 * `GET /health`: the process lives; asks nobody. `GET /ready`: it can do its work; 503 when it cannot, and
 * while it is about to stop. Both are for machines that look often, need no permission, and tell nothing
 * that is not for everybody.
 */
import type { Hono } from "hono";
import type { ReadyAnswer } from "../wire/ready.ts";

/** What these routes need. */
export interface HealthRoute {
  ready(): Promise<ReadyAnswer>;
}

export function healthRoutes(app: Hono, route: HealthRoute): void {
  app.get("/health", (c) => c.json({ status: "ok" }, 200, { "cache-control": "no-store" }));

  app.get("/ready", async (c) => {
    const answer = await route.ready();
    return c.json(answer, answer.ready ? 200 : 503, { "cache-control": "no-store" });
  });
}
