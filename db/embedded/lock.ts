/**
 * One `monitor` per data directory. The lock is the operating system's (flock, LockFileEx): it goes
 * away with the process however that dies, so that there are no stale locks to guess about. The
 * process id in the file is only for the message.
 */
import { join } from "node:path";
import { DataDirectoryInUse, EmbeddedError, reasonOf } from "./error.ts";

export const LOCK_FILE = "monitor.lock";

/** Holds the data directory until `release()`. */
export interface DataLock extends Disposable {
  release(): void;
}

async function readPid(path: string): Promise<number | undefined> {
  // Windows does not let others read a locked file; then the message does without the id
  const text = await Deno.readTextFile(path).catch(() => "");
  const pid = Number.parseInt(text, 10);
  return Number.isNaN(pid) ? undefined : pid;
}

/**
 * Takes the data directory, which must exist, for this process. Does not wait.
 * Throws `DataDirectoryInUse` when another live process has it.
 */
export async function lockDataDirectory(data_dir: string): Promise<DataLock> {
  const path = join(data_dir, LOCK_FILE);
  let file: Deno.FsFile;
  try {
    file = await Deno.open(path, { read: true, write: true, create: true, mode: 0o600 });
  } catch (error) {
    throw new EmbeddedError(`cannot open "${path}": ${reasonOf(error)}`, {
      hint: "run monitor as the user who owns the data directory",
      cause: error,
    });
  }
  try {
    if (!await file.tryLock(true)) throw new DataDirectoryInUse(data_dir, await readPid(path));
    await file.truncate();
    await file.write(new TextEncoder().encode(`${Deno.pid}\n`));
  } catch (error) {
    file.close();
    throw error;
  }
  let held = true;
  const release = () => {
    if (!held) return;
    held = false;
    // the file stays: removing it would let two processes lock two different files of one name
    file.close();
  };
  return { release, [Symbol.dispose]: release };
}
