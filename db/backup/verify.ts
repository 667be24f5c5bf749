/** Whether a backup is what its manifest says: every file, every row. */
import { relationLabel } from "../transfer/catalog.ts";
import { RowDigest } from "../transfer/digest.ts";
import { Tally, type TallyOptions } from "../transfer/tally.ts";
import type { BackupDirectory } from "./directory.ts";
import { BackupError } from "./error.ts";
import type { BackupTable, Manifest } from "./manifest.ts";
import { checkFile, unpack } from "./pack.ts";

/** A table of a backup as the bytes of a COPY. Throws `BackupError` when a file is damaged. */
export async function* readTable(
  directory: BackupDirectory,
  { files }: BackupTable,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array> {
  for (const file of files) {
    signal?.throwIfAborted();
    const content = await directory.read(file);
    checkFile(content, file);
    yield await unpack(content, file);
  }
}

/**
 * Reads a backup to its end.
 *
 * @returns one line for each fault; none: it can be restored
 */
export async function verifyBackup(
  directory: BackupDirectory,
  manifest: Manifest,
  options: TallyOptions = {},
): Promise<string[]> {
  const tally = new Tally(manifest.tables, 1, options);
  const faults: string[] = [];
  for (const table of manifest.tables) {
    const { signal } = options;
    await tally.counted(table, "verifying", async ({ onRead }) => {
      try {
        const digest = new RowDigest();
        for await (const piece of readTable(directory, table, signal)) {
          const before = digest.rows;
          digest.push(piece);
          onRead(digest.rows - before, piece.length);
        }
        checkDigest(table, digest);
      } catch (error) {
        if (!(error instanceof BackupError)) throw error;
        const why = error.cause instanceof Error ? error.cause.message : String(error.cause);
        faults.push(`${relationLabel(table)}: ${error.message}: ${why}`);
      }
    });
  }
  return faults;
}

/** Throws `BackupError` when what was read is not what was written. */
export function checkDigest(table: BackupTable, digest: RowDigest): void {
  const found = digest.end();
  if (found.rows === table.rows && found.checksum === table.checksum) return;
  throw new BackupError(`The backup is damaged: table ${relationLabel(table)}`, {
    cause: `it has ${found.rows} rows of ${table.rows}, or other ones`,
    hint: "use another copy of this backup, or an earlier one (monitor backup --list)",
  });
}
