/**
 * The database as the rest of the program wants it: connected and migrated, wherever it runs. Without
 * an address it is the private PostgreSQL of the data directory.
 */
import type { Clock } from "../clock.ts";
import type { Logger } from "../log.ts";
import { type DatabaseAddress, displayAddress } from "./address.ts";
import { connect, type Sql } from "./connect.ts";
import { type EmbeddedPostgres, type PostgresFiles, startEmbedded } from "./embedded.ts";
import { migrate, type MigrateOptions } from "./migrate.ts";
import type { Migration } from "./migration_files.ts";

/** Statements under way at the end get this long. */
const CLOSE_SECONDS_MAX = 5;

export interface OpenDatabaseOptions {
  /** A PostgreSQL of the operator's. Without it the embedded one is started. */
  address?: DatabaseAddress;
  /** For the embedded one. */
  data_dir: string;
  log: Logger;
  clock: Clock;
  onProgress?: (step: string) => void;
  signal?: AbortSignal;
  /** Whether to bring the schema up to date. Default: true. */
  migrate?: boolean;
  /** Default: those of this program. */
  migrations?: Migration[];
  connections_max?: number;
  application_name?: string;
  /** Where the embedded PostgreSQL's program files come from. Default: see `EmbeddedOptions`. */
  files?: PostgresFiles;
}

export interface Database extends AsyncDisposable {
  readonly sql: Sql;
  readonly address: DatabaseAddress;
  /** For people: without password. */
  readonly url_for_display: string;
  /** The server, when it is ours. */
  readonly embedded: EmbeddedPostgres | undefined;
  /** Keeps what can be put back, before a migration that rewrites: see `MigrateOptions`. */
  readonly keepCopy: MigrateOptions["keepCopy"];
  /** Closes the connections, then stops the embedded server. Can be called again. */
  close(): Promise<void>;
}

/**
 * Opens the database. Throws `DataDirectoryInUse`, `EmbeddedError`, `AddressError`, `MigrationError`,
 * or what the first statement said; then nothing is left open.
 */
export async function openDatabase(options: OpenDatabaseOptions): Promise<Database> {
  const { log, clock, onProgress, signal } = options;
  await using opened = new AsyncDisposableStack();
  let embedded: EmbeddedPostgres | undefined;
  let address = options.address;
  if (address === undefined) {
    embedded = await startEmbedded({ ...options, log: log.with({ component: "postgres" }) });
    opened.use(embedded);
    address = embedded.address;
  }
  const sql = connect(address, {
    connections_max: options.connections_max,
    application_name: options.application_name,
    log,
  });
  opened.defer(() => sql.end({ timeout: CLOSE_SECONDS_MAX }));
  // a PostgreSQL of the operator's is backed up by the operator, before such a migration
  const keepCopy = embedded === undefined ? undefined : copyKeeper(embedded, log);
  const { migrations } = options;
  const migrating = { log, clock, onProgress, signal, keepCopy, migrations };
  if (options.migrate ?? true) await migrate(sql, migrating);
  else await sql`select 1`;
  const owned = opened.move();
  let closed: Promise<void> | undefined;
  const close = () => closed ??= owned.disposeAsync();
  return {
    sql,
    address,
    url_for_display: displayAddress(address),
    embedded,
    keepCopy,
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** Copies beside the cluster, told so that everybody who may need it can find it. */
function copyKeeper(
  embedded: EmbeddedPostgres,
  log: Logger,
): NonNullable<MigrateOptions["keepCopy"]> {
  return async (name, { rewrites }) => {
    const copy = await embedded.keepCopy(name);
    log.warn("a copy of the database was kept, since a migration rewrites data", {
      copy,
      rewrites,
      put_back: "docs/upgrade.md",
    });
  };
}
