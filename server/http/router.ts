/** The HTTP edge: which path belongs to what, and how errors become answers. */
import { Hono } from "hono";
import type { Clock } from "../../clock.ts";
import type { Logger } from "../../log.ts";
import { auditor, type AuditRoute, auditRoutes } from "./audit.ts";
import { alertConfigRoutes, type AlertsRoute } from "./alert_config.ts";
import { type AggregateRoute, aggregateRoute } from "./aggregate.ts";
import { channelRoutes, type ChannelsRoute } from "./channels.ts";
import { type DowntimeRoute, downtimeRoutes } from "./downtime.ts";
import { type ExportRoute, exportRoutes } from "./export.ts";
import { type FetchRoute, fetchRoutes } from "./fetch.ts";
import { type HealthRoute, healthRoutes } from "./health.ts";
import { incidentRoutes, type IncidentsRoute } from "./incidents.ts";
import { type HostsRoute, hostsRoutes } from "./hosts.ts";
import { type JoinRoute, joinRoutes } from "./join.ts";
import { type LiveRoute, liveRoute } from "./live.ts";
import { type MessagesRoute, messagesRoute } from "./messages.ts";
import { type MetricsRoute, metricsRoute } from "./metrics.ts";
import { type OwnMetricsRoute, ownMetricsRoute } from "./own_metrics.ts";
import { answerProblem, problemOf } from "./problem.ts";
import { requestId } from "./request_log.ts";
import { referenceRoutes } from "./reference.ts";
import { type Guard, Routes } from "./routes.ts";
import { ruleRoutes, type RulesRoute } from "./rules.ts";
import { type SeriesRoute, seriesRoutes } from "./series.ts";
import { type SessionRoute, sessionRoutes } from "./session.ts";
import { silenceRoutes, type SilencesRoute } from "./silences.ts";
import { type StorageRoute, storageRoutes } from "./storage.ts";
import { tokenRoutes, type TokensRoute } from "./tokens.ts";
import { pageNotFound, webRoutes } from "./web.ts";

/** Everything the routes need; `server/serve.ts` puts it together. */
export interface RouterOptions
  extends
    AggregateRoute,
    AlertsRoute,
    AuditRoute,
    ChannelsRoute,
    DowntimeRoute,
    ExportRoute,
    FetchRoute,
    HealthRoute,
    HostsRoute,
    IncidentsRoute,
    JoinRoute,
    LiveRoute,
    MessagesRoute,
    MetricsRoute,
    OwnMetricsRoute,
    RulesRoute,
    SeriesRoute,
    SessionRoute,
    SilencesRoute,
    StorageRoute,
    TokensRoute {
  version: string;
  log: Logger;
  /** Default: everybody may ask everything. */
  guard?: Guard;
  clock: Clock;
}

/** The routes, and what answers requests by them. */
export interface Router {
  app: Hono;
  routes: Routes;
}

/** What `GET /` says to a program. */
function greetingOf(version: string, { entries }: Routes): string {
  const lines = entries.filter(({ is_page }) => !is_page)
    .map(({ method, path, summary }) => `${method.padEnd(6)} ${path.padEnd(37)} ${summary}`);
  return `monitor ${version} is running. A browser gets the page here, and parameters, answers and ` +
    `examples of these at /api; programs have:\n\n${lines.join("\n")}\n`;
}

export function createRouter(options: RouterOptions): Router {
  const app = new Hono();
  const { guard, clock } = options;
  const routes = new Routes(app, { guard, audit: auditor(options, clock) });
  const { log, version } = options;
  aggregateRoute(routes, options);
  metricsRoute(routes, options);
  healthRoutes(routes, options);
  ownMetricsRoute(routes, options);
  fetchRoutes(routes, options);
  exportRoutes(routes, options);
  seriesRoutes(routes, options);
  storageRoutes(routes, options);
  alertConfigRoutes(routes, options);
  ruleRoutes(routes, options);
  incidentRoutes(routes, options);
  downtimeRoutes(routes, options);
  channelRoutes(routes, options);
  silenceRoutes(routes, options);
  hostsRoutes(routes, options);
  liveRoute(routes, options);
  messagesRoute(routes, options);
  sessionRoutes(routes, options);
  tokenRoutes(routes, options);
  joinRoutes(routes, options);
  auditRoutes(routes, options);
  referenceRoutes(routes, options);
  webRoutes(routes, { greeting: () => greetingOf(version, routes) });

  app.notFound(async (c) =>
    await pageNotFound(c) ??
      answerProblem(c, { name: "not-found", detail: `Cannot find ${c.req.method} ${c.req.path}` })
  );

  app.onError((error, c) => {
    const problem = problemOf(error);
    if (problem !== undefined) return answerProblem(c, problem);
    // a bug of ours: the sender learns that it is ours, the log gets everything
    const request_id = requestId(c.req.raw);
    log.error("request failed", {
      request_id,
      method: c.req.method,
      path: c.req.path,
      error: error.message,
      stack: error.stack,
    });
    const detail = `Cannot answer: internal error, see the server's log for ${request_id}`;
    return answerProblem(c, { name: "internal", detail });
  });
  return { app, routes };
}
