/**
 * One run of a program: bounded in time and in what it may print. The program gets a process group of
 * its own, and at the deadline the whole group is killed, so that a shell's children end with it.
 * Children that the program leaves behind when it ends are killed too: they hold the pipes we read,
 * and at every tick there would be one more. Whoever wants to stay starts a session of its own, as
 * daemons do; then the deadline ends the reading.
 *
 * A process that waits in the kernel (a dead network filesystem) cannot be killed. It is given up,
 * and its caller learns when it has gone after all.
 */
import type { Clock } from "../../clock.ts";

export interface ChildOptions {
  argv: readonly string[];
  cwd?: string;
  /** All it gets of an environment. */
  env: Record<string, string>;
  /** As whom it runs; else as the agent does. */
  user?: { uid: number; gid: number };
  /** Written to its standard input, which is closed then. */
  input?: string;
  timeout_ms: number;
  /** Of standard output. */
  bytes_max: number;
  clock: Clock;
  /** Ends it early. */
  signal: AbortSignal;
}

export type ChildResult =
  | { kind: "ended"; code: number; killed_by: string | null; stdout: string; stderr: string }
  | { kind: "timeout" | "too_long" | "stopped"; stderr: string; gone: Promise<void> }
  | { kind: "not_started"; reason: string };

/** Of standard error only the beginning is kept, for messages. */
const STDERR_BYTES_MAX = 8 * 1024;
/** How long a killed process may take to be gone. */
const GONE_MS_MAX = 2_000;

/** Runs a program to its end. Never rejects. */
export async function runChild(options: ChildOptions): Promise<ChildResult> {
  let child: Deno.ChildProcess;
  try {
    child = start(options);
  } catch (error) {
    return { kind: "not_started", reason: startFault(error, options) };
  }
  return await new Run(child, options).result();
}

function start({ argv, cwd, env, user, input }: ChildOptions): Deno.ChildProcess {
  const [program = "", ...args] = argv;
  return new Deno.Command(program, {
    args,
    cwd,
    env,
    uid: user?.uid,
    gid: user?.gid,
    clearEnv: true,
    stdin: input === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
    detached: Deno.build.os !== "windows",
  }).spawn();
}

function startFault(error: unknown, { argv, cwd }: ChildOptions): string {
  const [program = ""] = argv;
  if (error instanceof Deno.errors.NotFound) {
    return cwd === undefined || isFolder(cwd)
      ? `there is no program "${program}"`
      : `there is no folder "${cwd}" to run in`;
  }
  if (error instanceof Deno.errors.PermissionDenied) {
    return `"${program}" may not be executed by this user`;
  }
  return error instanceof Error ? error.message : String(error);
}

function isFolder(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}

class Run {
  readonly #child: Deno.ChildProcess;
  readonly #options: ChildOptions;
  /** Aborted when nothing is read any more. */
  readonly #cut = new AbortController();
  #exited = false;
  #ended_by: "timeout" | "too_long" | "stopped" | undefined;

  constructor(child: Deno.ChildProcess, options: ChildOptions) {
    this.#child = child;
    this.#options = options;
  }

  async result(): Promise<ChildResult> {
    const { clock, timeout_ms, bytes_max, signal, input } = this.#options;
    const over = new AbortController();
    const stop = () => this.#end("stopped");
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
    if (input !== undefined) void writeInput(this.#child, input);
    const deadline = clock.sleep(timeout_ms, over.signal).then(() => {
      if (!over.signal.aborted) this.#end("timeout");
    });
    const stdout = this.#read(this.#child.stdout, bytes_max, () => this.#end("too_long"));
    const stderr = this.#read(this.#child.stderr, STDERR_BYTES_MAX, () => {});
    const status = this.#child.status;
    const gone = status.then(() => {
      this.#exited = true;
      killGroup(this.#child);
    });
    const given_up = new AbortController();
    this.#cut.signal.addEventListener("abort", () => {
      void clock.sleep(GONE_MS_MAX, over.signal).then(() => given_up.abort());
    }, { once: true });
    const gave_up = new Promise<void>((resolve) => {
      given_up.signal.addEventListener("abort", () => resolve(), { once: true });
    });
    const texts = await Promise.all([stdout, stderr, Promise.race([gone, gave_up])]);
    over.abort();
    signal.removeEventListener("abort", stop);
    await deadline;
    const [out, err] = texts;
    if (this.#ended_by !== undefined) return { kind: this.#ended_by, stderr: err, gone };
    const { code, signal: killed_by } = await status;
    return { kind: "ended", code, killed_by, stdout: out, stderr: err };
  }

  /** No more time, no more bytes, or no more interest. */
  #end(why: "timeout" | "too_long" | "stopped"): void {
    // Ended in time, and only somebody else still holds its pipes: then all it said was heard.
    if (!this.#exited || why !== "timeout") this.#ended_by ??= why;
    killGroup(this.#child);
    this.#cut.abort();
  }

  async #read(
    stream: ReadableStream<Uint8Array>,
    bytes_max: number,
    onTooLong: () => void,
  ): Promise<string> {
    const reader = stream.getReader();
    const cancel = () => void reader.cancel().catch(() => {});
    this.#cut.signal.addEventListener("abort", cancel, { once: true });
    const decoder = new TextDecoder();
    let text = "";
    let left = bytes_max;
    try {
      for (let read = await reader.read(); !read.done; read = await reader.read()) {
        if (left > 0) text += decoder.decode(read.value.subarray(0, left), { stream: true });
        left -= read.value.length;
        if (left < 0) onTooLong();
      }
    } catch {
      // The pipe broke: what was read is what there is.
    }
    return text + decoder.decode();
  }
}

async function writeInput(child: Deno.ChildProcess, input: string): Promise<void> {
  try {
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(input));
    await writer.close();
  } catch {
    // It does not read its input, which is its own affair.
  }
}

/** Kills the process and all of its group; nothing happens when they are gone. */
export function killGroup(child: Deno.ChildProcess): void {
  try {
    if (Deno.build.os === "windows") child.kill("SIGKILL");
    else Deno.kill(-child.pid, "SIGKILL");
  } catch {
    // It is over.
  }
}
