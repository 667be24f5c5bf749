/** `monitor restore`: a backup becomes a database again. */
import { clearDatabase, isInTheWay, setClusterAside } from "../../db/backup/clear.ts";
import { BackupDirectory } from "../../db/backup/directory.ts";
import type { Manifest } from "../../db/backup/manifest.ts";
import { migrationsOf, restoreBackup, type Restored } from "../../db/backup/restore.ts";
import { unpackTar } from "../../db/backup/tar.ts";
import { verifyBackup } from "../../db/backup/verify.ts";
import { migrationLabel, readMigrations } from "../../db/migration_files.ts";
import { selectOtherSessions } from "../../db/transfer/catalog.ts";
import { backupName } from "../../db/transfer/notes.ts";
import { CommandError, UsageError } from "../cli/failure.ts";
import { type Meter, showMeter } from "../cli/meter.ts";
import { safeText } from "../cli/text.ts";
import type { BackupContext, ReadConfig } from "./command.ts";
import { openAlone, type Place, type PlaceOptions } from "./place.ts";

export interface RestoreOptions {
  backup?: string;
  force?: true;
  json?: true;
}

/** How our connections are called in `pg_stat_activity`. */
const NAME = "monitor restore";

type Context = BackupContext & { signal: AbortSignal; meter: (label: string) => Meter };

/** `from` is a directory, or `-` for stdin. Throws what can be told to the person. */
export async function runRestore(
  from: string,
  options: RestoreOptions,
  given: BackupContext & ReadConfig,
): Promise<void> {
  const { config, log } = await given.readConfig();
  if (from === "-" && Deno.stdin.isTerminal()) {
    throw new UsageError('"-" reads the backup from stdin, which must not be a terminal');
  }
  using stop = given.listenForStop();
  const meter = (label: string) => showMeter(given.terminal, { ...given, label, unit: "rows" });
  const context = { ...given, signal: stop.signal, meter };
  try {
    await using source = await openSource(from, context);
    const { directory } = source;
    const manifest = await choose(directory, options.backup);
    // nothing is touched for a backup that cannot be restored
    migrationsOf(manifest, await readMigrations());
    await checkWhole(directory, manifest, context);
    const place = { ...given, config, log, application_name: NAME };
    const { opened, aside } = await makeRoom(manifest, { ...options, place });
    await using target = opened;
    const begun_ms = given.clock.monotonic();
    const restored = await restore(target, directory, { ...context, manifest, log });
    const took_ms = Math.round(given.clock.monotonic() - begun_ms);
    const report = { ...restored, id: manifest.id, point: manifest.point, took_ms, aside };
    given.terminal.out(
      options.json
        ? `${JSON.stringify({ ...report, to: target.shown, migrated: labels(restored) })}\n`
        : restoredText(report, target),
    );
  } catch (error) {
    if (!stop.signal.aborted) throw error;
    throw new CommandError("Stopped before everything was restored", {
      hint: "the same command goes on with what is missing; until then no server starts there",
    });
  }
}

interface Source extends AsyncDisposable {
  directory: BackupDirectory;
}

