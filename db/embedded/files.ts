/**
 * The program files of PostgreSQL in the data directory. A source (`PostgresFiles`) knows one build.
 * `installFiles` asks it to fill a temporary directory, flushes every file to disk and renames the
 * directory to its final name: the final name exists only with everything in it, whatever killed an
 * earlier attempt. When it exists, the source is not touched again, so that a start after the first
 * one needs no network.
 */
import { basename, dirname, join } from "node:path";

/** Clusters of one major version can be used by all its minor versions. */
export const POSTGRES_MAJOR = 18;
/** Begins the name of a directory that is not complete. */
export const UNPACKING_PREFIX = "unpacking-";
/** How many files are copied at once: enough to hide the wait for each flush. */
const COPIES_AT_ONCE = 16;

export interface PostgresFiles {
  /** Names the exact build; becomes the name of the directory. */
  readonly id: string;
  /** Fills the empty directory `target` with `bin/`, `lib/` and `share/`, symbolic links included. */
  unpackInto(target: string, signal?: AbortSignal): Promise<void>;
}

async function* filesUnder(dir: string): AsyncGenerator<string> {
  for await (const entry of Deno.readDir(dir)) {
    const path = join(dir, entry.name);
    if (entry.isDirectory) yield* filesUnder(path);
    else if (entry.isFile) yield path;
  }
}

/**
 * Copies the files below `source` for which `isNeeded` holds, readable by everybody, each flushed to
 * disk. Links are not followed and not copied.
 */
export async function copyTree(
  source: string,
  target: string,
  options: { isNeeded: (path: string) => boolean; signal?: AbortSignal },
): Promise<void> {
  const { isNeeded, signal } = options;
  const made = new Set<string>();
  const copy = async (from: string, to: string) => {
    await Deno.copyFile(from, to);
    await publicMode(to, { executable: basename(dirname(to)) === "bin" });
    using file = await Deno.open(to, { write: true });
    await file.sync();
  };
  const running = new Set<Promise<void>>();
  for await (const from of filesUnder(source)) {
    signal?.throwIfAborted();
    if (!isNeeded(from)) continue;
    const to = join(target, from.slice(source.length));
    await makePublicDirectory(dirname(to), target, made);
    const one = copy(from, to).finally(() => running.delete(one));
    running.add(one);
    if (running.size >= COPIES_AT_ONCE) await Promise.race(running);
  }
  await Promise.all(running);
}

/** PostgreSQL may run as another user than the owner of its files: umask must not matter. */
export async function publicMode(path: string, options: { executable: boolean }): Promise<void> {
  if (Deno.build.os === "windows") return;
  await Deno.chmod(path, options.executable ? 0o755 : 0o644);
}

/** `mkdir -p` below `root` whose directories everybody can enter. */
export async function makePublicDirectory(
  dir: string,
  root: string,
  made: Set<string>,
): Promise<void> {
  if (made.has(dir)) return;
  if (dir !== root) await makePublicDirectory(dirname(dir), root, made);
  await Deno.mkdir(dir, { recursive: true });
  if (Deno.build.os !== "windows") await Deno.chmod(dir, 0o755);
  made.add(dir);
}

/**
 * Makes sure that `<parent>/<files.id>` holds the program files and returns that path. Directories
 * that an interrupted attempt left behind are removed; nobody else may be working in `parent`.
 */
export async function installFiles(
  parent: string,
  options: { files: PostgresFiles; onUnpack?: () => void; signal?: AbortSignal },
): Promise<string> {
  const { files, signal } = options;
  const final = join(parent, files.id);
  await removeLeftovers(parent, UNPACKING_PREFIX);
  if (await exists(final)) return final;
  options.onUnpack?.();
  const unpacking = temporaryName(parent, UNPACKING_PREFIX);
  await makePublicDirectory(unpacking, unpacking, new Set());
  await files.unpackInto(unpacking, signal);
  await Deno.rename(unpacking, final);
  return final;
}

/** A new name in `parent`: a program of a killed attempt may still be writing to the old one. */
export function temporaryName(parent: string, prefix: string): string {
  return join(parent, `${prefix}${crypto.randomUUID().slice(0, 8)}`);
}

/** Removes what interrupted attempts left in `parent` under names that begin with `prefix`. */
export async function removeLeftovers(parent: string, prefix: string): Promise<void> {
  for await (const entry of Deno.readDir(parent)) {
    if (!entry.name.startsWith(prefix)) continue;
    // fails while the orphaned initdb of a killed attempt still writes: the next start repeats it
    await Deno.remove(join(parent, entry.name), { recursive: true }).catch(() => {});
  }
}

export async function exists(path: string): Promise<boolean> {
  try {
    await Deno.lstat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
