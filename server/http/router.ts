/** The HTTP edge: which path belongs to what, and how errors become answers. */
import { Hono } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { isRetryable, isUnfitValue } from "../../db/sqlstate.ts";
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
import { type LiveRoute, liveRoute } from "./live.ts";
import { type MessagesRoute, messagesRoute } from "./messages.ts";
import { type MetricsRoute, metricsRoute } from "./metrics.ts";
import { type OwnMetricsRoute, ownMetricsRoute } from "./own_metrics.ts";
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

/** Answers by error name, so that the steps need not know HTTP. */
const STATUS_BY_NAME: Readonly<Record<string, ContentfulStatusCode>> = {
  RefusedError: 400,
  ParameterError: 400,
  BodyUnreadableError: 400,
  TooMuchError: 400,
  RuleRefusedError: 400,
  UnauthorizedError: 401,
  ForbiddenError: 403,
  HostForbiddenError: 403,
  NotFoundError: 404,
  RuleConflictError: 409,
  IncidentOverError: 409,
  BodyTooSlowError: 408,
  BodyTooLargeError: 413,
  TooManyFailuresError: 429,
  TooFastError: 429,
  QueueFullError: 503,
  CrowdedError: 503,
  TooLongError: 503,
  // nobody hears it
  GivenUpError: 503,
};

/** Seconds a sender should wait when the database is away. */
const DATABASE_RETRY_S = 5;

/** The routes, and what answers requests by them. */
export interface Router {
  app: Hono;
  routes: Routes;
}

/** What `GET /` says to a program. */
function greetingOf(version: string, { entries }: Routes): string {
  const lines = entries.filter(({ is_page }) => !is_page)
    .map(({ method, path, summary }) => `${method.padEnd(6)} ${path.padEnd(37)} ${summary}`);
  return `monitor ${version} is running. A browser gets the page here; programs have:\n\n` +
    `${lines.join("\n")}\n`;
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
  auditRoutes(routes, options);
  referenceRoutes(routes, options);
  webRoutes(routes, { greeting: () => greetingOf(version, routes) });

  app.notFound(async (c) =>
    await pageNotFound(c) ?? c.json({ error: `Cannot find ${c.req.method} ${c.req.path}` }, 404)
  );

  app.onError((error, c) => {
    const status = STATUS_BY_NAME[error.name];
    if (status !== undefined) {
      if ("retry_after_s" in error) c.header("retry-after", String(error.retry_after_s));
      if (status === 401) c.header("www-authenticate", 'Bearer realm="monitor"');
      const refused = "refused" in error ? { refused: error.refused } : {};
      return c.json({ error: error.message, ...refused }, status);
    }
    if (isRetryable(error)) {
      c.header("retry-after", String(DATABASE_RETRY_S));
      return c.json({ error: "Cannot reach the database just now; nothing was stored" }, 503);
    }
    if (isUnfitValue(error)) {
      // ids beyond any id, times beyond all calendars, texts with a NUL: nothing can have them
      return c.json({ error: `Cannot use a value of the request: ${error.message}` }, 400);
    }
    // a bug of ours: the sender learns that it is ours, the log gets everything
    log.error("request failed", {
      method: c.req.method,
      path: c.req.path,
      error: error.message,
      stack: error.stack,
    });
    return c.json({ error: "Cannot answer: internal error, see the server's log" }, 500);
  });
  return { app, routes };
}
