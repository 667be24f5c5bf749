/**
 * A directory with backups:
 *
 *   backup-<id>.json    the manifest of one backup, written last
 *   data/<name>.zst     packed rows; several backups may name the same file
 *   .lock               held by whoever writes (alone) or reads (shared)
 *
 * Every file is written under another name, flushed and renamed, the manifest after all others. A run
 * that was killed leaves files that no manifest names; the next one removes them. Everything is
 * readable by its owner alone: rows hold the hashes of tokens, and channels' settings.
 */
import { join } from "node:path";
import { BackupError } from "./error.ts";
import {
  type BackupFile,
  filesOf,
  idOfName,
  type Manifest,
  manifestName,
  manifestText,
  parseManifest,
} from "./manifest.ts";
import { damagedFile, type PackedFile } from "./pack.ts";

const LOCK = ".lock";
const DATA = "data";
const PARTIAL = ".partial";
const FILE_MODE = 0o600;
const FOLDER_MODE = 0o700;
/** By these a folder is known as ours. */
const OURS: ReadonlySet<string> = new Set([LOCK, DATA]);

/** What the files of a folder came to. */
export interface Pruned {
  backups: number;
  files: number;
  bytes: number;
}

export class BackupDirectory implements Disposable {
  readonly path: string;
  readonly #lock: Deno.FsFile | undefined;

  private constructor(path: string, lock: Deno.FsFile | undefined) {
    this.path = path;
    this.#lock = lock;
  }

  /** Opens a directory to write to, made when it is missing. Throws `BackupError`. */
  static async toWrite(path: string): Promise<BackupDirectory> {
    try {
      await checkOurs(path);
      await Deno.mkdir(join(path, DATA), { recursive: true, mode: FOLDER_MODE });
      const options = { read: true, write: true, create: true, mode: FILE_MODE };
      const lock = await Deno.open(join(path, LOCK), options);
      if (await lock.tryLock(true)) return new BackupDirectory(path, lock);
      lock.close();
    } catch (error) {
      throw unusable(path, error);
    }
    throw busy(path);
  }

  /** Opens one to read. Throws `BackupError`, also when there is none. */
  static async toRead(path: string): Promise<BackupDirectory> {
    let lock: Deno.FsFile | undefined;
    try {
      await Deno.stat(join(path, DATA));
      // a copy that somebody made need not have it, and nobody writes there
      lock = await Deno.open(join(path, LOCK)).catch(() => undefined);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw unusable(path, error);
      throw new BackupError(`There is no backup in "${path}"`, {
        hint: "name the directory that was given to monitor backup",
      });
    }
    if (lock === undefined || await lock.tryLock(false)) return new BackupDirectory(path, lock);
    lock.close();
    throw busy(path);
  }

  /** The ids of all backups, the oldest first. */
  async ids(): Promise<string[]> {
    const names = await Array.fromAsync(Deno.readDir(this.path), ({ name }) => name);
    return names.map(idOfName).filter((id) => id !== undefined).sort();
  }

  /** Throws `BackupError` when it is damaged or of another format. */
  async manifest(id: string): Promise<Manifest> {
    const path = join(this.path, manifestName(id));
    return parseManifest(await Deno.readTextFile(path), path);
  }

  /** The file's bytes, not checked. Throws `BackupError` when it is not there. */
  async read({ name }: BackupFile): Promise<Uint8Array> {
    try {
      return await Deno.readFile(join(this.path, DATA, name));
    } catch (error) {
      throw damagedFile(name, error);
    }
  }

  /** Whether there is such a file, by its name and size. */
  async has({ name, bytes }: BackupFile): Promise<boolean> {
    const info = await Deno.stat(join(this.path, DATA, name)).catch(() => undefined);
    return info?.size === bytes;
  }

  async put({ name, content }: PackedFile): Promise<void> {
    await this.#write(join(DATA, name), content);
  }

  /** The end of a backup: from here on it exists. */
  async finish(manifest: Manifest): Promise<void> {
    await flushFolder(join(this.path, DATA));
    const text = new TextEncoder().encode(manifestText(manifest));
    await this.#write(manifestName(manifest.id), text);
    await flushFolder(this.path);
  }

  /**
   * Removes all backups but the newest `keep`, then every file that none of the others needs. A
   * damaged manifest may need any file: then none is removed.
   */
  async prune(keep: number): Promise<Pruned> {
    const ids = await this.ids();
    const gone = ids.slice(0, Math.max(0, ids.length - keep));
    for (const id of gone) await Deno.remove(join(this.path, manifestName(id)));
    const needed = new Set<string>();
    for (const id of ids.slice(gone.length)) {
      for (const { name } of filesOf((await this.manifest(id)).tables)) needed.add(name);
    }
    const pruned = { backups: gone.length, files: 0, bytes: 0 };
    for await (const { name } of Deno.readDir(join(this.path, DATA))) {
      if (needed.has(name)) continue;
      const path = join(this.path, DATA, name);
      pruned.bytes += (await Deno.stat(path)).size;
      pruned.files += 1;
      await Deno.remove(path);
    }
    return pruned;
  }

  [Symbol.dispose](): void {
    this.#lock?.close();
  }

  async #write(name: string, content: Uint8Array): Promise<void> {
    const path = join(this.path, name);
    const partial = path + PARTIAL;
    try {
      {
        const options = { write: true, create: true, truncate: true, mode: FILE_MODE };
        using file = await Deno.open(partial, options);
        for (let at = 0; at < content.length;) at += await file.write(content.subarray(at));
        await file.sync();
      }
      await Deno.rename(partial, path);
    } catch (error) {
      await Deno.remove(partial).catch(() => {});
      throw unusable(this.path, error);
    }
  }
}

/** Somebody's documents are not to get our files among them. */
async function checkOurs(path: string): Promise<void> {
  try {
    for await (const { name } of Deno.readDir(path)) {
      if (OURS.has(name) || idOfName(name.replace(PARTIAL, "")) !== undefined) continue;
      throw new BackupError(`Cannot back up to "${path}": it holds other things ("${name}")`, {
        hint: "name an empty directory, or one with backups in it",
      });
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

function busy(path: string): BackupError {
  return new BackupError(`Cannot use "${path}": another monitor is at it`, {
    hint: "wait until that backup or restore is done",
  });
}

function unusable(path: string, error: unknown): unknown {
  const { PermissionDenied, NotADirectory, AlreadyExists, ReadOnly } = Deno.errors as unknown as // the last one is missing in the types of some versions
  Record<string, new () => Error>;
  const kinds = [PermissionDenied, NotADirectory, AlreadyExists, ReadOnly];
  const of_files = kinds.some((kind) => kind !== undefined && error instanceof kind);
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (!of_files && !/^(ENOSPC|EDQUOT|EROFS|EIO|EFBIG)$/.test(code)) return error;
  return new BackupError(`Cannot write to "${path}"`, {
    cause: error,
    hint: "see its rights and that the disk has room; earlier backups there are as they were",
  });
}

async function flushFolder(path: string): Promise<void> {
  if (Deno.build.os === "windows") return;
  using folder = await Deno.open(path);
  await folder.sync().catch(() => {
    // some filesystems cannot; then the files' own flush has to do
  });
}
