/**
 * A backup as one stream: a tar archive of what a directory would hold, the manifest last, so that a
 * stream that was cut off is none. `tar -x` makes a directory of it that is as good as any other.
 */
import { Buffer } from "node:buffer";
import { join } from "node:path";
import { readTar, TAR_BLOCK, TarError } from "../embedded/tar.ts";
import { BackupError } from "./error.ts";
import { idOfName, type Manifest, manifestName, manifestText } from "./manifest.ts";
import type { PackedFile } from "./pack.ts";
import type { BackupSink } from "./take.ts";

export class TarSink implements BackupSink {
  readonly #write: (bytes: Uint8Array) => Promise<void>;
  /** Equal contents are one file. */
  readonly #names = new Set<string>();

  constructor(write: (bytes: Uint8Array) => Promise<void>) {
    this.#write = write;
  }

  async put({ name, content }: PackedFile): Promise<void> {
    if (this.#names.has(name)) return;
    this.#names.add(name);
    await this.#entry(`data/${name}`, content);
  }

  has(): Promise<boolean> {
    return Promise.resolve(false);
  }

  async finish(manifest: Manifest): Promise<void> {
    const text = new TextEncoder().encode(manifestText(manifest));
    await this.#entry(manifestName(manifest.id), text);
    // two empty blocks are the end
    await this.#write(new Uint8Array(2 * TAR_BLOCK));
  }

  async #entry(path: string, content: Uint8Array): Promise<void> {
    await this.#write(header(path, content.length));
    await this.#write(content);
    await this.#write(new Uint8Array(-content.length & (TAR_BLOCK - 1)));
  }
}

/** POSIX ustar: a file that only its owner may read, without owner and time. */
function header(path: string, bytes: number): Uint8Array {
  const block = Buffer.alloc(TAR_BLOCK);
  const octal = (value: number, digits: number) => `${value.toString(8).padStart(digits, "0")}\0`;
  block.write(path, 0, 100);
  block.write(octal(0o600, 7), 100);
  block.write(octal(0, 7), 108);
  block.write(octal(0, 7), 116);
  block.write(octal(bytes, 11), 124);
  block.write(octal(0, 11), 136);
  block.write(" ".repeat(8), 148);
  block.write("0", 156);
  block.write("ustar\x0000", 257);
  block.write(`${octal(block.reduce((sum, byte) => sum + byte, 0), 6)} `, 148);
  return block;
}

/**
 * Lays a stream out below `path`, which exists: a directory of backups then. Throws `BackupError` when
 * the stream is none, or ends before its manifest.
 */
export async function unpackTar(
  source: AsyncIterable<Uint8Array<ArrayBuffer>>,
  path: string,
  options: { signal?: AbortSignal; onBytes?: (bytes: number) => void } = {},
): Promise<void> {
  await Deno.mkdir(join(path, "data"), { mode: 0o700 });
  let complete = false;
  try {
    for await (const entry of readTar(source)) {
      const is_data = /^data\/[\w.-]+\.zst$/.test(entry.path);
      const is_manifest = idOfName(entry.path) !== undefined;
      if (entry.kind !== "file" || !is_data && !is_manifest) {
        throw new TarError(`"${entry.path}" does not belong to a backup`);
      }
      using file = await Deno.open(join(path, entry.path), {
        write: true,
        createNew: true,
        mode: 0o600,
      });
      for await (const piece of entry.content) {
        options.signal?.throwIfAborted();
        for (let at = 0; at < piece.length;) at += await file.write(piece.subarray(at));
        options.onBytes?.(piece.length);
      }
      complete ||= is_manifest;
    }
  } catch (error) {
    if (!(error instanceof TarError)) throw error;
    throw notWhole(error);
  }
  if (!complete) throw notWhole("it has no manifest");
}

function notWhole(cause: unknown): BackupError {
  return new BackupError("Cannot read the stream: it is no whole backup", {
    cause,
    hint: "give it what monitor backup - has written, from the first byte to the last",
  });
}
