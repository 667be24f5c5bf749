/** One kept Python interpreter: asks it for values, with deadlines, and notices when it is gone. */
import type { Clock } from "../../clock.ts";
import { killGroup } from "./child.ts";
import { PYTHON_DRIVER } from "./python_driver.ts";

export type PythonAnswer =
  | { kind: "done"; json: string }
  /** `lost`: the process was ended because of another file; `crashed`: it ended by itself. */
  | { kind: "failed" | "timeout" | "lost" | "crashed"; message: string };

export interface PythonProcessOptions {
  interpreter: string;
  env: Record<string, string>;
  clock: Clock;
  /** What the files print, in pieces as they come. */
  onPrinted: (text: string) => void;
}

/** A result as long as that of a script; an answer has it once more escaped. */
const LINE_CHARS_MAX = 4 * 1024 * 1024;

interface Pending {
  resolve: (answer: PythonAnswer) => void;
  /** Aborted when it is answered. */
  answered: AbortController;
}

const encoder = new TextEncoder();

export class PythonProcess {
  readonly #options: PythonProcessOptions;
  readonly #child: Deno.ChildProcess;
  readonly #stdin: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #pending = new Map<number, Pending>();
  readonly #over: Promise<unknown>;
  #next_id = 1;
  #ended = false;

  /** Starts the interpreter. Throws Deno.errors.NotFound when there is none. */
  constructor(options: PythonProcessOptions) {
    this.#options = options;
    this.#child = new Deno.Command(options.interpreter, {
      args: ["-c", PYTHON_DRIVER],
      clearEnv: true,
      env: options.env,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
      detached: Deno.build.os !== "windows",
    }).spawn();
    this.#stdin = this.#child.stdin.getWriter();
    this.#over = Promise.all([
      this.#readAnswers(),
      this.#readPrinted(),
      this.#child.status.then(({ code, signal }) => {
        this.#end(`Python ended with ${signal ?? `exit code ${code}`}`, "crashed");
      }),
    ]);
  }

  /** It answers nothing any more. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Files that are being run. */
  get busy(): number {
    return this.#pending.size;
  }

  /** Runs `collect()` of a file. A missed deadline ends the process: a thread cannot be ended. */
  async ask(
    script: { name: string; file: string },
    timeout_ms: number,
  ): Promise<PythonAnswer> {
    if (this.#ended) return { kind: "lost", message: "Python has ended" };
    const id = this.#next_id++;
    const { promise, resolve } = Promise.withResolvers<PythonAnswer>();
    const answered = new AbortController();
    this.#pending.set(id, { resolve, answered });
    void this.#options.clock.sleep(timeout_ms, answered.signal).then(() => {
      if (answered.signal.aborted) return;
      this.#settle(id, { kind: "timeout", message: `did not finish within ${timeout_ms} ms` });
      this.#end("another file missed its deadline");
    });
    // A pipe that is broken is noticed by the end of the process.
    await this.#stdin.write(encoder.encode(`${JSON.stringify({ id, ...script })}\n`))
      .catch(() => {});
    return await promise;
  }

  /** Ends it and everything it started. */
  async end(): Promise<void> {
    this.#end("it was stopped");
    await this.#over;
  }

  #end(message: string, kind: "lost" | "crashed" = "lost"): void {
    if (this.#ended) return;
    this.#ended = true;
    killGroup(this.#child);
    this.#stdin.close().catch(() => {});
    for (const id of [...this.#pending.keys()]) this.#settle(id, { kind, message });
  }

  #settle(id: number, answer: PythonAnswer): void {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    pending?.answered.abort();
    pending?.resolve(answer);
  }

  async #readAnswers(): Promise<void> {
    const decoder = new TextDecoder();
    let rest = "";
    try {
      for await (const chunk of this.#child.stdout) {
        const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
        rest = lines.pop() ?? "";
        for (const line of lines) this.#read(line);
        if (rest.length > LINE_CHARS_MAX) this.#end("a result was too long");
      }
    } catch {
      // The pipe broke: the process is about to be over.
    }
  }

  async #readPrinted(): Promise<void> {
    const decoder = new TextDecoder();
    try {
      for await (const chunk of this.#child.stderr) {
        this.#options.onPrinted(decoder.decode(chunk, { stream: true }));
      }
    } catch {
      // As above.
    }
  }

  /** A file may have written into our pipe: what is no answer is not looked at. */
  #read(line: string): void {
    let answer: unknown;
    try {
      answer = JSON.parse(line);
    } catch {
      return;
    }
    if (typeof answer !== "object" || answer === null) return;
    const field = (key: string): unknown => Reflect.get(answer, key);
    const [id, json, error] = [field("id"), field("json"), field("error")];
    if (typeof id !== "number") return;
    if (typeof json === "string") this.#settle(id, { kind: "done", json });
    else this.#settle(id, { kind: "failed", message: String(error) });
  }
}
