/**
 * Puts a backup into a database: the schema it was taken of, then its tables as `monitor migrate --to`
 * would copy them (transfer/transfer.ts), all read back and compared with the manifest, then the
 * migrations that have come since. Until that is done the database is an unfinished copy on which no
 * server starts; killed anywhere, the same command goes on with what is missing.
 */
import type { Clock } from "../../clock.ts";
import type { Logger } from "../../log.ts";
import type { Sql } from "../connect.ts";
import { migrate } from "../migrate.ts";
import { type Migration, migrationLabel, readMigrations } from "../migration_files.ts";
import { type Relation, relationLabel } from "../transfer/catalog.ts";
import { backupName } from "../transfer/notes.ts";
import type { TransferSource } from "../transfer/source.ts";
import type { TallyOptions } from "../transfer/tally.ts";
import { transferFrom, type TransferResult } from "../transfer/transfer.ts";
import type { BackupDirectory } from "./directory.ts";
import { BackupError } from "./error.ts";
import type { BackupTable, Manifest } from "./manifest.ts";
import { checkDigest, readTable } from "./verify.ts";

export interface RestoreOptions extends TallyOptions {
  log: Logger;
  clock: Clock;
  /** Default: those of this program. */
  migrations?: Migration[];
}

export interface Restored extends TransferResult {
  /** Applied after it: the backup was of an older version. */
  migrated: Migration[];
}

/**
 * The migrations the backup was taken of. Throws `BackupError` when this program does not know them
 * all: it could not tell what the rows mean.
 */
export function migrationsOf(manifest: Manifest, known: readonly Migration[]): Migration[] {
  return manifest.migrations.map((one) => {
    const same = known.find(({ number }) => number === one.number);
    if (same?.checksum === one.checksum) return same;
    const why = same === undefined
      ? `it has migration ${migrationLabel(one)}, this program knows ${known.length} migrations`
      : `its migration ${migrationLabel(one)} has another text than the one of this program`;
    throw new BackupError("Cannot restore a backup of another version of monitor", {
      cause: why,
      hint: `use monitor ${manifest.monitor}, which took it, or a newer one`,
    });
  });
}

/** Throws `BackupError`, `TransferError`, `MigrationError` and what PostgreSQL says. */
export async function restoreBackup(
  target: Sql,
  directory: BackupDirectory,
  options: RestoreOptions & { manifest: Manifest },
): Promise<Restored> {
  const { manifest, log, clock } = options;
  const known = options.migrations ?? await readMigrations();
  const result = await transferFrom(backupSource(directory, manifest), target, {
    ...options,
    migrations: migrationsOf(manifest, known),
    verb: "restore",
  });
  // the backup is the copy that can be put back
  const keepCopy = () => Promise.resolve();
  const migrated = await migrate(target, { log, clock, migrations: known, keepCopy });
  return { ...result, migrated };
}

function backupSource(directory: BackupDirectory, manifest: Manifest): TransferSource {
  const tables = new Map(manifest.tables.map((table) => [relationLabel(table), table]));
  const tableOf = (relation: Relation): BackupTable => {
    const table = tables.get(relationLabel(relation));
    if (table === undefined) throw new Error("BUG: the backup does not have this table");
    return table;
  };
  return {
    id: () => Promise.resolve(backupName(manifest.id)),
    relations: () => Promise.resolve(manifest.tables),
    sequences: () => Promise.resolve(manifest.sequences),
    digest(relation) {
      const { rows, checksum } = tableOf(relation);
      return Promise.resolve({ rows, checksum });
    },
    async *read(relation, { digest, onRead, signal }) {
      const table = tableOf(relation);
      for await (const piece of readTable(directory, table, signal)) {
        const before = digest.rows;
        digest.push(piece);
        onRead(digest.rows - before, piece.length);
        yield piece;
      }
      // before PostgreSQL is told that this was all
      checkDigest(table, digest);
    },
  };
}
