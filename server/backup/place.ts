/** The database that a backup is taken of, or restored to. */
import type { Clock } from "../../clock.ts";
import type { Logger } from "../../log.ts";
import { showProgress } from "../cli/progress.ts";
import type { Terminal } from "../cli/terminal.ts";
import type { Config } from "../config.ts";
import {
  type DatabaseInUse,
  openConfigured,
  openInUse as openBesideServer,
} from "../open_database.ts";

/** Reading, the lock of aggregation, and one more for what is asked meanwhile. */
const CONNECTIONS_MAX = 3;

export type Place = DatabaseInUse;

export interface PlaceOptions {
  config: Config;
  log: Logger;
  clock: Clock;
  terminal: Terminal;
  /** How its connections are called in `pg_stat_activity`. */
  application_name: string;
}

/** The database as it is, whether a server runs on it or not. Throws with hints. */
export async function openInUse(options: PlaceOptions): Promise<Place> {
  const { config, terminal } = options;
  const progress = showProgress(terminal);
  const connections_max = CONNECTIONS_MAX;
  try {
    const onProgress = progress.step;
    return await openBesideServer(config, { ...options, onProgress, connections_max });
  } finally {
    progress.done();
  }
}

/** The same where no server may run: an embedded one is started, and made when there is none. */
export async function openAlone(options: PlaceOptions): Promise<Place> {
  const { config, terminal } = options;
  const progress = showProgress(terminal);
  try {
    const database = await openConfigured(config, { ...options, onProgress: progress.step });
    const { sql, url_for_display, close } = database;
    const external = config.database.kind === "external";
    const shown = external ? url_for_display : `${config.data_dir} (embedded)`;
    return { sql, shown, [Symbol.asyncDispose]: close };
  } finally {
    progress.done();
  }
}
