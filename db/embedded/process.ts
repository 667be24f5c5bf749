/**
 * One running server process: start, readiness, end.
 *
 * It is started through a shell that puts a watcher next to it and then becomes PostgreSQL (so the
 * process id is the postmaster's). The watcher reads a pipe whose other end is ours. A line means
 * "all is well, go away"; the end of the pipe without a line means that we died, by whatever means,
 * and it tells PostgreSQL to stop. That is a courtesy: orphan.ts does not rely on it.
 *
 * The server is in a session of its own: Ctrl-C in a terminal goes to every process of the
 * foreground, and the database must outlive the program that is still flushing to it.
 */
import type { Clock } from "../../clock.ts";
import type { Logger } from "../../log.ts";
import { postgresEnvironment, program, type RunOptions } from "./cluster.ts";
import { EmbeddedError } from "./error.ts";
import type { LogFile } from "./log_file.ts";
import {
  FAST_STOP_MS_MAX,
  IMMEDIATE_STOP_MS_MAX,
  readPostmaster,
  signalProcess,
} from "./orphan.ts";

/** Recovery reads at most `max_wal_size` of log, plus what a slow disk needs; then we give up. */
const START_MS_MAX = 15 * 60_000;
const READY_POLL_MS = 10;

/** The watcher is started by a shell that ends at once: PostgreSQL must not have a child it does not know. */
const START_SCRIPT = "exec 3<&0; " +
  "( (read -r _ <&3 || kill -INT $$) >/dev/null 2>&1 & ); " +
  'exec 3<&- </dev/null; exec "$@"';

/**
 * Settings of the embedded server; the rest is PostgreSQL's default. Durability (`fsync`,
 * `full_page_writes`, `synchronous_commit`) is written out because a report is acknowledged once it
 * is committed.
 */
const SETTINGS: Record<string, string> = {
  fsync: "on",
  full_page_writes: "on",
  synchronous_commit: "on",
  // indexes of the hour being written (about 30 bytes a report) fit; the machine is also the host
  // that is monitored, so no quarter of its memory
  shared_buffers: "128MB",
  // at 20,000 reports a second, 100 metrics each, a checkpoint every two minutes instead of seconds
  max_wal_size: "2GB",
  min_wal_size: "256MB",
  // filling a new segment of the log with zeros held up a commit for 50 ms, once a second at 10,000
  // reports a second; without, commits take 15 ms at most and 5 % more of them fit
  wal_init_zero: "off",
  // this build has neither lz4 nor zstd, and pglz costs the writer more than the disk
  wal_compression: "off",
  // no statement here runs long enough to win back its compilation
  jit: "off",
  max_connections: "100",
  autovacuum: "on",
  timezone: "UTC",
  log_timezone: "UTC",
  lc_messages: "C",
  log_line_prefix: "%m [%p] ",
  cluster_name: "monitor",
};

export interface ProcessOptions extends RunOptions {
  cluster_dir: string;
  /** Settings on top of the usual ones: where to listen. */
  settings: Record<string, string>;
  log: Logger;
  log_file: LogFile;
  clock: Clock;
}

/** How a server ended. */
export interface PostgresExit {
  /** Whether we had asked it to. */
  expected: boolean;
  code: number;
  signal: Deno.Signal | null;
  /** One sentence for the log. */
  reason: string;
}

function spawn(options: ProcessOptions): Deno.ChildProcess {
  const settings = Object.entries({ ...SETTINGS, ...options.settings })
    .flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  const command = [program(options.files_dir, "postgres"), "-D", options.cluster_dir, ...settings];
  const windows = Deno.build.os === "windows";
  const [name = "", ...args] = windows
    ? command
    : ["/bin/sh", "-c", START_SCRIPT, "monitor-postgres", ...command];
  return new Deno.Command(name, {
    args,
    cwd: options.cwd,
    ...options.user,
    ...postgresEnvironment(),
    stdin: "piped",
    stdout: "null",
    stderr: "piped",
    detached: true,
  }).spawn();
}

