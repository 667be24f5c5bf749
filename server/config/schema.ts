/**
 * What may stand in `server_config.json`, what is assumed when it does not, and which settings have
 * to fit each other. The file of the original system
 * (`{"database": {"host", "port", "username", "password", "database_name"}, "webapp": {"port"}}`)
 * is a valid one; everything else has a default.
 *
 * Every setting is also an environment variable: see `settings.ts`.
 */
import { z } from "zod";
import { BODY_BYTES_MAX, shown } from "../../report.ts";
import { LOG_FORMATS, LOG_LEVELS } from "../../log.ts";
import { ruleDays, type TierDays } from "../retention.ts";
import { channelsSchema, checkRoutes, notifySchema, routesSchema } from "./channels.ts";
import { databaseSchema, normaliseDatabase } from "./database.ts";
import { accessSchema, checkAccess } from "./access.ts";
import { limitsSchema } from "./limits.ts";
import { checkTls, tlsSchema, trustProxySchema } from "./tls.ts";
import { oneOf, schedule, section, text, whole } from "./values.ts";

/** The port of the original, kept so that its clients need no change. */
const PORT_DEFAULT = 8888;
/** At 1 MB a batch of 1,000 hosts: a minute of a busy server, and little beside PostgreSQL itself. */
const QUEUE_BYTES_MAX_DEFAULT = 64 * 1024 * 1024;
/** Clocks without NTP drift by seconds a day; ten minutes ahead is a clock set wrong. */
const FUTURE_S_MAX_DEFAULT = 600;
/** Five years: an import of old data is wanted, a date of 1970 is a mistake. */
const PAST_DAYS_MAX_DEFAULT = 1_825;
/** Agents send every few seconds; what comes later than this is merged by a later run. */
const GRACE_S_DEFAULT = 60;
/** After each ten minutes and the grace, so that a run finds them closed. */
const SCHEDULE_DEFAULT = "15 1-59/10 * * * *";

const webappSchema = section({
  host: text("an address to listen on, such as 127.0.0.1 or 0.0.0.0").default("127.0.0.1")
    .describe("Address to listen on; 0.0.0.0 or :: lets other machines in"),
  port: whole({ min: 0, max: 65_535, what: "a port" }).default(PORT_DEFAULT)
    .describe("Port of the page and of the API; 0 takes any free one"),
  drain_s: whole({ min: 0, max: 600, what: "a number of seconds" }).default(0)
    .describe(
      "When asked to stop: seconds in which /ready already says no and all else is still answered",
    ),
  trust_proxy: trustProxySchema,
});

const ingestSchema = section({
  queue_bytes_max: whole({ min: 1024 * 1024, what: "a number of bytes" })
    .default(QUEUE_BYTES_MAX_DEFAULT)
    .describe("Reports waiting to be written, in bytes; when full, senders are told to wait"),
  body_bytes_max: whole({ min: 1024, what: "a number of bytes" }).default(BODY_BYTES_MAX)
    .describe("Largest request body after decompression, in bytes"),
  disk_reserve_bytes: whole({ min: 0, what: "a number of bytes" }).optional()
    .describe(
      "Kept free on the disk of the data directory: with less, new reports are refused; " +
        "otherwise 5 % of it, from 64 MiB to 1 GiB",
    ),
  future_s_max: whole({ min: 0, what: "a number of seconds" }).default(FUTURE_S_MAX_DEFAULT)
    .describe("How far a report's time may be ahead of the server's clock, in seconds"),
  past_days_max: whole({ min: 1, max: 36_500, what: "a number of days" })
    .default(PAST_DAYS_MAX_DEFAULT)
    .describe("How far a report's time may lie back, in days"),
});

const days = whole({ min: 1, max: 36_500, what: "a number of days" });
const daysOrForever = z.union([days, z.null()], {
  error: (issue) =>
    "must be a number of days, a whole number from 1 to 36500, or null for ever: " +
    `current value is ${shown(issue.input)}`,
});

/** Days of some metrics, where they differ. */
const retentionRuleSchema = section({
  metrics: z.array(text("a metric's name, or a pattern such as debug.*"), {
    error: (issue) =>
      `must be a list of names or patterns, such as ["debug.*"]: current value is ${
        shown(issue.input)
      }`,
  }).min(1, "must have at least one name or pattern, such as debug.*"),
  raw_days: days.optional(),
  five_minutes_days: days.optional(),
  one_hour_days: days.optional(),
  one_day_days: daysOrForever.optional(),
});

const retentionSchema = section({
  raw_days: days.default(30).describe("Days every sample is kept"),
  five_minutes_days: days.default(180).describe("Days the five-minute values are kept"),
  one_hour_days: days.default(1_095).describe("Days the hourly values are kept"),
  one_day_days: daysOrForever.default(null)
    .describe("Days the daily values are kept; null keeps them for ever"),
  rules: z.array(retentionRuleSchema, {
    error: (issue) => `must be a list of rules: current value is ${shown(issue.input)}`,
  }).default([])
    .describe("Other days for some metrics: docs/history.md"),
});

