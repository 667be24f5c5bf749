/** Wires what a server knows and tells of itself: its numbers, whether it is ready, itself as a host. */
import type { Clock } from "../clock.ts";
import { connect } from "../db/connect.ts";
import type { Database } from "../db/database.ts";
import type { Logger } from "../log.ts";
import type { Config } from "./config.ts";
import type { Registry } from "./metrics/registry.ts";
import { DatabaseNumbers } from "./self/database_numbers.ts";
import { chooseName, freeName, type OwnName } from "./self/own_name.ts";
import { registerProcess } from "./self/process_numbers.ts";
import { Readiness } from "./self/readiness.ts";
import { Reporter } from "./self/reporter.ts";

/** One to look at the database, one to ask whether it is there; a name among several is a lock. */
const CONNECTIONS = 3;
const CLOSE_SECONDS_MAX = 5;
/** How often the database is looked at when nothing is reported. */
const LOOK_MS = 10_000;

interface Base {
  config: Config;
  log: Logger;
  clock: Clock;
  started: AsyncDisposableStack;
  metrics: Registry;
}

export interface Self {
  readiness: Readiness;
  /** Begins to look at the numbers, and to report them as a host's; ends with `started`. */
  run(
    options: { receive: (body: Uint8Array) => Promise<unknown>; port: number },
    started: AsyncDisposableStack,
  ): void;
}

/** Registers numbers of the process and the database; nothing is looked at before `run`. */
export function startSelf(
  { address, embedded }: Database,
  options: Base & { version: string; isDiskFull: () => boolean },
): Self {
  const { config, clock, metrics, version, isDiskFull, started } = options;
  const log = options.log.with({ component: "self" });
  const sql = connect(address, {
    connections_max: CONNECTIONS,
    application_name: "monitor self",
  });
  started.defer(() => sql.end({ timeout: CLOSE_SECONDS_MAX }));
  started.use(registerProcess(metrics, { version, clock }));
  const numbers = new DatabaseNumbers(metrics, { sql, clock });
  const readiness = new Readiness({ sql, clock, isDiskFull });
  const { every_s, hostname } = config.own_metrics;

  async function reporterOf(
    { receive, port, signal }: Parameters<Self["run"]>[0] & { signal: AbortSignal },
  ): Promise<{ reporter: Reporter; own: OwnName } | undefined> {
    const place = `${Deno.hostname()}:${port}`;
    // a private PostgreSQL has one server
    const own = embedded === undefined
      ? await chooseName(hostname, { sql, clock, signal, place })
      : freeName(hostname);
    if (own === undefined) return undefined;
    if (own.name !== hostname) {
      log.info("another server reports itself under this name", { hostname, instead: own.name });
    }
    return { own, reporter: new Reporter({ metrics, hostname: own.name, receive, clock, log }) };
  }

  async function look(running: Parameters<typeof reporterOf>[0]): Promise<void> {
    const { signal } = running;
    const every_ms = every_s === 0 ? LOOK_MS : every_s * 1_000;
    let named: Awaited<ReturnType<typeof reporterOf>>;
    while (!signal.aborted) {
      await numbers.look();
      // the database may be away: then at the next look
      if (named?.own.isLost()) named = undefined;
      if (every_s > 0) named ??= await reporterOf(running).catch(() => undefined);
      const at_ms = Math.floor(clock.now() / every_ms) * every_ms;
      await named?.reporter.report(at_ms);
      await clock.sleep(at_ms + every_ms - clock.now(), signal);
    }
    await named?.own.release();
  }

  return {
    readiness,
    run(running, started) {
      const stop = new AbortController();
      const looking = look({ ...running, signal: stop.signal });
      started.defer(async () => {
        stop.abort();
        await looking;
      });
    },
  };
}
