/** What a server does besides answering: it looks after PostgreSQL and the partitions. */
import type { Clock } from "../clock.ts";
import type { Database } from "../db/database.ts";
import { ensurePartitions } from "../db/partitions.ts";
import type { Logger } from "../log.ts";

/** How often partitions are looked after; they are made hours ahead. */
const MAINTENANCE_MS = 10 * 60_000;
/** Between two starts of a PostgreSQL of ours that has ended by itself. */
const RESTART_MS = 1_000;
const RESTART_MS_MAX = 15_000;

export interface BackgroundOptions {
  log: Logger;
  clock: Clock;
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

/** Starts all of it; stops with `started`. */
export function startBackground(
  database: Database,
  options: { log: Logger; clock: Clock; started: AsyncDisposableStack },
): void {
  const { log, clock, started } = options;
  const stop = new AbortController();
  const { signal } = stop;
  const tasks = [
    watchPostgres(database, { log, clock, signal }),
    maintain(database, { log, clock, signal }),
  ];
  started.defer(async () => {
    stop.abort();
    await Promise.all(tasks);
  });
}