const aggregateSchema = section({
  grace_s: whole({ min: 0, max: 3_600, what: "a number of seconds" }).default(GRACE_S_DEFAULT)
    .describe("How long after its end an hour still waits for its last reports, in seconds"),
  schedule: schedule().default(SCHEDULE_DEFAULT)
    .describe("When reports become history: a cron pattern with seconds, in UTC, or never"),
});

const ownMetricsSchema = section({
  every_s: whole({ min: 0, max: 3_600, what: "a number of seconds" }).default(10)
    .describe("How often the server reports its own numbers as a host; 0 does not"),
  hostname: text("the name of a host").default("monitor-server")
    .describe(
      "The name of that host; of several servers on one database all but the first add @machine:port",
    ),
});

const alertsSchema = section({
  rules_file: text("the name of a file").optional()
    .describe("Rules (YAML or JSON) that are applied at each start: docs/alerts.md"),
});

/** Requests that are told in the log. */
const LOGGED_REQUESTS = ["none", "failed", "all"] as const;

const logSchema = section({
  level: oneOf(LOG_LEVELS).default("info").describe("Least important lines that are written"),
  format: oneOf(LOG_FORMATS).default("text").describe("text for people, json for machines"),
  requests: oneOf(LOGGED_REQUESTS).default("none")
    .describe("Requests that get a line of level info each: none, failed (status 400 up) or all"),
});

/** The file as it is written. */
export const fileSchema = section({
  data_dir: text("the name of a directory")
    .describe("Where the server's own PostgreSQL lives; made when missing"),
  webapp: webappSchema.prefault({}),
  tls: tlsSchema.prefault({}),
  database: databaseSchema.prefault({}),
  access: accessSchema.prefault({}),
  ingest: ingestSchema.prefault({}),
  limits: limitsSchema.prefault({}),
  retention: retentionSchema.prefault({}),
  aggregate: aggregateSchema.prefault({}),
  alerts: alertsSchema.prefault({}),
  own_metrics: ownMetricsSchema.prefault({}),
  channels: channelsSchema,
  routes: routesSchema,
  notify: notifySchema.prefault({}),
  log: logSchema.prefault({}),
});

/** A setting that does not fit another one: reported at the place where the smaller change is. */
function crossChecks(
  config: Pick<
    z.infer<typeof fileSchema>,
    "access" | "webapp" | "tls" | "ingest" | "retention" | "channels" | "routes"
  >,
  context: z.RefinementCtx,
): void {
  checkRoutes(config, context);
  checkTls(config, context);
  checkAccess(config, context);
  const { ingest, retention } = config;
  if (ingest.body_bytes_max > ingest.queue_bytes_max) {
    context.addIssue({
      code: "custom",
      path: ["ingest", "body_bytes_max"],
      message: `must be at most ingest.queue_bytes_max (${ingest.queue_bytes_max}), or the ` +
        `largest body could never be taken: current value is ${ingest.body_bytes_max}`,
    });
  }
  requireLongerTiers(retention, { context, path: ["retention"] });
  retention.rules.forEach((rule, index) => {
    const path = ["retention", "rules", index];
    requireLongerTiers(ruleDays(retention, rule), { context, path, own: rule });
  });
}

const TIERS = ["raw_days", "five_minutes_days", "one_hour_days", "one_day_days"] as const;

/** A fault where a tier is kept for less than the one before it; of a rule, at what it says itself. */
function requireLongerTiers(
  days: TierDays,
  options: { context: z.RefinementCtx; path: (string | number)[]; own?: Partial<TierDays> },
): void {
  const { context, path, own = days } = options;
  TIERS.slice(1).forEach((tier, index) => {
    const finer = TIERS[index] ?? "raw_days";
    const [kept, kept_finer] = [days[tier] ?? Infinity, days[finer] ?? Infinity];
    if (kept >= kept_finer) return;
    context.addIssue({
      code: "custom",
      path: [...path, own[tier] === undefined ? finer : tier],
      message: own[tier] === undefined
        ? `must be at most ${tier} (${kept}), or the finer values would outlive the coarser: ` +
          `current value is ${kept_finer}`
        : `must be at least ${
          own === days ? "retention." : ""
        }${finer} (${kept_finer}), the finer values would ` +
          `outlive the coarser: current value is ${kept}`,
    });
  });
}

/** The settings as the program uses them: every default filled in, one shape of `database`. */
export const configSchema = fileSchema.superRefine(crossChecks).transform((file, context) => ({
  ...file,
  database: normaliseDatabase(file.database, context),
}));
