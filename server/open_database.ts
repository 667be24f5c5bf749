/** The database the settings name, for commands that need it without the server. */
import type { Clock } from "../clock.ts";
import { type Database, openDatabase } from "../db/database.ts";
import type { Logger } from "../log.ts";
import type { Config } from "./config.ts";
import { explainStart } from "./start_failure.ts";

export interface OpenConfiguredOptions {
  log: Logger;
  clock: Clock;
  onProgress: (step: string) => void;
  application_name?: string;
}

/** Opens it as it is, without migrating it. Throws what `openDatabase` throws, with hints. */
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
      migrate: false,
    });
  } catch (error) {
    throw explainStart(error, config);
  }
}
