/**
 * The segment that is being written. A write that fails leaves no half record behind: the file is cut
 * back to where it was, and where that is not possible either, nothing is written behind it.
 */
import { FILE_MODE } from "./folder.ts";
import { SEGMENT_HEAD } from "./record.ts";

export class SegmentFile {
  readonly path: string;
  readonly #file: Deno.FsFile;
  #bytes = 0;
  #broken = false;

  private constructor(path: string, file: Deno.FsFile) {
    this.path = path;
    this.#file = file;
  }

  /** A new segment that begins with these records; nothing is left when it throws. */
  static async create(path: string, records: readonly Uint8Array[]): Promise<SegmentFile> {
    const file = await Deno.open(path, { append: true, createNew: true, mode: FILE_MODE });
    const segment = new SegmentFile(path, file);
    try {
      await segment.append([SEGMENT_HEAD, ...records]);
      return segment;
    } catch (error) {
      file.close();
      await Deno.remove(path).catch(() => {
        // an empty segment is no harm
      });
      throw error;
    }
  }

  /** Of whole records. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Nothing more can be written here. */
  get broken(): boolean {
    return this.#broken;
  }

  /** Writes all of them, or none and throws. */
  async append(records: readonly Uint8Array[]): Promise<void> {
    const bytes = joined(records);
    try {
      let written = 0;
      while (written < bytes.length) {
        written += await this.#file.write(bytes.subarray(written));
      }
      this.#bytes += bytes.length;
    } catch (error) {
      await this.#file.truncate(this.#bytes).catch(() => this.#broken = true);
      throw error;
    }
  }

  /** From now on a power cut does not take what was written. */
  async sync(): Promise<void> {
    await this.#file.syncData();
  }

  close(): void {
    this.#file.close();
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
