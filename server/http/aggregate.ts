/** `POST /aggregate` and `GET /aggregate`: closed hours become history now. */
import type { Hono } from "hono";

/** What this route needs of the aggregation step. */
export interface AggregateRoute {
  /** Starts a run and waits some seconds for it; the fields are shown as they are. */
  aggregate(): Promise<object>;
}

/** The sentence of the original. */
const STATUS = "Data aggregation triggered successfully";

export function aggregateRoute(app: Hono, route: AggregateRoute): void {
  app.on(
    ["GET", "POST"],
    "/aggregate",
    async (c) => c.json({ status: STATUS, ...await route.aggregate() }),
  );
}
