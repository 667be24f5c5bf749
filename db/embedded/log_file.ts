/**
 * PostgreSQL's own log: its standard error, written to a file of limited size. When the file is
 * full it becomes `<path>.1` and a new one begins. The last lines are also kept in memory, to say
 * in one sentence why a start failed.
 */
export const LOG_BYTES_MAX = 4 * 1024 * 1024;
const LAST_LINES_MAX = 50;

export class LogFile {
  readonly path: string;
  readonly #bytes_max: number;
  #bytes = 0;
  #file: Deno.FsFile | undefined;
  #lines: string[] = [];
  #rest = "";

  /** Nothing is opened before the first write. */
  constructor(path: string, bytes_max = LOG_BYTES_MAX) {
    this.path = path;
    this.#bytes_max = bytes_max;
  }

  /** Writes everything of `stream` until its end. Never rejects: a full disk must not stop us. */
  async pump(stream: ReadableStream<Uint8Array>, onLine?: (line: string) => void): Promise<void> {
    const decoder = new TextDecoder();
    try {
      for await (const chunk of stream) {
        this.#remember(decoder.decode(chunk, { stream: true }), onLine);
        await this.#write(chunk).catch(() => this.#close());
      }
    } catch {
      // the process is gone, and with it the other end of the pipe
    }
    this.#close();
  }

  /** The last line that says what went wrong, without time and process id. */
  lastFault(): string | undefined {
    const fault = this.#lines.findLast((line) => /(FATAL|PANIC|ERROR|error):/.test(line));
    return (fault ?? this.#lines.at(-1))?.replace(/^.*?(FATAL|PANIC|ERROR|error): +/, "").trim();
  }

  /** Forgets the lines of an earlier process. */
  forget(): void {
    this.#lines = [];
    this.#rest = "";
  }

  #remember(text: string, onLine?: (line: string) => void): void {
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) onLine?.(line);
    this.#lines = [...this.#lines, ...lines].slice(-LAST_LINES_MAX);
  }

  async #write(chunk: Uint8Array): Promise<void> {
    if (this.#file === undefined) {
      this.#file = await Deno.open(this.path, { create: true, append: true, mode: 0o600 });
      this.#bytes = (await this.#file.stat()).size;
    }
    for (let at = 0; at < chunk.length;) at += await this.#file.write(chunk.subarray(at));
    this.#bytes += chunk.length;
    if (this.#bytes < this.#bytes_max) return;
    this.#close();
    await Deno.rename(this.path, `${this.path}.1`);
  }

  #close(): void {
    this.#file?.close();
    this.#file = undefined;
  }
}
