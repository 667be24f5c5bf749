/**
 * The directory of a spool: a lock, and segments by number. The lock is the operating system's: it
 * goes with the process however that dies, so that there are no stale ones. The process id in the
 * file is only for the message.
 */
import { join } from "node:path";
import { SpoolInUse } from "./error.ts";

const LOCK_FILE = "spool.lock";
const SEGMENT_NAME = /^(\d{8,15})\.spool$/;
/** Reports tell about a machine: they are its owner's. */
const DIRECTORY_MODE = 0o700;
export const FILE_MODE = 0o600;

export class SpoolFolder {
  readonly path: string;
  readonly #lock: Deno.FsFile;

  private constructor(path: string, lock: Deno.FsFile) {
    this.path = path;
    this.#lock = lock;
  }

  /** Makes the directory when it is missing. Throws SpoolInUse, or what the system says. */
  static async open(path: string): Promise<SpoolFolder> {
    await Deno.mkdir(path, { recursive: true, mode: DIRECTORY_MODE });
    const lock_path = join(path, LOCK_FILE);
    const options = { read: true, write: true, create: true, mode: FILE_MODE };
    const lock = await Deno.open(lock_path, options);
    try {
      if (!await lock.tryLock(true)) throw new SpoolInUse(path, await readPid(lock_path));
      await writePid(lock);
      return new SpoolFolder(path, lock);
    } catch (error) {
      lock.close();
      throw error;
    }
  }

  /** Numbers of the segments that are there, ascending. */
  async segments(): Promise<number[]> {
    const numbers: number[] = [];
    for await (const { name, isFile } of Deno.readDir(this.path)) {
      const [, number] = SEGMENT_NAME.exec(name) ?? [];
      if (isFile && number !== undefined) numbers.push(Number(number));
    }
    return numbers.sort((a, b) => a - b);
  }

  segmentPath(number: number): string {
    return join(this.path, `${String(number).padStart(8, "0")}.spool`);
  }

  /** Makes the directory again when somebody has removed it. */
  async restore(): Promise<void> {
    await Deno.mkdir(this.path, { recursive: true, mode: DIRECTORY_MODE });
  }

  /** A new file survives a power cut only when its directory was written too. */
  async sync(): Promise<void> {
    if (Deno.build.os === "windows") return;
    try {
      using directory = await Deno.open(this.path);
      await directory.sync();
    } catch {
      // some filesystems cannot; then the file's own sync has to do
    }
  }

  /** Others may use the directory. The file stays: two processes must not lock two of its name. */
  close(): void {
    this.#lock.close();
  }
}

/** It is the lock that counts: on a full disk what waits there can still be sent. */
async function writePid(lock: Deno.FsFile): Promise<void> {
  try {
    await lock.truncate();
    await lock.write(new TextEncoder().encode(`${Deno.pid}\n`));
  } catch {
    // Then the message of another one does without the id.
  }
}

async function readPid(path: string): Promise<number | undefined> {
  // Windows does not let others read a locked file; then the message does without the id
  const text = await Deno.readTextFile(path).catch(() => "");
  const pid = Number.parseInt(text, 10);
  return Number.isNaN(pid) ? undefined : pid;
}
