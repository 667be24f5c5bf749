/** Wires what is answered from what is stored. */
import { type Clock, systemClock } from "../clock.ts";
import { type MessageRange, selectMessages } from "../db/annotations.ts";
import { askedAgain } from "../db/cancel.ts";
import { connect, type Sql } from "../db/connect.ts";
import type { DatabaseAddress } from "../db/address.ts";
import type { Database } from "../db/database.ts";
import { selectHost, selectHostAgent, selectHosts, updateHostFacts } from "../db/hosts.ts";
import type { Logger } from "../log.ts";
import type { HostFacts } from "../report.ts";
import type { Config } from "./config.ts";
import type { Names } from "./query/catalog.ts";
import { answering, type QueryContext, queryContext } from "./query/context.ts";
import type { Registry } from "./metrics/registry.ts";
import { type ExportQuery, exportRuns } from "./query/export.ts";
import { history, type HistoryQuery } from "./query/history.ts";
import type { LatestReports } from "./query/latest.ts";
import type { Listener, Overview } from "./query/overview.ts";
import { readSeries, type SeriesQuery } from "./query/series.ts";
import { registerQuestions, registerReplica } from "./query/metrics.ts";
import { Replica } from "./query/replica.ts";
import { storageReport } from "./query/storage.ts";
import { keptMs, RetentionClasses } from "./retention.ts";

/** Two large questions of two parts each, and short ones beside them. */
const READING_CONNECTIONS = 6;
/** Questions under way at the end get this long. */
const CLOSE_SECONDS_MAX = 5;

/** What is answered from what is stored, and what people say about hosts. */
export function questions(
  { sql, embedded }: Database,
  options: {
    config: Config;
    clock: Clock;
    latest: LatestReports;
    overview: Overview;
    reading: QueryContext;
    metrics: Registry;
  },
) {
  const { config: { retention }, clock, latest, overview, reading } = options;
  const data_dir = embedded?.data_dir;
  options.metrics.read("monitor_server_hosts", {
    kind: "gauge",
    help: "Hosts whose newest values are kept in memory",
  }, () => latest.size);
  registerQuestions(options.metrics, reading);
  return {
    latestJson: (hostname?: string) => latest.json(hostname),
    history: (query: HistoryQuery) =>
      answering(reading, query.signal, () => history(reading, query)),
    series: (query: SeriesQuery) =>
      answering(reading, query.signal, () => readSeries(reading, query)),
    missing: (names: Names) => reading.catalog.missing(names),
    now: () => clock.now(),
    clock,
    hosts: () => listHosts(sql),
    glances: () => overview.glances(),
    glancesOf: (ids: ReadonlySet<number>) => overview.glances(ids),
    listen: (listener: Listener) => overview.listen(listener),
    hostId: async (hostname: string) => (await selectHost(sql, hostname))?.id,
    hostAgent: (hostname: string) => selectHostAgent(sql, hostname),
    messages: (range: MessageRange) => askedAgain(reading.sql, (own) => selectMessages(own, range)),
    describeHost: async (hostname: string, about: HostFacts) => {
      const host = await selectHost(sql, hostname);
      if (host !== undefined) await updateHostFacts(sql, host.id, about);
      return host !== undefined;
    },
    exportHosts: () => selectHosts(sql),
    // hour by hour: only the newest has to come from the primary
    exportRuns: (query: ExportQuery) =>
      exportRuns({
        sql,
        read: (hour, run) => reading.read({ ...hour, step_ms: 0, primary: sql }, run),
      }, query),
    storage: ({ hosts_max }: { hosts_max: number }) => {
      const now_ms = clock.now();
      const options = { retention, data_dir, hosts_max, now_ms, primary: sql };
      const asked = { before_ms: now_ms, step_ms: Infinity, primary: sql };
      return reading.read(asked, (own) => storageReport(own, options));
    },
  };
}

/** What questions need: connections of their own, so that they and ingest do not wait for each other. */
export function startReading(
  { address }: Database,
  options: {
    config: Config;
    clock: Clock;
    log: Logger;
    started: AsyncDisposableStack;
    metrics: Registry;
  },
): QueryContext {
  const { config, clock, started, metrics } = options;
  const open = (to: DatabaseAddress): Sql =>
    connect(to, {
      connections_max: READING_CONNECTIONS,
      application_name: "monitor reading",
      plan_once: true,
      statement_ms_max: config.limits.question_s * 1000,
      in_order: true,
    });
  const sql = open(address);
  started.defer(() => sql.end({ timeout: CLOSE_SECONDS_MAX }));
  const given = config.database.kind === "external" ? config.database.replica : undefined;
  const replica = given && started.use(
    new Replica({
      primary: address,
      replica: given.address,
      lag_ms_max: given.lag_s * 1000,
      connect: open,
      clock,
      // connections live in real time, whatever the server's clock
      real_clock: systemClock,
      log: options.log.with({ component: "replica" }),
    }),
  );
  registerReplica(metrics, replica);
  const classes = new RetentionClasses(config.retention);
  return queryContext({
    sql,
    replica,
    clock,
    keptMs: (metrics) => keptMs(classes.shortest(metrics)),
    limits: config.limits,
  });
}

/** Hosts as `/fetch/hosts` lists them. */
async function listHosts(sql: Database["sql"]) {
  return (await selectHosts(sql)).map(({ hostname, alias, location, tags }) => ({
    hostname,
    additional_data: { alias, location },
    tags,
  }));
}
