/**
 * Puts the server together and takes it apart again. This is the only file that knows all steps:
 *
 *   database → partitions → notify → alerts → queue → writer → intake → aggregation → HTTP
 *
 * Stopping goes backwards: no new requests, then everything accepted is committed and answered, then
 * the connections and, when it is ours, PostgreSQL.
 */
import type { Clock } from "../clock.ts";
import { type MessageRange, selectMessages } from "../db/annotations.ts";
import { type Database, openDatabase } from "../db/database.ts";
import { connect } from "../db/connect.ts";
import { selectHost, selectHosts, updateHostFacts } from "../db/hosts.ts";
import { ensurePartitions } from "../db/partitions.ts";
import type { Logger } from "../log.ts";
import type { HostFacts } from "../report.ts";
import type { Config } from "./config.ts";
import type { Alerting } from "./alerts/service.ts";
import { startAlerts } from "./alerts/start.ts";
import { Aggregation } from "./aggregate/service.ts";
import { startBackground } from "./background.ts";
import { IncidentNews } from "./http/incident_news.ts";
import { listen, probe } from "./http/listen.ts";
import { createRouter } from "./http/router.ts";
import { Directory } from "./ingest/directory.ts";
import { Intake, type IntakeCounters } from "./ingest/intake.ts";
import { DiskGuard } from "./ingest/disk_guard.ts";
import { IngestQueue } from "./ingest/queue.ts";
import { startWriter, WRITERS } from "./ingest/writer.ts";
import type { Names } from "./query/catalog.ts";
import { type ExportQuery, exportRuns } from "./query/export.ts";
import { type QueryContext, queryContext } from "./query/context.ts";
import { history, type HistoryQuery } from "./query/history.ts";
import { LatestReports } from "./query/latest.ts";
import { type Listener, Overview } from "./query/overview.ts";
import { readSeries, type SeriesQuery } from "./query/series.ts";
import { storageReport } from "./query/storage.ts";
import { keptMs, RetentionClasses } from "./retention.ts";
import { startNotify } from "./start_notify.ts";

/** A batch is closed at this size; measured: larger ones do not commit more rows a second. */
const BATCH_BYTES_MAX = 4 * 1024 * 1024;
/** Two large questions of two parts each, and short ones beside them. */
const READING_CONNECTIONS = 6;
/** Questions under way at the end get this long. */
const CLOSE_SECONDS_MAX = 5;

export interface ServerOptions {
  config: Config;
  log: Logger;
  clock: Clock;
  version: string;
  /** Told what a long start is doing. */
  onProgress?: (step: string) => void;
  /** Gives up the start; nothing is left running. */
  signal?: AbortSignal;
}

export interface Server extends AsyncDisposable {
  /** Where the API is: `http://localhost:8888`. */
  readonly url: string;
  readonly database: Database;
  readonly counters: Readonly<IntakeCounters>;
  /** Stops everything, answering first what was accepted. Can be called again. */
  stop(): Promise<void>;
}

/**
 * Starts the server.
 *
 * @throws what `openDatabase` throws, and Deno's errors when the address cannot be listened on; then
 *   nothing is left running
 */
export async function startServer(options: ServerOptions): Promise<Server> {
  const { config, log, clock, onProgress, signal } = options;
  // a port that is taken is told before anything is unpacked
  probe(config.webapp);
  await using started = new AsyncDisposableStack();
  const database = await openDatabase({
    address: config.database.kind === "external" ? config.database.address : undefined,
    connections_max: config.database.max_connections,
    data_dir: config.data_dir,
    log,
    clock,
    onProgress,
    signal,
  });
  started.use(database);
  const { sql } = database;
  onProgress?.("reading the newest reports");
  await ensurePartitions(sql, clock.now());
  const latest = new LatestReports(sql);
  await latest.load();
  const overview = new Overview({ sql, latest });

  const reading = startReading(database, { config, clock, started });
  startBackground(database, { log, clock, started });
  const news = new IncidentNews();
  const onNews = () => news.tell();
  const notify = startNotify(database, { config, log, clock, started, onNews });
  const { embedded } = database;
  const guard = embedded && guardDisk(embedded.data_dir, { ...options, started });
  const { alerting, routes } = await startAlerts(database, {
    ...{ reading, clock, log, started },
    ...config.alerts,
    isTaking: () => !guard?.isRefusing,
    onOutbox: () => {
      notify.wake();
      news.tell();
    },
    onNews,
  });
  const steps = { guard, latest, overview, reading, alerting, started };
  const { queue, intake } = startIngest(database, { ...options, ...steps });
  const aggregation = startAggregation(database, { config, log, clock, started });
  const stopping = new AbortController();
  const app = createRouter({
    version: options.version,
    log: log.with({ component: "http" }),
    body_bytes_max: config.ingest.body_bytes_max,
    room: queue,
    receive: (body, options) => intake.receive(body, options),
    ...questions(database, { config, clock, latest, overview, reading }),
    listenIncidents: (listener) => news.listen(listener),
    stopping: stopping.signal,
    aggregate: () => aggregation.answer(),
    ...routes,
    ...notify.routes,
  });
  const url = listen(app.fetch, { ...config.webapp, clock, started });
  started.defer(() => stopping.abort());
  const owned = started.move();
  let stopped: Promise<void> | undefined;
  const stop = () => stopped ??= owned.disposeAsync();
  return { url, database, counters: intake.counters, stop, [Symbol.asyncDispose]: stop };
}

