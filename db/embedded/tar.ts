/**
 * Reads a tar archive (POSIX ustar) while it comes, a piece at a time: what is unpacked never lies
 * in memory as a whole. It understands what tools/compile/tar.ts writes: files and symbolic links.
 */

export const TAR_BLOCK = 512;

/** The text is no archive, or one that this reader does not understand. */
export class TarError extends Error {
  override readonly name = "TarError";
}

export interface TarEntry {
  /** Relative, with `/`. */
  readonly path: string;
  readonly kind: "file" | "link";
  /** Permission bits. */
  readonly mode: number;
  /** Bytes of the content; 0 for links. */
  readonly size: number;
  /** Where a link points to. */
  readonly link: string;
  /** The content. To be read before the next entry is asked for; the rest is skipped then. */
  readonly content: AsyncIterable<Uint8Array<ArrayBuffer>>;
}

type Source = AsyncIterable<Uint8Array<ArrayBuffer>>;

/** Takes numbers of bytes from a stream of pieces of any length. */
class Input {
  readonly #source: AsyncIterator<Uint8Array<ArrayBuffer>>;
  #piece = new Uint8Array(0);

  constructor(source: Source) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** At least one byte, at most `bytes_max`; undefined at the end. */
  async some(bytes_max: number): Promise<Uint8Array<ArrayBuffer> | undefined> {
    while (this.#piece.length === 0) {
      const next = await this.#source.next();
      if (next.done) return undefined;
      this.#piece = next.value;
    }
    const part = this.#piece.subarray(0, bytes_max);
    this.#piece = this.#piece.subarray(part.length);
    return part;
  }

  async *take(bytes: number): AsyncGenerator<Uint8Array<ArrayBuffer>> {
    for (let left = bytes; left > 0;) {
      const part = await this.some(left);
      if (part === undefined) throw new TarError("it ends too early");
      left -= part.length;
      yield part;
    }
  }

  async block(): Promise<Uint8Array> {
    const block = new Uint8Array(TAR_BLOCK);
    let filled = 0;
    for await (const part of this.take(TAR_BLOCK)) {
      block.set(part, filled);
      filled += part.length;
    }
    return block;
  }
}

/** Entries in their order. Reads the source to its end. Throws TarError. */
export async function* readTar(source: Source): AsyncGenerator<TarEntry> {
  const input = new Input(source);
  for (;;) {
    const block = await input.block();
    if (block.every((byte) => byte === 0)) break;
    const head = parseHeader(block);
    let left = Math.ceil(head.size / TAR_BLOCK) * TAR_BLOCK;
    const content = async function* () {
      for await (const part of input.take(head.size)) {
        left -= part.length;
        yield part;
      }
    };
    yield { ...head, content: content() };
    for await (const part of input.take(left)) left -= part.length;
  }
  while (await input.some(TAR_BLOCK) !== undefined);
}

function parseHeader(block: Uint8Array): Omit<TarEntry, "content"> {
  const text = (start: number, length: number) => {
    const field = block.subarray(start, start + length);
    const end = field.indexOf(0);
    return new TextDecoder().decode(end === -1 ? field : field.subarray(0, end));
  };
  const octal = (start: number, length: number) => {
    const digits = text(start, length).trim();
    if (!/^[0-7]+$/.test(digits)) throw new TarError(`"${digits}" is no number of a header`);
    return parseInt(digits, 8);
  };
  // the checksum counts its own eight bytes as blanks
  const sum = block.reduce((total, byte, at) => total + (at >= 148 && at < 156 ? 32 : byte), 0);
  if (octal(148, 8) !== sum) throw new TarError("a header has a wrong checksum");
  const prefix = text(345, 155);
  const path = prefix === "" ? text(0, 100) : `${prefix}/${text(0, 100)}`;
  if (path.startsWith("/") || path.split("/").includes("..")) {
    throw new TarError(`"${path}" leads out of the archive`);
  }
  const type = text(156, 1);
  if (type !== "0" && type !== "2") throw new TarError(`"${path}" is of an unknown type`);
  return {
    path,
    kind: type === "0" ? "file" : "link",
    mode: octal(100, 8),
    size: octal(124, 12),
    link: text(157, 100),
  };
}
