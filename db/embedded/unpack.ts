/** Unpacks the archive with PostgreSQL's program files: tar, zstd, packed by tools/compile. */
import { createHash, type Hash } from "node:crypto";
import { dirname, join } from "node:path";
import { pipeline, Readable } from "node:stream";
import { createZstdDecompress } from "node:zlib";
import { ARCHIVE_NAME, readDescription } from "./archive.ts";
import { EmbeddedError, reasonOf } from "./error.ts";
import { makePublicDirectory, publicMode } from "./files.ts";
import { readTar, type TarEntry } from "./tar.ts";

const READ_BYTES = 256 * 1024;
/** How many files are flushed to disk at once: enough to hide the wait for each. */
const FLUSHES_AT_ONCE = 32;

/** Fills the empty directory `target` from the archive `folder` describes. Throws EmbeddedError. */
export async function unpackArchive(folder: string, target: string): Promise<void> {
  const { offset, bytes, sha256 } = await readDescription(folder);
  const file = offset === undefined ? join(folder, ARCHIVE_NAME) : Deno.execPath();
  const hash = createHash("sha256");
  const unpacked = pipeline(
    Readable.from(readPart(file, { offset: offset ?? 0, bytes, hash })),
    createZstdDecompress(),
    // a failure reaches the reader of the stream, which is where it is told
    () => {},
  );
  try {
    await unpack(unpacked, target);
  } catch (error) {
    // a full disk is not a damaged program
    if (!isSystemError(error)) throw damaged(file, reasonOf(error), error);
    throw new EmbeddedError(`its files cannot be written: ${reasonOf(error)}`, {
      hint: `see whether "${dirname(target)}" has room and can be written`,
      cause: error,
    });
  }
  if (hash.digest("hex") !== sha256) throw damaged(file, "its SHA-256 is wrong");
}

function damaged(file: string, reason: string, cause?: unknown): EmbeddedError {
  return new EmbeddedError(`its files in "${file}" are damaged: ${reason}`, {
    hint: "download or copy the program again",
    cause,
  });
}

function isSystemError(error: unknown): boolean {
  return Object.values(Deno.errors).some((kind) => error instanceof kind) ||
    error instanceof Error && "code" in error && /^E[A-Z]+$/.test(String(error.code));
}

async function* readPart(
  path: string,
  part: { offset: number; bytes: number; hash: Hash },
): AsyncGenerator<Uint8Array> {
  using file = await Deno.open(path);
  await file.seek(part.offset, Deno.SeekMode.Start);
  for (let left = part.bytes; left > 0;) {
    const chunk = new Uint8Array(Math.min(left, READ_BYTES));
    const length = await file.read(chunk);
    // what is missing shows in the SHA-256
    if (length === null) return;
    left -= length;
    part.hash.update(chunk.subarray(0, length));
    yield chunk.subarray(0, length);
  }
}

/** Writes all entries below `target`, each file flushed to disk before this resolves. */
async function unpack(
  tar: AsyncIterable<Uint8Array<ArrayBuffer>>,
  target: string,
): Promise<void> {
  const made = new Set<string>();
  const flushing = new Set<Promise<void>>();
  const failures: unknown[] = [];
  for await (const entry of readTar(tar)) {
    const path = join(target, entry.path);
    await makePublicDirectory(dirname(path), target, made);
    if (entry.kind === "link") {
      await Deno.symlink(entry.link, path);
      continue;
    }
    const one = flush(await writeFile(path, entry))
      .catch((error) => void failures.push(error))
      .finally(() => flushing.delete(one));
    flushing.add(one);
    if (flushing.size >= FLUSHES_AT_ONCE) await Promise.race(flushing);
  }
  await Promise.all(flushing);
  if (failures.length > 0) throw failures[0];
}

/** Leaves the file open, so that it can be flushed while the next one is written. */
async function writeFile(path: string, entry: TarEntry): Promise<Deno.FsFile> {
  const file = await Deno.open(path, { write: true, createNew: true });
  try {
    for await (const part of entry.content) {
      for (let rest = part; rest.length > 0;) rest = rest.subarray(await file.write(rest));
    }
    await publicMode(path, { executable: (entry.mode & 0o100) !== 0 });
    return file;
  } catch (error) {
    file.close();
    throw error;
  }
}

async function flush(opened: Deno.FsFile): Promise<void> {
  using file = opened;
  await file.sync();
}
