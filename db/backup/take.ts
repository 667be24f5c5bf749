/**
 * Takes a backup: every table of one snapshot, packed and summed, into a directory or a stream.
 *
 * Of a directory, files of its newest backup are used again for tables that are what they were then
 * (change_mark.ts). The manifest comes last, after the database has noted the backup.
 */
import type { Clock } from "../../clock.ts";
import type { Sql, TransactionSql } from "../connect.ts";
import {
  type Relation,
  relationLabel,
  selectSequences,
  type SequenceValue,
} from "../transfer/catalog.ts";
import { readRows } from "../transfer/copy_table.ts";
import { RowDigest } from "../transfer/digest.ts";
import { selectUnfinished } from "../transfer/notes.ts";
import { Tally, type TallyOptions } from "../transfer/tally.ts";
import { holdsMarks, noteTaken, selectMark, selectOrigin } from "./change_mark.ts";
import { BackupError } from "./error.ts";
import {
  BACKUP_FORMAT,
  type BackupFile,
  backupId,
  type BackupTable,
  filesOf,
  type Manifest,
} from "./manifest.ts";
import { pack, type PackedFile } from "./pack.ts";
import { readSnapshot, type Snapshot, type SnapshotReader } from "./snapshot.ts";

/** Where a backup goes. */
export interface BackupSink {
  put(file: PackedFile): Promise<void>;
  /** Whether it has this file from before. */
  has(file: BackupFile): Promise<boolean>;
  finish(manifest: Manifest): Promise<void>;
}

export interface TakeOptions extends TallyOptions {
  clock: Clock;
  /** The version of this program. */
  version: string;
  /** The newest backup there, whose files can be used again. */
  base?: Manifest;
  /** The newest there, whether it can be used or not. */
  newest_id?: string;
}

export interface Taken {
  manifest: Manifest;
  tables: number;
  rows: number;
  /** In the database, without indexes. */
  database_bytes: number;
  /** What was written now, and what all files of this backup have. */
  written: { files: number; bytes: number };
  files: { files: number; bytes: number };
  /** Tables whose files are those of the backup before. */
  unchanged: number;
  /** How long the snapshot was held. */
  snapshot_ms: number;
  /** Whether the next backup can use files of this one. */
  noted: boolean;
}

/** Throws `BackupError`, what PostgreSQL says, and the reason of `signal`. */
export async function takeBackup(
  sql: Sql,
  sink: BackupSink,
  options: TakeOptions,
): Promise<Taken> {
  const { clock } = options;
  await checkWhole(sql);
  const read = await readSnapshot(sql, clock, () => new Reader(sink, options));
  const { parts, ...counts } = read;
  const finished = new Date(clock.now()).toISOString();
  const noted = await noteTaken(sql, { id: parts.id, point: parts.point, finished });
  const { origin, ...rest } = parts;
  const manifest: Manifest = { ...rest, finished, ...(noted ? { origin } : {}) };
  options.signal?.throwIfAborted();
  await sink.finish(manifest);
  const files = filesOf(manifest.tables);
  return {
    ...counts,
    manifest,
    noted,
    tables: manifest.tables.length,
    rows: manifest.tables.reduce((sum, { rows }) => sum + rows, 0),
    database_bytes: manifest.tables.reduce((sum, { bytes }) => sum + bytes, 0),
    files: { files: files.length, bytes: files.reduce((sum, { bytes }) => sum + bytes, 0) },
  };
}

/** Throws `BackupError` when there is no whole installation. */
async function checkWhole(sql: Sql): Promise<void> {
  if (await selectUnfinished(sql) !== undefined) {
    throw new BackupError("Cannot back up a copy that is not complete", {
      hint: "let monitor migrate --to, or monitor restore, come to its end first",
    });
  }
  const [row] = await sql<{ there: boolean }[]>`
    select to_regclass('migration') is not null as there`;
  if (row?.there) return;
  throw new BackupError("There is nothing to back up: the database has no tables of monitor", {
    hint: "name the one that the server uses (--config, --data or --database-url)",
  });
}

interface Read extends Pick<Taken, "written" | "unchanged" | "snapshot_ms"> {
  parts: Omit<Manifest, "finished"> & Required<Pick<Manifest, "origin">>;
}

