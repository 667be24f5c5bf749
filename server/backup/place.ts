/** The database that a backup is taken of, or restored to. */
import type { Clock } from "../../clock.ts";
import { displayAddress } from "../../db/address.ts";
import { connect, type Sql } from "../../db/connect.ts";
import { inspectEmbedded } from "../../db/embedded/inspect.ts";
import type { Logger } from "../../log.ts";
import { CommandError } from "../cli/failure.ts";
import { showProgress } from "../cli/progress.ts";
import type { Terminal } from "../cli/terminal.ts";
import type { Config } from "../config.ts";
import { openConfigured } from "../open_database.ts";
import { explainStart } from "../start_failure.ts";

/** Reading, the lock of aggregation, and one more for what is asked meanwhile. */
const CONNECTIONS_MAX = 3;

export interface Place extends AsyncDisposable {
  sql: Sql;
  /** For people: without password. */
  shown: string;
}

export interface PlaceOptions {
  config: Config;
  log: Logger;
  clock: Clock;
  terminal: Terminal;
  /** How its connections are called in `pg_stat_activity`. */
  application_name: string;
}

function placeText({ database, data_dir }: Config): string {
  return database.kind === "external" ? displayAddress(database.address) : `${data_dir} (embedded)`;
}

/**
 * The database as it is, whether a server runs on it or not. Throws with hints, also when there is
 * none.
 */
export async function openInUse(options: PlaceOptions): Promise<Place> {
  const { config, log, application_name } = options;
  if (config.database.kind === "external") return await openAlone(options);
  const { state, address } = await inspectEmbedded(config.data_dir).catch((error) => {
    throw explainStart(error, config);
  });
  if (state === "none") {
    throw new CommandError(`There is no database in "${config.data_dir}"`, {
      hint: "name the place that the server uses: --config, --data or --database-url",
    });
  }
  if (state === "stopped") return await openAlone(options);
  if (address === undefined) {
    throw new CommandError("Cannot reach the running database from another process here", {
      hint: "stop the server first",
    });
  }
  const sql = connect(address, { connections_max: CONNECTIONS_MAX, application_name, log });
  const close = () => sql.end({ timeout: 1 });
  try {
    await sql`select 1`;
  } catch (error) {
    await close();
    throw explainStart(error, config);
  }
  return { sql, shown: placeText(config), [Symbol.asyncDispose]: close };
}

/** The same where no server may run: an embedded one is started, and made when there is none. */
export async function openAlone(options: PlaceOptions): Promise<Place> {
  const { config, log, clock, terminal, application_name } = options;
  const progress = showProgress(terminal);
  try {
    const { sql, close } = await openConfigured(config, {
      log,
      clock,
      onProgress: progress.step,
      application_name,
    });
    return { sql, shown: placeText(config), [Symbol.asyncDispose]: close };
  } finally {
    progress.done();
  }
}
