/** `POST /aggregate` and `GET /aggregate`: closed hours become history now. */
import type { Context } from "hono";
import { aggregatedSchema } from "../wire/contract.ts";
import type { Routes } from "./routes.ts";

/** What this route needs of the aggregation step. */
export interface AggregateRoute {
  /** Starts a run and waits some seconds for it; the fields are shown as they are. */
  aggregate(): Promise<object>;
}

/** The sentence of the original. */
const STATUS = "Data aggregation triggered successfully";

export function aggregateRoute(routes: Routes, route: AggregateRoute): void {
  const about = {
    access: "operator",
    summary: "Turns closed hours into history now",
    answer: aggregatedSchema,
  } as const;
  const run = async (c: Context) => c.json({ status: STATUS, ...await route.aggregate() });
  routes.post("/aggregate", about, run);
  // it was one of the original, which its clients call in both ways
  routes.get("/aggregate", { ...about, is_change: true }, run);
}