class Reader implements SnapshotReader<Read> {
  readonly #sink: BackupSink;
  readonly #options: TakeOptions;
  readonly #begun_ms: number;
  readonly #tables: BackupTable[] = [];
  readonly #written = { files: 0, bytes: 0 };
  /** Tables of the backup before by label, when their marks hold. */
  #before = new Map<string, BackupTable>();
  #unchanged = 0;
  #snapshot: Snapshot | undefined;
  #tally: Tally;
  #head: Pick<Read["parts"], "migrations" | "origin" | "postgres" | "sequences"> | undefined;

  constructor(sink: BackupSink, options: TakeOptions) {
    this.#sink = sink;
    this.#options = options;
    this.#begun_ms = options.clock.monotonic();
    this.#tally = new Tally([], 1, options);
  }

  async begin(snapshot: Snapshot): Promise<void> {
    const { tx, relations } = snapshot;
    this.#snapshot = snapshot;
    this.#tally = new Tally(relations, 1, this.#options);
    this.#head = {
      migrations: await selectMigrations(tx),
      origin: await selectOrigin(tx),
      postgres: await selectVersion(tx),
      // not of the snapshot but of now: never before what is in the rows
      sequences: [...await selectSequences(tx)].map((one: SequenceValue) => ({ ...one })),
    };
    const { base } = this.#options;
    if (base === undefined || !await holdsMarks(tx, base, this.#head)) return;
    this.#before = new Map(base.tables.map((table) => [relationLabel(table), table]));
  }

  async read(relation: Relation): Promise<void> {
    const { tx } = this.#started();
    const mark = await selectMark(tx, relation);
    const before = this.#before.get(relationLabel(relation));
    if (before !== undefined && isSame(before, relation, mark) && await this.#hasAll(before)) {
      await this.#tally.counted(relation, "unchanged", () => Promise.resolve());
      // what is known of the rows stays; where and how they stand may have been altered
      const { rows, checksum, files } = before;
      this.#tables.push({ ...relation, rows, checksum, files, mark });
      this.#unchanged += 1;
      return;
    }
    const files: BackupFile[] = [];
    const digest = new RowDigest();
    await this.#tally.counted(relation, "backing up", async (reading) => {
      const rows = readRows(tx, relation, { ...reading, digest });
      for await (const file of pack(rows, relationLabel(relation))) {
        const { name, bytes, sha256 } = file;
        await this.#sink.put(file);
        files.push({ name, bytes, sha256 });
        this.#written.files += 1;
        this.#written.bytes += bytes;
      }
    });
    this.#tables.push({ ...relation, ...digest.end(), files, mark });
  }

  end(): Promise<Read> {
    const { point } = this.#started();
    const { clock, version, newest_id } = this.#options;
    const head = this.#head;
    if (head === undefined) throw new Error("BUG: the snapshot has not begun");
    return Promise.resolve({
      written: this.#written,
      unchanged: this.#unchanged,
      snapshot_ms: Math.round(clock.monotonic() - this.#begun_ms),
      parts: {
        format: BACKUP_FORMAT,
        id: backupId(clock.now(), newest_id),
        point,
        monitor: version,
        ...head,
        tables: this.#tables,
      },
    });
  }

  #started(): Snapshot {
    if (this.#snapshot === undefined) throw new Error("BUG: the snapshot has not begun");
    return this.#snapshot;
  }

  async #hasAll({ files }: BackupTable): Promise<boolean> {
    for (const file of files) if (!await this.#sink.has(file)) return false;
    return true;
  }
}

function isSame(before: BackupTable, { columns }: Relation, mark: string): boolean {
  return before.mark === mark && JSON.stringify(before.columns) === JSON.stringify(columns);
}

async function selectMigrations(tx: TransactionSql): Promise<Manifest["migrations"]> {
  const rows = await tx<Manifest["migrations"]>`
    select number, name, checksum from migration order by number`;
  return rows.map((row) => ({ ...row }));
}

async function selectVersion(tx: TransactionSql): Promise<string> {
  const [row] = await tx<{ server_version: string }[]>`show server_version`;
  return row?.server_version ?? "";
}
