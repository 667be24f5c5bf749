/** What a server does besides answering: it looks after PostgreSQL and the partitions. */
import type { Clock } from "../clock.ts";
import { isInTheWay } from "../db/block_partitions.ts";
import type { Database } from "../db/database.ts";
import { ensurePartitions } from "../db/partitions.ts";
import type { Logger } from "../log.ts";

/** How often partitions are looked after; they are made hours ahead. */
const MAINTENANCE_MS = 10 * 60_000;
/** … and when others were in the way. Each attempt may hold up readers of reports for seconds. */
const MAINTENANCE_AGAIN_MS = 60_000;
/** Between two starts of a PostgreSQL of ours that has ended by itself. */
const RESTART_MS = 1_000;
const RESTART_MS_MAX = 15_000;
/** One that lived for so long did not end by what was there when it started. */
const STEADY_MS = 60_000;

export interface BackgroundOptions {
  log: Logger;
  clock: Clock;
  signal: AbortSignal;
}

/** How long to wait until PostgreSQL is started again, by how long it lived and the last such wait. */
export function restartWaitMs(lived_ms: number, before_ms: number): number {
  if (lived_ms >= STEADY_MS) return 0;
  return Math.min(RESTART_MS_MAX, Math.max(RESTART_MS, before_ms * 2));
}

/** Starts a PostgreSQL of ours again when it has ended by itself. */
async function watchPostgres(database: Database, options: BackgroundOptions): Promise<void> {
  const { log, clock, signal } = options;
  const { embedded } = database;
  if (embedded === undefined) return;
  const aborted = new Promise<void>((resolve) =>
    signal.addEventListener("abort", () => resolve(), { once: true })
  );
  let wait_ms = 0;
  // the first end is no row of them, however early it comes
  let started_ms = -Infinity;
  while (!signal.aborted) {
    await Promise.race([embedded.exited, aborted]);
    if (signal.aborted) return;
    const next_try_s = (wait_ms = restartWaitMs(clock.monotonic() - started_ms, wait_ms)) / 1000;
    const exit = await embedded.exited;
    log.error("PostgreSQL ended by itself, starting it again", { ...exit, next_try_s });
    await clock.sleep(wait_ms, signal);
    if (signal.aborted) return;
    started_ms = clock.monotonic();
    try {
      await embedded.restart();
      log.info("PostgreSQL is back", { pid: embedded.pid });
    } catch (error) {
      log.error("PostgreSQL does not start", { error });
    }
  }
}

/**
 * Makes the partitions that are missing.
 *
 * @returns false when others were in the way (who reads late reports for long, such as a dump): no
 *   reason not to start, since reports without a partition are stored as late ones
 * @throws what else the database says
 */
export async function makePartitions(
  { sql }: Database,
  { log, clock }: Pick<BackgroundOptions, "log" | "clock">,
): Promise<boolean> {
  try {
    const made = await ensurePartitions(sql, clock.now());
    if (made.length > 0) log.debug("partitions made", { made });
    return true;
  } catch (error) {
    if (!isInTheWay(error)) throw error;
    log.warn("partitions not made, others use late reports: trying again in a minute", { error });
    return false;
  }
}

/** Keeps partitions ahead of time. */
async function maintain(
  database: Database,
  options: BackgroundOptions & { has_partitions: boolean },
): Promise<void> {
  const { log, clock, signal } = options;
  let { has_partitions } = options;
  for (;;) {
    await clock.sleep(has_partitions ? MAINTENANCE_MS : MAINTENANCE_AGAIN_MS, signal);
    if (signal.aborted) return;
    try {
      has_partitions = await makePartitions(database, options);
    } catch (error) {
      // they are made hours ahead: the next round is early enough
      log.warn("partitions not made, trying again later", { error });
    }
  }
}

/** Starts all of it; stops with `started`. */
export function startBackground(
  database: Database,
  options: {
    log: Logger;
    clock: Clock;
    started: AsyncDisposableStack;
    /** What `makePartitions` has just said. */
    has_partitions: boolean;
  },
): void {
  const { log, clock, started, has_partitions } = options;
  const stop = new AbortController();
  const { signal } = stop;
  const tasks = [
    watchPostgres(database, { log, clock, signal }),
    maintain(database, { log, clock, signal, has_partitions }),
  ];
  started.defer(async () => {
    stop.abort();
    await Promise.all(tasks);
  });
}
