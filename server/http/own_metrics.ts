/**
 * `GET /metrics`: the server's own numbers, in Prometheus text or OpenMetrics. (`POST /metrics` is where
 * reports come in; the two have nothing in common but the path.)
 */
import type { Registry } from "../metrics/registry.ts";
import { CONTENT_TYPES, formatFor, metricsText } from "../metrics/text.ts";
import type { Routes } from "./routes.ts";

/** What this route needs. */
export interface OwnMetricsRoute {
  metrics: Registry;
}

export function ownMetricsRoute(routes: Routes, { metrics }: OwnMetricsRoute): void {
  routes.get("/metrics", {
    access: "viewer",
    summary: "The server's own numbers, as Prometheus text",
    type: "text/plain",
  }, (c) => {
    const format = formatFor(c.req.header("accept"));
    return c.body(metricsText(metrics.all(), format), 200, {
      "content-type": CONTENT_TYPES[format],
      "cache-control": "no-store",
      vary: "accept",
    });
  });
}
