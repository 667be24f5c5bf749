/** Wires the way of a report: disk guard, queue, writer, intake. */
import type { Clock } from "../clock.ts";
import { connect } from "../db/connect.ts";
import type { Database } from "../db/database.ts";
import { RenewedPool } from "../db/renewed_pool.ts";
import type { Logger } from "../log.ts";
import type { Config } from "./config.ts";
import type { MetricsRoute } from "./http/metrics.ts";
import { ClientRates, registerRates } from "./http/rate.ts";
import { Directory } from "./ingest/directory.ts";
import { Admission } from "./ingest/admission.ts";
import { DiskGuard } from "./ingest/disk_guard.ts";
import { Intake } from "./ingest/intake.ts";
import { registerIngest, writerMetrics } from "./ingest/metrics.ts";
import { IngestLimits } from "./ingest/limits.ts";
import { IngestQueue } from "./ingest/queue.ts";
import { startWriter } from "./ingest/writer.ts";
import type { Registry } from "./metrics/registry.ts";
import type { ObservedReport } from "./query/latest.ts";
import { RetentionClasses } from "./retention.ts";

/** A batch is closed at this size; measured: larger ones do not commit more rows a second. */
const BATCH_BYTES_MAX = 4 * 1024 * 1024;
/** Of the pool for new names and partitions of the past: one round of names, and a writer or two. */
const NAMES_CONNECTIONS = 3;
/** New names are made in milliseconds. With no answer by then their senders are told to come again. */
const NAMES_ANSWER_MS_MAX = 30_000;

interface Base {
  config: Config;
  log: Logger;
  clock: Clock;
  started: AsyncDisposableStack;
}

/** The ingest step: what was accepted is still committed when it stops. */
export function startIngest(
  { address }: Database,
  options: Base & {
    /** Told of each row after its commit. */
    onStored: (row: ObservedReport) => void;
    guard: DiskGuard | undefined;
    metrics: Registry;
  },
) {
  const { config, log, clock, guard, onStored, started } = options;
  const { metrics } = options;
  const queue = new IngestQueue({
    bytes_max: config.ingest.queue_bytes_max,
    batch_bytes_max: BATCH_BYTES_MAX,
    requireRoom: guard?.requireRoom,
    monotonic: () => clock.monotonic(),
  });
  const own_log = log.with({ component: "ingest" });
  const admission = admissionTo(queue, { config, clock, log: own_log });
  const connectTo = (connections_max: number, silent_transaction_ms_max?: number) =>
    connect(address, {
      ...{ connections_max, silent_transaction_ms_max, log },
      application_name: "monitor ingest",
    });
  const pool = started.use(
    new RenewedPool({
      // what a connection that was given up holds is free for others after this time
      connect: () => connectTo(NAMES_CONNECTIONS, NAMES_ANSWER_MS_MAX),
      answer_ms_max: NAMES_ANSWER_MS_MAX,
    }),
  );
  const writer = startWriter({
    pool,
    connect: () => connectTo(1),
    queue,
    clock,
    log: own_log,
    ...writerMetrics(metrics),
    onCommitted: (rows) => rows.forEach(onStored),
  });
  started.defer(async () => {
    queue.stop();
    await writer.finished;
  });
  const too_much = new IngestLimits({ limits: config.limits, clock, log: own_log });
  const intake = intakeFor(queue, { pool, config, clock, too_much });
  const { queue_bytes_max } = config.ingest;
  registerIngest(metrics, { queue, intake, admission, too_much, queue_bytes_max, disk: guard });
  const rates = new ClientRates(config.limits, () => clock.monotonic());
  registerRates(metrics, rates);
  const route: Omit<MetricsRoute, "clock"> = {
    rates,
    body_bytes_max: config.ingest.body_bytes_max,
    room: queue,
    isBusy: admission.isBusy,
    receive: (body, options) => intake.receive(body, options),
  };
  return { intake, route };
}

function intakeFor(
  queue: IngestQueue,
  { pool, config, clock, too_much }: Pick<Base, "config" | "clock"> & {
    pool: RenewedPool;
    too_much: IngestLimits;
  },
): Intake {
  const classes = new RetentionClasses(config.retention);
  return new Intake({
    classOf: classes.divided ? (metric) => classes.classOf(metric) : undefined,
    directory: new Directory({ pool, clock, limits: too_much }),
    too_much,
    queue,
    clock,
    limits: {
      future_ms_max: config.ingest.future_s_max * 1000,
      // what is older than its retention could not be kept
      past_ms_max: Math.min(config.ingest.past_days_max, config.retention.raw_days) * 86_400_000,
    },
  });
}

/** Refuses what would wait too long. */
function admissionTo(
  queue: IngestQueue,
  { config, clock, log }: Pick<Base, "config" | "clock" | "log">,
): Admission {
  const { limits } = config;
  return new Admission({
    waitMs: () => queue.waitMs(),
    isNearlyFull: () => queue.isNearlyFull(),
    limits,
    monotonic: () => clock.monotonic(),
    onBusy: (wait_ms) =>
      log.warn("more reports come than can be stored: senders are told to come again", {
        wait_ms: Math.round(wait_ms),
        wait_ms_max: limits.ingest_wait_ms,
      }),
  });
}

/** Looks after the disk of a PostgreSQL of ours. */
export function guardDisk(
  data_dir: string,
  options: Base,
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
