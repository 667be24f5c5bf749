/**
 * PostgreSQL's program files from the archive that a compiled program brings (tar, zstd), packed by
 * tools/compile/postgres.ts. Nothing of it is read before it is unpacked: an agent, or a server with
 * a PostgreSQL of its operator's, pays no memory for it.
 *
 * The archive lies inside the program as a file, or in the program's own file at a known place
 * before what Deno reads at the start. A description beside it says where, and its SHA-256.
 */
import { createHash, type Hash } from "node:crypto";
import { dirname, join } from "node:path";
import { pipeline, Readable } from "node:stream";
import { createZstdDecompress } from "node:zlib";
import { EmbeddedError, reasonOf } from "./error.ts";
import { makePublicDirectory, type PostgresFiles, publicMode } from "./files.ts";
import { readTar, type TarEntry } from "./tar.ts";

/** Inside a compiled program, beside this module. */
export const PACKED_FOLDER = "packed";
export const ARCHIVE_NAME = "postgres.tar.zst";
export const DESCRIPTION_NAME = "postgres.json";

export interface ArchiveDescription {
  /** Of the `PostgresFiles` it was packed from. */
  id: string;
  /** Of the archive as it is, hexadecimal. */
  sha256: string;
  bytes: number;
  /** Where it begins in the program's own file. Without it there is a file beside the description. */
  offset?: number;
}

const READ_BYTES = 256 * 1024;
/** Smaller pieces come from a heap that does not shrink again: 20 MB more for as long as we run. */
const UNPACKED_BYTES = 1024 * 1024;
/** How many files are flushed to disk at once: enough to hide the wait for each. */
const FLUSHES_AT_ONCE = 32;

/** The archive this program was compiled with. Throws `EmbeddedError` when there is none. */
export async function packedPostgresFiles(
  folder = join(import.meta.dirname ?? "", PACKED_FOLDER),
): Promise<PostgresFiles> {
  const description = await readDescription(join(folder, DESCRIPTION_NAME));
  return {
    id: description.id,
    async unpackInto(target, signal) {
      const { offset = 0, bytes } = description;
      const file = description.offset === undefined ? join(folder, ARCHIVE_NAME) : Deno.execPath();
      const hash = createHash("sha256");
      const unpacked = pipeline(
        Readable.from(readPart(file, { offset, bytes, hash })),
        createZstdDecompress({ chunkSize: UNPACKED_BYTES }),
        // a failure reaches the reader of the stream, which is where it is told
        () => {},
      );
      try {
        await unpack(unpacked, target, signal);
      } catch (error) {
        signal?.throwIfAborted();
        // a full disk is not a damaged program
        if (isSystemError(error)) throw error;
        throw damaged(file, reasonOf(error), error);
      }
      if (hash.digest("hex") !== description.sha256) throw damaged(file, "its SHA-256 is wrong");
    },
  };
}

async function readDescription(path: string): Promise<ArchiveDescription> {
  try {
    // written by tools/compile/postgres.ts into the same program
    return JSON.parse(await Deno.readTextFile(path)) as ArchiveDescription;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    const { os, arch } = Deno.build;
    throw new EmbeddedError(`this program was built without it, for ${os} on ${arch}`, {
      hint: 'set "database" in server_config.json to a PostgreSQL of your own',
      cause: error,
    });
  }
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
  signal?: AbortSignal,
): Promise<void> {
  const made = new Set<string>();
  const flushing = new Set<Promise<void>>();
  const failures: unknown[] = [];
  for await (const entry of readTar(tar)) {
    signal?.throwIfAborted();
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
