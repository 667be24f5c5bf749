/** The database the settings name, for commands that need it without the server. */
import type { Clock } from "../clock.ts";
import { connect, ping, type Sql } from "../db/connect.ts";
import { type Database, openDatabase } from "../db/database.ts";
import { inspectEmbedded } from "../db/embedded/inspect.ts";
import type { Logger } from "../log.ts";
import { CommandError } from "./cli/failure.ts";
import type { Config } from "./config.ts";
import { explainStart } from "./start_failure.ts";

const CLOSE_SECONDS_MAX = 1;

export interface OpenConfiguredOptions {
  log: Logger;
  clock: Clock;
  onProgress: (step: string) => void;
  application_name?: string;
  /** To a running server; default: one. */
  connections_max?: number;
  /** Makes an embedded database where there is none, and brings it up to date. */
  make?: boolean;
}

/** Opens it as it is, without migrating it unless it may be made. Throws what `openDatabase` throws, with hints. */
export async function openConfigured(
  config: Config,
  options: OpenConfiguredOptions,
): Promise<Database> {
  try {
    return await openDatabase({
      ...options,
      address: config.database.kind === "external" ? config.database.address : undefined,
      data_dir: config.data_dir,
      connections_max: config.database.max_connections,
      migrate: options.make ?? false,
    });
  } catch (error) {
    throw explainStart(error, config);
  }
}

/** A database that is there, and how it is called. */
export interface DatabaseInUse extends AsyncDisposable {
  sql: Sql;
  /** For people: without password. */
  shown: string;
}

/**
 * The database as it is, whether a server runs on it or not: that of a running server is reached
 * beside it. Throws with hints, also when there is none.
 */
export async function openInUse(
  config: Config,
  options: OpenConfiguredOptions,
): Promise<DatabaseInUse> {
  const { log, application_name, connections_max = 1 } = options;
  const { state, address } = config.database.kind === "external"
    ? { state: "stopped", address: undefined }
    : await inspectEmbedded(config.data_dir).catch((error) => {
      throw explainStart(error, config);
    });
  if (state === "none" && !options.make) {
    throw new CommandError(`There is no database in "${config.data_dir}"`, {
      hint: "name the place that the server uses: --config, --data or --database-url",
    });
  }
  if (state !== "running") {
    const make = state === "none";
    const { sql, url_for_display, close } = await openConfigured(config, { ...options, make });
    return { sql, shown: url_for_display, [Symbol.asyncDispose]: close };
  }
  if (address === undefined) {
    throw new CommandError("Cannot reach the running database from another process here", {
      hint: "stop the server first",
    });
  }
  const sql = connect(address, { connections_max, application_name, log });
  const close = () => sql.end({ timeout: CLOSE_SECONDS_MAX });
  try {
    await ping(sql);
  } catch (error) {
    await close();
    throw explainStart(error, config);
  }
  return { sql, shown: `${config.data_dir} (embedded)`, [Symbol.asyncDispose]: close };
}
