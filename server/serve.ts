/**
 * Puts the server together and takes it apart again. This is the only file that knows all steps:
 *
 *   database → partitions → notify → alerts → queue → writer → intake → aggregation → HTTP
 *
 * Stopping goes backwards: no new requests, then everything accepted is committed and answered, then
 * the connections and, when it is ours, PostgreSQL.
 */
import type { Clock } from "../clock.ts";
import { type Database, openDatabase } from "../db/database.ts";
import type { Logger } from "../log.ts";
import type { Config } from "./config.ts";
import { startAlerts } from "./alerts/start.ts";
import { registerAggregation } from "./aggregate/metrics.ts";
import { Aggregation } from "./aggregate/service.ts";
import { makePartitions, startBackground } from "./background.ts";
import { probe } from "./http/listen.ts";
import { counted } from "./http/counted.ts";
import { createRouter } from "./http/router.ts";
import type { RouteEntry } from "./http/routes.ts";
import type { IntakeCounters } from "./ingest/intake.ts";
import { LatestReports } from "./query/latest.ts";
import { Overview } from "./query/overview.ts";
import { type OwnToken, startAccess } from "./start_access.ts";
import { startExchange } from "./start_exchange.ts";
import { guardDisk, startIngest } from "./start_ingest.ts";
import { startNotify } from "./start_notify.ts";
import { reloadSettings } from "./reload.ts";
import { Registry } from "./metrics/registry.ts";
import { checkFiles, startListening } from "./start_listening.ts";
import { questions, startReading } from "./start_reading.ts";
import { startSelf } from "./start_self.ts";

export interface ServerOptions {
  config: Config;
  log: Logger;
  clock: Clock;
  version: string;
  /** Lets somebody in this process in, where tokens are asked for. */
  own_token?: OwnToken;
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
  /** Everything that can be asked. */
  readonly routes: readonly RouteEntry[];
  /**
   * Takes what a running server can take of settings read anew, and the rules file; the log tells what
   * that was.
   *
   * @throws PlacedError when the rules file cannot be used; then everything stays as it was
   */
  reload(next: Config): Promise<void>;
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
  const { config, log, clock, onProgress } = options;
  // a port that is taken and files that are wrong are told before anything is unpacked
  checkFiles(config, clock);
  probe(config.webapp);
  await using started = new AsyncDisposableStack();
  const database = started.use(await databaseOf(options));
  const metrics = new Registry();
  const { sql } = database;
  onProgress?.("reading the newest reports");
  const has_partitions = await makePartitions(database, { log, clock });
  const latest = new LatestReports(sql);
  await latest.load();
  const overview = new Overview({ sql, latest });

  const reading = startReading(database, { config, clock, log, started, metrics });
  startBackground(database, { log, clock, started, has_partitions });
  const { news, onNews, follow } = startExchange(database, { log, metrics, started });
  const notify = startNotify(database, { config, log, clock, started, onNews, metrics });
  const { embedded } = database;
  const guard = embedded && guardDisk(embedded.data_dir, { ...options, started });
  const { alerting, routes, applyRules } = await startAlerts(database, {
    ...{ reading, clock, log, started, metrics },
    ...config.alerts,
    isTaking: () => !guard?.isRefusing,
    onOutbox: () => {
      notify.wake();
      onNews();
    },
    onNews,
  });
  const onStored = follow({ latest, overview, reading, alerting });
  const steps = { guard, onStored, started, metrics };
  const isDiskFull = () => guard?.isRefusing ?? false;
  const self = startSelf(database, { ...options, ...steps, isDiskFull });
  const { intake, route } = startIngest(database, { ...options, ...steps });
  const aggregation = startAggregation(database, { config, log, clock, started, metrics });
  const stopping = new AbortController();
  const access = await startAccess(database, { ...options, started });
  const router = createRouter({
    ...access.routes,
    guard: access.guard,
    version: options.version,
    log: log.with({ component: "http" }),
    ...route,
    ...questions(database, { config, clock, metrics, latest, overview, reading }),
    listenIncidents: (listener) => news.listen(listener),
    stopping: stopping.signal,
    aggregate: () => aggregation.answer(),
    metrics,
    ready: () => self.readiness.answer(),
    ...routes,
    ...notify.routes,
  });
  const url = startListening(counted(router.app.fetch, metrics), { ...options, started, metrics });
  started.defer(() => stopping.abort());
  const receive = (body: Uint8Array) => intake.receive(body, { owned: true });
  self.run({ receive, port: Number(new URL(url).port) }, started);
  const owned = started.move();
  let stopped: Promise<void> | undefined;
  const stop = () => stopped ??= drain(options, self.readiness).then(() => owned.disposeAsync());
  const { counters } = intake;
  const reload = (next: Config) => reloadSettings(next, { config, log, notify, applyRules });
  const { routes: { entries } } = router;
  return { url, database, counters, routes: entries, reload, stop, [Symbol.asyncDispose]: stop };
}

function databaseOf({ config, ...options }: ServerOptions): Promise<Database> {
  return openDatabase({
    ...options,
    address: config.database.kind === "external" ? config.database.address : undefined,
    connections_max: config.database.max_connections,
    data_dir: config.data_dir,
  });
}

/** Says that the server is no longer ready, and leaves those who send it traffic time to hear of it. */
async function drain(
  { config: { webapp: { drain_s } }, clock }: ServerOptions,
  readiness: { stop(): void },
): Promise<void> {
  readiness.stop();
  await clock.sleep(drain_s * 1000);
}

/** Aggregation, in Workers with connections of their own. */
function startAggregation(
  { address }: Database,
  options: Pick<ServerOptions, "config" | "log" | "clock"> & {
    started: AsyncDisposableStack;
    metrics: Registry;
  },
): Aggregation {
  const { config: { aggregate, retention }, log, clock, started, metrics } = options;
  const aggregation = started.use(
    new Aggregation({
      address,
      schedule: aggregate.schedule,
      grace_ms: aggregate.grace_s * 1000,
      retention,
      clock,
      log: log.with({ component: "aggregate" }),
    }),
  );
  registerAggregation(metrics, aggregation);
  return aggregation;
}
