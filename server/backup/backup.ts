/** `monitor backup`: takes one, and says what it is. */
import { BackupDirectory, type Pruned } from "../../db/backup/directory.ts";
import { BackupError } from "../../db/backup/error.ts";
import type { Manifest } from "../../db/backup/manifest.ts";
import { takeBackup, type Taken } from "../../db/backup/take.ts";
import { TarSink } from "../../db/backup/tar.ts";
import { CommandError, UsageError } from "../cli/failure.ts";
import { showMeter } from "../cli/meter.ts";
import { formatValue } from "../cli/value.ts";
import type { BackupContext, ReadConfig } from "./command.ts";
import { openInUse, type Place } from "./place.ts";

export interface BackupOptions {
  keep?: number;
  full?: true;
  json?: true;
}

const sizeText = (bytes: number) => formatValue(bytes, "bytes");
/** How our connections are called in `pg_stat_activity`. */
const NAME = "monitor backup";

/** `to` is a directory, or `-` for stdout. Throws what can be told to the person. */
export async function runBackup(
  to: string,
  options: BackupOptions,
  context: BackupContext & ReadConfig,
): Promise<void> {
  const { terminal } = context;
  if (to === "-" && terminal.out_is_terminal) {
    throw new UsageError('"-" writes the backup to stdout, which must not be a terminal');
  }
  if (to === "-" && options.keep !== undefined) {
    throw new UsageError("--keep needs a directory");
  }
  const { config, log } = await context.readConfig();
  // first of all: whoever cannot write there need not start anything
  using directory = to === "-" ? undefined : await BackupDirectory.toWrite(to);
  await using place = await openInUse({ ...context, config, log, application_name: NAME });
  if (directory === undefined) {
    const taken = await take(place, { ...options, sink: new TarSink(writeOut) }, context);
    // stdout has the backup
    terminal.err(options.json ? jsonOf(taken, place) : takenText(taken, place, "stdout"));
    return;
  }
  const base = options.full ? undefined : await newest(directory, terminal.err);
  const newest_id = (await directory.ids()).at(-1);
  const taken = await take(place, { ...options, sink: directory, base, newest_id }, context);
  const pruned = await prune(directory, options.keep ?? Infinity, terminal.err);
  if (options.json) return terminal.out(jsonOf(taken, place, pruned));
  terminal.out(takenText(taken, place, to));
  if (pruned && pruned.backups > 0) {
    terminal.out(`removed   ${pruned.backups} older, ${sizeText(pruned.bytes)} of files\n`);
  }
  if (!taken.noted) {
    terminal.err(
      "note: this user cannot write to the database, or it is of an older version: the next " +
        "backup will be a full one, too\n",
    );
  }
}

async function take(
  { sql }: Place,
  options: Pick<Parameters<typeof takeBackup>[2], "base" | "newest_id"> & {
    sink: Parameters<typeof takeBackup>[1];
  },
  { terminal, clock, version, listenForStop }: BackupContext,
): Promise<Taken> {
  using stop = listenForStop();
  const meter = showMeter(terminal, { label: "Backing up", unit: "rows", clock });
  try {
    return await takeBackup(sql, options.sink, {
      clock,
      version,
      base: options.base,
      newest_id: options.newest_id,
      signal: stop.signal,
      onProgress: ({ rows, fraction, note }) => meter.update({ done: rows, fraction, note }),
    });
  } catch (error) {
    if (!stop.signal.aborted) throw error;
    throw new CommandError("Stopped before the backup was complete", {
      hint: "earlier backups are as they were; the same command begins anew",
    });
  } finally {
    meter.done();
  }
}

/** The newest backup that can be read. A damaged one is told, and makes this one a full one. */
async function newest(
  directory: BackupDirectory,
  err: (text: string) => void,
): Promise<Manifest | undefined> {
  const id = (await directory.ids()).at(-1);
  try {
    return id === undefined ? undefined : await directory.manifest(id);
  } catch (error) {
    if (!(error instanceof BackupError)) throw error;
    err(`warning: ${error.message}; this backup uses nothing of it\n`);
    return undefined;
  }
}

async function prune(
  directory: BackupDirectory,
  keep: number,
  err: (text: string) => void,
): Promise<Pruned | undefined> {
  try {
    return await directory.prune(keep);
  } catch (error) {
    if (!(error instanceof BackupError)) throw error;
    err(`warning: nothing was removed: ${error.message}\n`);
    return undefined;
  }
}

async function writeOut(bytes: Uint8Array): Promise<void> {
  try {
    for (let at = 0; at < bytes.length;) at += await Deno.stdout.write(bytes.subarray(at));
  } catch (cause) {
    throw new CommandError("Cannot write the backup to stdout: what was written is none", {
      cause,
      hint: "see what reads it, and that it has room",
    });
  }
}

function jsonOf(taken: Taken, { shown }: Place, pruned?: Pruned): string {
  const { manifest: { id, point, finished }, ...counts } = taken;
  return `${JSON.stringify({ id, point, finished, from: shown, ...counts, removed: pruned })}\n`;
}

function takenText(taken: Taken, { shown }: Place, to: string): string {
  const { manifest: { id, point }, tables, rows, unchanged, written, files } = taken;
  const rest = unchanged === 0 ? "" : `; ${unchanged} tables are as in the backup before`;
  return [
    `Backed up ${tables} tables, ${rows} rows in ${(taken.snapshot_ms / 1000).toFixed(1)} s`,
    `from      ${shown}`,
    `to        ${to}`,
    `backup    ${id}`,
    `point     ${point}: everything acknowledged before is in it`,
    `size      ${sizeText(files.bytes)}, of ${sizeText(taken.database_bytes)} in the database`,
    `written   ${sizeText(written.bytes)} in ${written.files} files${rest}`,
    "",
  ].join("\n");
}
