/**
 * The rows of a table as packed files, and back. A file holds so much of the COPY that it can be
 * packed and summed in memory, and begins anywhere in it; each is a zstd frame of its own.
 */
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { promisify } from "node:util";
import zlib from "node:zlib";
import { BackupError } from "./error.ts";
import type { BackupFile } from "./manifest.ts";

/** Before packing. With less, similar rows in different files would be packed worse. */
const RAW_BYTES = 16 * 2 ** 20;
/**
 * Measured on hot rows and blocks: level 3 takes a tenth off what level 1 leaves, at the same speed of
 * the whole, since reading and summing the rows takes longer than packing them.
 */
const LEVEL = 3;
const LABEL_CHARS_MAX = 60;

const compress = promisify(zlib.zstdCompress);
// not the asynchronous one: of damaged bytes Deno's throws where nobody can catch it
const decompress = (bytes: Uint8Array) => Promise.try(() => zlib.zstdDecompressSync(bytes));

export interface PackedFile extends BackupFile {
  content: Uint8Array;
}

/** Packs a stream. `label` is for people who look into the folder. */
export async function* pack(
  source: AsyncIterable<Uint8Array>,
  label: string,
): AsyncGenerator<PackedFile> {
  let pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of source) {
    pieces.push(piece);
    bytes += piece.length;
    if (bytes < RAW_BYTES) continue;
    yield await packed(pieces, label);
    [pieces, bytes] = [[], 0];
  }
  if (bytes > 0) yield await packed(pieces, label);
}

async function packed(pieces: readonly Uint8Array[], label: string): Promise<PackedFile> {
  const content = await compress(Buffer.concat(pieces), {
    params: { [zlib.constants.ZSTD_c_compressionLevel]: LEVEL },
  });
  const sha256 = sumOf(content);
  const shown = label.replaceAll(/[^\w.]/g, "_").slice(0, LABEL_CHARS_MAX);
  // what a name says is what is in it: equal contents are one file
  const name = `${shown}-${sha256.slice(0, 24)}.zst`;
  return { name, bytes: content.length, sha256, content };
}

function sumOf(content: Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}

/** Throws `BackupError` when the bytes are not those of the file. */
export function checkFile(content: Uint8Array, file: BackupFile): void {
  if (content.length === file.bytes && sumOf(content) === file.sha256) return;
  throw damagedFile(file.name, `${content.length} bytes of ${file.bytes}, or other ones`);
}

export function damagedFile(name: string, cause: unknown): BackupError {
  return new BackupError(`The backup is damaged: "${name}"`, {
    cause,
    hint: "use another copy of this backup, or an earlier one (monitor backup --list)",
  });
}

/** Unpacks one file, checked before. */
export async function unpack(content: Uint8Array, file: BackupFile): Promise<Uint8Array> {
  try {
    return await decompress(content);
  } catch (error) {
    throw damagedFile(file.name, error);
  }
}