export class PostgresProcess {
  readonly #child: Deno.ChildProcess;
  readonly #options: ProcessOptions;
  readonly #control: WritableStreamDefaultWriter<Uint8Array>;
  #stopping = false;
  /** Resolves when the process is gone and its log is written. Never rejects. */
  readonly exited: Promise<PostgresExit>;

  private constructor(options: ProcessOptions) {
    this.#options = options;
    options.log_file.forget();
    this.#child = spawn(options);
    this.#control = this.#child.stdin.getWriter();
    const pumped = options.log_file.pump(this.#child.stderr, (line) => {
      if (line.includes("PANIC:")) options.log.error("PostgreSQL panicked", { line });
    });
    this.exited = this.#watch(pumped);
  }

  get pid(): number {
    return this.#child.pid;
  }

  /**
   * Starts a server on a cluster without processes and waits until it accepts connections, however
   * long recovery takes. Throws `EmbeddedError`; an aborted `signal` throws its reason. In both
   * cases no process is left.
   */
  static async start(
    options: ProcessOptions,
    wait: { onRecover?: () => void; signal?: AbortSignal } = {},
  ): Promise<PostgresProcess> {
    const server = new PostgresProcess(options);
    try {
      await server.#ready(wait);
    } catch (error) {
      await server.stop();
      throw error;
    }
    return server;
  }

  /** Stops the server: fast, then, when it takes too long, at once. Can be called again. */
  async stop(): Promise<void> {
    this.#stopping = true;
    // one that has ended is nobody to signal: its number may be another process's by now
    if (await Promise.race([this.exited, undefined]) !== undefined) return;
    const { clock, log } = this.#options;
    const steps: [Deno.Signal, number][] = [
      ["SIGINT", FAST_STOP_MS_MAX],
      ["SIGQUIT", IMMEDIATE_STOP_MS_MAX],
      ["SIGKILL", IMMEDIATE_STOP_MS_MAX],
    ];
    for (const [signal, limit_ms] of steps) {
      signalProcess(this.pid, signal);
      const done = new AbortController();
      const timeout = clock.sleep(limit_ms, done.signal).then(() => undefined);
      const exit = await Promise.race([this.exited, timeout]);
      done.abort();
      if (exit !== undefined) return;
      log.warn("PostgreSQL does not stop", { pid: this.pid, signal, limit_ms });
    }
  }

  async #watch(pumped: Promise<void>): Promise<PostgresExit> {
    const { code, signal } = await this.#child.status;
    // the line that lets the watcher go; it may be gone with its process group
    await this.#control.write(new TextEncoder().encode("\n")).catch(() => {});
    await this.#control.close().catch(() => {});
    await pumped;
    const how = signal === null ? `exit code ${code}` : `signal ${signal}`;
    const fault = this.#options.log_file.lastFault();
    const reason = code === 0 || fault === undefined ? how : `${fault} (${how})`;
    return { expected: this.#stopping, code, signal, reason };
  }

  #seeLog(): string {
    return `look into PostgreSQL's own log: ${this.#options.log_file.path}`;
  }

  async #ready(wait: { onRecover?: () => void; signal?: AbortSignal }): Promise<void> {
    const { clock, cluster_dir } = this.#options;
    let exit: PostgresExit | undefined;
    this.exited.then((value) => exit = value);
    const begun_ms = clock.monotonic();
    let told = false;
    while (true) {
      wait.signal?.throwIfAborted();
      // the file is written by a newborn server over that of a dead one
      const postmaster = await readPostmaster(cluster_dir);
      if (postmaster?.pid === this.pid && postmaster.ready) return;
      if (exit !== undefined) {
        throw new EmbeddedError(exit.reason, { hint: this.#seeLog() });
      }
      const passed_ms = clock.monotonic() - begun_ms;
      if (passed_ms > START_MS_MAX) {
        throw new EmbeddedError(`it is not ready after ${START_MS_MAX / 60_000} minutes`, {
          hint: this.#seeLog(),
        });
      }
      if (!told && passed_ms > 2_000) {
        told = true;
        wait.onRecover?.();
      }
      await clock.sleep(READY_POLL_MS);
    }
  }
}