/** What is answered from what is stored, and what people say about hosts. */
function questions(
  { sql, embedded }: Database,
  options: {
    config: Config;
    clock: Clock;
    latest: LatestReports;
    overview: Overview;
    reading: QueryContext;
  },
) {
  const { config: { retention }, clock, latest, overview, reading } = options;
  const data_dir = embedded?.data_dir;
  return {
    latestJson: (hostname?: string) => latest.json(hostname),
    history: (query: HistoryQuery) => history(reading, query),
    series: (query: SeriesQuery) => readSeries(reading, query),
    missing: (names: Names) => reading.catalog.missing(names),
    now: () => clock.now(),
    clock,
    hosts: () => listHosts(sql),
    glances: () => overview.glances(),
    glancesOf: (ids: ReadonlySet<number>) => overview.glances(ids),
    listen: (listener: Listener) => overview.listen(listener),
    hostId: async (hostname: string) => (await selectHost(sql, hostname))?.id,
    messages: (range: MessageRange) => selectMessages(reading.sql, range),
    describeHost: async (hostname: string, about: HostFacts) => {
      const host = await selectHost(sql, hostname);
      if (host !== undefined) await updateHostFacts(sql, host.id, about);
      return host !== undefined;
    },
    exportHosts: () => selectHosts(sql),
    exportRuns: (query: ExportQuery) => exportRuns(sql, query),
    storage: ({ hosts_max }: { hosts_max: number }) =>
      storageReport(sql, { retention, data_dir, hosts_max, now_ms: clock.now() }),
  };
}

/** What questions need: connections of their own, so that they and ingest do not wait for each other. */
function startReading(
  { address }: Database,
  options: { config: Config; clock: Clock; started: AsyncDisposableStack },
): QueryContext {
  const { config: { retention }, clock, started } = options;
  const sql = connect(address, {
    connections_max: READING_CONNECTIONS,
    application_name: "monitor reading",
    plan_once: true,
  });
  started.defer(() => sql.end({ timeout: CLOSE_SECONDS_MAX }));
  const classes = new RetentionClasses(retention);
  return queryContext({ sql, clock, keptMs: (metrics) => keptMs(classes.shortest(metrics)) });
}

/** Aggregation, in Workers with connections of their own. */
function startAggregation(
  { address }: Database,
  options: Pick<ServerOptions, "config" | "log" | "clock"> & { started: AsyncDisposableStack },
): Aggregation {
  const { config: { aggregate, retention }, log, clock, started } = options;
  return started.use(
    new Aggregation({
      address,
      schedule: aggregate.schedule,
      grace_ms: aggregate.grace_s * 1000,
      retention,
      clock,
      log: log.with({ component: "aggregate" }),
    }),
  );
}

/** The ingest step: what was accepted is still committed when it stops. */
function startIngest(
  { sql, address }: Database,
  options: ServerOptions & {
    latest: LatestReports;
    overview: Overview;
    reading: QueryContext;
    alerting: Alerting;
    guard: DiskGuard | undefined;
    started: AsyncDisposableStack;
  },
): { queue: IngestQueue; intake: Intake } {
  const { config, log, clock, guard, latest, overview, reading, alerting, started } = options;
  const queue = new IngestQueue({
    bytes_max: config.ingest.queue_bytes_max,
    batch_bytes_max: BATCH_BYTES_MAX,
    requireRoom: guard?.requireRoom,
  });
  const connections = Array.from(
    { length: WRITERS },
    () => connect(address, { connections_max: 1, application_name: "monitor ingest", log }),
  );
  started.defer(async () => {
    await Promise.all(connections.map((own) => own.end({ timeout: CLOSE_SECONDS_MAX })));
  });
  const writer = startWriter({
    sql,
    connections,
    queue,
    clock,
    log: log.with({ component: "ingest" }),
    onCommitted: (rows) =>
      rows.forEach((row) => {
        latest.observe(row);
        overview.observe(row);
        reading.catalog.noticed(row.host_id, row.shape_id);
        alerting.observe(row);
      }),
  });
  started.defer(async () => {
    queue.stop();
    await writer.finished;
  });
  const classes = new RetentionClasses(config.retention);
  const intake = new Intake({
    classOf: classes.divided ? (metric) => classes.classOf(metric) : undefined,
    directory: new Directory({ sql, clock }),
    queue,
    clock,
    limits: {
      future_ms_max: config.ingest.future_s_max * 1000,
      // what is older than its retention could not be kept
      past_ms_max: Math.min(config.ingest.past_days_max, config.retention.raw_days) * 86_400_000,
    },
  });
  return { queue, intake };
}

/** Looks after the disk of a PostgreSQL of ours. */
function guardDisk(
  data_dir: string,
  options: ServerOptions & { started: AsyncDisposableStack },
): DiskGuard {
  const { config, log, clock, started } = options;
  const { disk_reserve_bytes: reserve_bytes } = config.ingest;
  const own_log = log.with({ component: "ingest" });
  const guard = new DiskGuard({ data_dir, reserve_bytes, clock, log: own_log });
  const stop = new AbortController();
  const watched = guard.run(stop.signal);
  started.defer(async () => {
    stop.abort();
    await watched;
  });
  return guard;
}

/** Hosts as `/fetch/hosts` lists them. */
async function listHosts(sql: Database["sql"]) {
  return (await selectHosts(sql)).map(({ hostname, alias, location, tags }) => ({
    hostname,
    additional_data: { alias, location },
    tags,
  }));
}
