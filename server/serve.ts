/**
 * Puts the server together and takes it apart again. This is the only file that knows all steps:
 *
 *   database → partitions → queue → writer → intake → HTTP
 *
 * Stopping goes backwards: no new requests, then everything accepted is committed and answered, then
 * the connections and, when it is ours, PostgreSQL.
 */
import type { Clock } from "../clock.ts";
import { type Database, openDatabase } from "../db/database.ts";
import { selectHosts } from "../db/hosts.ts";
import { ensurePartitions } from "../db/partitions.ts";
import type { Logger } from "../log.ts";
import type { Config } from "./config.ts";
import { createRouter } from "./http/router.ts";
import { Directory } from "./ingest/directory.ts";
import { Intake, type IntakeCounters } from "./ingest/intake.ts";
import { IngestQueue } from "./ingest/queue.ts";
import { startWriter } from "./ingest/writer.ts";
import { exportRuns } from "./query/export.ts";
import { history } from "./query/history.ts";
import { LatestReports } from "./query/latest.ts";

/** Requests under way when the server stops get this long. */
const DRAIN_MS_MAX = 10_000;
/** How often partitions are looked after; they are made hours ahead. */
const MAINTENANCE_MS = 10 * 60_000;
/** Between two starts of a PostgreSQL of ours that has ended by itself. */
const RESTART_MS = 1_000;
const RESTART_MS_MAX = 60_000;
/** A batch is closed at this size; measured: larger ones do not commit more rows a second. */
const BATCH_BYTES_MAX = 4 * 1024 * 1024;

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
  Deno.listen({ hostname: config.webapp.host, port: config.webapp.port }).close();
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

  const background = new AbortController();
  const tasks = [
    watchPostgres(database, { ...options, signal: background.signal }),
    maintain(database, { ...options, signal: background.signal }),
  ];
  started.defer(async () => {
    background.abort();
    await Promise.all(tasks);
  });

  const queue = new IngestQueue({
    bytes_max: config.ingest.queue_bytes_max,
    batch_bytes_max: BATCH_BYTES_MAX,
  });
  const writer = startWriter({
    sql,
    queue,
    log: log.with({ component: "ingest" }),
    onCommitted: (rows) => rows.forEach((row) => latest.observe(row)),
  });
  started.defer(async () => {
    queue.stop();
    await writer.finished;
  });
  const intake = new Intake({
    directory: new Directory({ sql, clock }),
    queue,
    clock,
    limits: {
      future_ms_max: config.ingest.future_s_max * 1000,
      past_ms_max: config.ingest.past_days_max * 86_400_000,
    },
  });
  const stopping = new AbortController();
  const app = createRouter({
    version: options.version,
    log: log.with({ component: "http" }),
    body_bytes_max: config.ingest.body_bytes_max,
    room: queue,
    receive: (body) => intake.receive(body),
    latestJson: (hostname) => latest.json(hostname),
    history: (query) => history(sql, query),
    hosts: () => listHosts(sql),
    exportHosts: () => selectHosts(sql),
    exportRuns: (query) => exportRuns(sql, query),
    stopping: stopping.signal,
  });
  const url = listen(app.fetch, { config, clock, started });
  started.defer(() => stopping.abort());
  const owned = started.move();
  let stopped: Promise<void> | undefined;
  const stop = () => stopped ??= owned.disposeAsync();
  return { url, database, counters: intake.counters, stop, [Symbol.asyncDispose]: stop };
}

/** Hosts as `/fetch/hosts` lists them. */
async function listHosts(sql: Database["sql"]) {
  return (await selectHosts(sql)).map(({ hostname, alias, location, tags }) => ({
    hostname,
    additional_data: { alias, location },
    tags,
  }));
}

/** Opens the port. When stopping, requests under way are answered before the port closes. */
function listen(
  handle: (request: Request) => Response | Promise<Response>,
  options: { config: Config; clock: Clock; started: AsyncDisposableStack },
): string {
  const { config: { webapp }, clock, started } = options;
  const abort = new AbortController();
  const http = Deno.serve({
    hostname: webapp.host,
    port: webapp.port,
    signal: abort.signal,
    onListen() {},
  }, handle);
  started.defer(async () => {
    const drained = new AbortController();
    const late = clock.sleep(DRAIN_MS_MAX, drained.signal).then(() => {
      // requests still under way by now (half sent, never finished) are cut off
      if (!drained.signal.aborted) abort.abort();
    });
    await http.shutdown();
    drained.abort();
    await late;
  });
  const local = ["127.0.0.1", "::1", "0.0.0.0", "::"].includes(webapp.host);
  const name = local ? "localhost" : webapp.host;
  return `http://${name.includes(":") ? `[${name}]` : name}:${http.addr.port}`;
}

interface BackgroundOptions extends ServerOptions {
  signal: AbortSignal;
}

/** Starts a PostgreSQL of ours again when it has ended by itself. */
async function watchPostgres(database: Database, options: BackgroundOptions): Promise<void> {
  const { log, clock, signal } = options;
  const { embedded } = database;
  if (embedded === undefined) return;
  const aborted = new Promise<void>((resolve) =>
    signal.addEventListener("abort", () => resolve(), { once: true })
  );
  let wait_ms = RESTART_MS;
  while (!signal.aborted) {
    await Promise.race([embedded.exited, aborted]);
    if (signal.aborted) return;
    log.error("PostgreSQL ended by itself, starting it again", { ...await embedded.exited });
    try {
      await embedded.restart();
      log.info("PostgreSQL is back", { pid: embedded.pid });
      wait_ms = RESTART_MS;
    } catch (error) {
      log.error("PostgreSQL does not start", { error, next_try_s: wait_ms / 1000 });
      await clock.sleep(wait_ms, signal);
      wait_ms = Math.min(wait_ms * 2, RESTART_MS_MAX);
    }
  }
}

/** Keeps partitions ahead of time. */
async function maintain(database: Database, options: BackgroundOptions): Promise<void> {
  const { log, clock, signal } = options;
  for (;;) {
    await clock.sleep(MAINTENANCE_MS, signal);
    if (signal.aborted) return;
    try {
      const made = await ensurePartitions(database.sql, clock.now());
      if (made.length > 0) log.debug("partitions made", { made });
    } catch (error) {
      // they are made hours ahead: the next round is early enough
      log.warn("partitions not made, trying again later", { error });
    }
  }
}
