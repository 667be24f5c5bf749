/**
 * Runs `monitor` as a person would: a process of its own, in a directory of its own. It is the source
 * here, or the executable that MONITOR_TEST_BINARY names (`deno task test:binary`).
 */
import { resolve } from "node:path";

export interface Ran {
  code: number;
  out: string;
  err: string;
}

const BINARY = Deno.env.get("MONITOR_TEST_BINARY");
const MAIN = new URL("../../main.ts", import.meta.url).pathname;
const CONFIG = new URL("../../deno.json", import.meta.url).pathname;
/** As `deno task monitor` has it. */
const V8_FLAGS =
  "--v8-flags=--single-threaded-gc,--concurrent-marking,--max-semi-space-size=8,--heap-growing-percent=100";

/** What is run, in front of the arguments: the source, or the executable. */
const MONITOR: readonly [string, ...string[]] = BINARY === undefined
  ? [Deno.execPath(), "run", "-A", "--no-check", V8_FLAGS, "--config", CONFIG, MAIN]
  : [resolve(BINARY)];
/** How its messages call it. */
export const PROGRAM = BINARY === undefined ? "deno task monitor" : "monitor";

/** What the tests' own surroundings must not decide. */
const PRIVATE = /^(MONITOR_|NO_COLOR$|FORCE_COLOR$|TERM$)/;

/** No command of these tests takes longer; a server that started by mistake is ended. */
const RUN_MS_MAX = 60_000;

export interface MonitorOptions {
  env?: Record<string, string>;
  cwd?: string;
  /** As whom; only root may say. */
  uid?: number;
  stdin?: "piped";
}

export function monitorCommand(
  args: string[],
  options: MonitorOptions & { signal?: AbortSignal } = {},
): Deno.Command {
  const inherited = Object.entries(Deno.env.toObject()).filter(([name]) => !PRIVATE.test(name));
  const [program, ...first] = MONITOR;
  return new Deno.Command(program, {
    args: [...first, ...args],
    clearEnv: true,
    env: {
      ...Object.fromEntries(inherited),
      NO_PROXY: "*",
      // the server as one more host only when a test asks for it
      MONITOR_OWN_METRICS_EVERY_S: "0",
      ...options.env,
    },
    cwd: options.cwd,
    ...(options.uid === undefined ? {} : { uid: options.uid, gid: options.uid }),
    signal: options.signal,
    stdin: options.stdin ?? "null",
    stdout: "piped",
    stderr: "piped",
  });
}

/** Waits for the end. Its stdout and stderr are pipes, as in a script. */
export async function runMonitor(
  args: string[],
  options: { env?: Record<string, string>; cwd?: string } = {},
): Promise<Ran> {
  const signal = AbortSignal.timeout(RUN_MS_MAX);
  const output = await monitorCommand(args, { ...options, signal }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code: output.code, out: text(output.stdout), err: text(output.stderr) };
}

export interface RunningMonitor extends AsyncDisposable {
  /** Where it listens, as it said itself. */
  readonly url: string;
  readonly pid: number;
  /** Everything it wrote so far. */
  readonly out: string;
  readonly err: string;
  /** The first line, of the past or to come, that matches. Rejects when the process ends without. */
  line(pattern: RegExp): Promise<string>;
  kill(signal: Deno.Signal): void;
  /** Exit code; null when a signal ended it. */
  readonly ended: Promise<number | null>;
}

class Running implements RunningMonitor {
  url = "";
  out = "";
  err = "";
  readonly ended: Promise<number | null>;
  readonly #child: Deno.ChildProcess;
  readonly #waiting: { pattern: RegExp; found: (line: string) => void }[] = [];

  constructor(child: Deno.ChildProcess) {
    this.#child = child;
    const read = Promise.all([
      this.#read(child.stdout, (text) => this.out += text),
      this.#read(child.stderr, (text) => this.err += text),
    ]);
    this.ended = Promise.all([child.status, read]).then(([{ code, signal }]) =>
      signal === null ? code : null
    );
  }

  get pid(): number {
    return this.#child.pid;
  }

  async #read(stream: ReadableStream<Uint8Array>, add: (text: string) => void): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of stream) {
      add(decoder.decode(chunk, { stream: true }));
      this.#look();
    }
  }

  #look(): void {
    for (const waiting of [...this.#waiting]) {
      const line = `${this.out}\n${this.err}`.split("\n").find((text) =>
        waiting.pattern.test(text)
      );
      if (line === undefined) continue;
      this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
      waiting.found(line);
    }
  }

  async line(pattern: RegExp): Promise<string> {
    const found = new Promise<string>((resolve) => {
      this.#waiting.push({ pattern, found: resolve });
      this.#look();
    });
    const line = await Promise.race([found, this.ended.then(() => undefined)]);
    if (line !== undefined) return line;
    throw new Error(`monitor ended without a line like ${pattern}:\n${this.out}\n${this.err}`);
  }

  kill(signal: Deno.Signal): void {
    try {
      this.#child.kill(signal);
    } catch {
      // it has ended already
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.kill("SIGTERM");
    await this.ended;
  }
}

/** Follows what a process writes; it ends as a pipe of a shell does, or by `kill`. */
export function watchMonitor(child: Deno.ChildProcess): RunningMonitor {
  return new Running(child);
}

/** Starts `serve` or `up` and waits until it says where it listens. */
export async function startMonitor(
  args: string[],
  options: MonitorOptions = {},
): Promise<RunningMonitor> {
  const running = new Running(monitorCommand(args, options).spawn());
  const line = await running.line(/https?:\/\/[^\s"]+:\d+/);
  running.url = (/https?:\/\/[^\s"]+:\d+/.exec(line)?.[0] ?? "").replace("localhost", "127.0.0.1");
  return running;
}