/** A stream is laid out in the temporary folder, so that all of it is checked before it is used. */
async function openSource(from: string, { signal, terminal, clock }: Context): Promise<Source> {
  if (from !== "-") {
    const directory = await BackupDirectory.toRead(from);
    const close = () => Promise.resolve(directory[Symbol.dispose]());
    return { directory, [Symbol.asyncDispose]: close };
  }
  await using opened = new AsyncDisposableStack();
  const path = await Deno.makeTempDir({ prefix: "monitor-restore-" });
  opened.defer(() => Deno.remove(path, { recursive: true }));
  const meter = showMeter(terminal, { label: "Reading", unit: "bytes", clock });
  let done = 0;
  try {
    const onBytes = (bytes: number) => meter.update({ done: done += bytes });
    await unpackTar(Deno.stdin.readable, path, { signal, onBytes });
  } finally {
    meter.done();
  }
  const directory = opened.use(await BackupDirectory.toRead(path));
  const owned = opened.move();
  return { directory, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

async function choose(directory: BackupDirectory, wanted: string | undefined): Promise<Manifest> {
  const ids = await directory.ids();
  const id = wanted ?? ids.at(-1);
  if (id !== undefined && ids.includes(id)) return await directory.manifest(id);
  throw new CommandError(
    wanted === undefined
      ? `There is no complete backup in "${directory.path}"`
      : `There is no backup "${safeText(wanted)}" in "${directory.path}"`,
    { hint: "monitor backup --list tells those there are" },
  );
}

async function checkWhole(
  directory: BackupDirectory,
  manifest: Manifest,
  { meter: show, signal }: Context,
): Promise<void> {
  const meter = show("Checking");
  try {
    const [fault, ...others] = await verifyBackup(directory, manifest, {
      signal,
      onProgress: ({ rows, fraction, note }) => meter.update({ done: rows, fraction, note }),
    });
    if (fault === undefined) return;
    throw new CommandError("Cannot restore a damaged backup; nothing was changed", {
      cause: others.length === 0 ? fault : `${fault} (and ${others.length} more)`,
      hint: "use another copy of it, or an earlier one: --backup, monitor backup --list",
    });
  } finally {
    meter.done();
  }
}

/** The target, into which the backup may go; with `--force` what is there gives way. */
async function makeRoom(
  manifest: Manifest,
  { force, place }: RestoreOptions & { place: PlaceOptions },
): Promise<{ opened: Place; aside: string | undefined }> {
  const source_id = backupName(manifest.id);
  const { config, clock } = place;
  await using found = new AsyncDisposableStack();
  const opened = found.use(await openAlone(place));
  await checkAlone(opened);
  if (!force || !await isInTheWay(opened.sql, source_id)) {
    found.move();
    return { opened, aside: undefined };
  }
  if (config.database.kind === "external") {
    await clearDatabase(opened.sql, { source_id, migrations: await readMigrations() });
    found.move();
    return { opened, aside: undefined };
  }
  await opened[Symbol.asyncDispose]();
  const time = new Date(clock.now()).toISOString().replaceAll(/[-:]|\.\d+/g, "");
  const aside = await setClusterAside(config.data_dir, `before-restore-${time}`);
  return { opened: await openAlone(place), aside };
}

/** A server that writes meanwhile would make something else of it. */
async function checkAlone({ sql, shown }: Place): Promise<void> {
  const others = await selectOtherSessions(sql, NAME);
  if (others.length === 0) return;
  throw new CommandError(`Cannot restore to ${shown}: ${others.join(", ")} is connected`, {
    hint: "stop the server first",
  });
}

async function restore(
  { sql }: Place,
  directory: BackupDirectory,
  options: Context & Pick<Parameters<typeof restoreBackup>[2], "manifest" | "log">,
): Promise<Restored> {
  const meter = options.meter("Restoring");
  try {
    return await restoreBackup(sql, directory, {
      ...options,
      onProgress: ({ rows, fraction, note }) => meter.update({ done: rows, fraction, note }),
    });
  } finally {
    meter.done();
  }
}

function labels({ migrated }: Restored): string[] {
  return migrated.map(migrationLabel);
}

function restoredText(
  report: Restored & { id: string; point: string; took_ms: number; aside: string | undefined },
  { shown }: Place,
): string {
  const { tables, rows, id, point, took_ms, aside, kept, left_out, migrated } = report;
  return [
    `Restored ${tables} tables, ${rows} rows in ${(took_ms / 1000).toFixed(1)} s; ` +
    `all of it was read back and is the same`,
    `to        ${shown}`,
    `backup    ${id}`,
    `point     ${point}: everything acknowledged before is there`,
    ...(kept > 0 ? [`kept      ${kept} tables of an earlier attempt`] : []),
    ...(migrated.length > 0 ? [`migrated  ${labels(report).join(", ")}`] : []),
    ...(left_out.length > 0 ? [`not       ${left_out.join(", ")}: not monitor's`] : []),
    ...(aside === undefined
      ? []
      : [`before    ${aside} has what was there; remove it when content`]),
    "",
  ].join("\n");
}
