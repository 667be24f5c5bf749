/**
 * The private PostgreSQL of one data directory. `startEmbedded` goes through these steps, each of
 * which can be killed and repeated:
 *
 *   lock the data directory       embedded/lock.ts      one live monitor, or DataDirectoryInUse
 *   decide PostgreSQL's user      embedded/user.ts      not root; who can reach what
 *   install the program files     embedded/files.ts     <data>/postgres/<version>
 *   stop what a killed run left   embedded/orphan.ts
 *   make the cluster              embedded/cluster.ts   <data>/postgres/cluster-18
 *   choose where to listen        embedded/listen.ts    <data>/postgres/socket, no network
 *   start and wait until ready    embedded/process.ts   log in <data>/postgres/postgres.log
 *
 * The server can end by itself (killed, out of memory, disk full). Then `exited` resolves and the
 * owner decides: `restart()` recovers and starts it again under the same address.
 */
import { join, resolve } from "node:path";
import type { Clock } from "../clock.ts";
import type { Logger } from "../log.ts";
import { type AddressParts, urlOf } from "./address.ts";
import { checkClusterVersion, clusterDirectory, prepareCluster } from "./embedded/cluster.ts";
import { copyCluster } from "./embedded/copy_cluster.ts";
import { EmbeddedError } from "./embedded/error.ts";
import { installFiles, type PostgresFiles } from "./embedded/files.ts";
import { prepareListening, removeSocketDirectory } from "./embedded/listen.ts";
import { lockDataDirectory } from "./embedded/lock.ts";
import { LogFile } from "./embedded/log_file.ts";
import { npmPostgresFiles } from "./embedded/npm_package.ts";
import { recoverOrphans } from "./embedded/orphan.ts";
import { packedPostgresFiles } from "./embedded/packed.ts";
import { type PostgresExit, PostgresProcess, type ProcessOptions } from "./embedded/process.ts";
import {
  checkReachable,
  makeDataDirectory,
  openTo,
  resolveUser,
  shareDataDirectory,
} from "./embedded/user.ts";

export { DataDirectoryInUse, EmbeddedError } from "./embedded/error.ts";
export type { PostgresFiles } from "./embedded/files.ts";
export type { PostgresExit } from "./embedded/process.ts";

export interface EmbeddedOptions {
  /** Created when missing. Everything of PostgreSQL goes to `<data_dir>/postgres`. */
  data_dir: string;
  log: Logger;
  clock: Clock;
  /** Told what a long start is doing, as a short phrase: "unpacking PostgreSQL". */
  onProgress?: (step: string) => void;
  /** Gives up the start; nothing is left running. */
  signal?: AbortSignal;
  /**
   * Where the program files come from. Default: the npm package for this platform, or what a
   * compiled program brings.
   */
  files?: PostgresFiles;
}

export interface EmbeddedPostgres extends AsyncDisposable {
  readonly data_dir: string;
  /** What to pass to `connect()`. Stays the same over restarts. */
  readonly address: AddressParts;
  /** The same as a URL, which `psql` understands, too. */
  readonly url: string;
  /** Process id of the current server. */
  readonly pid: number;
  /** Resolves when the current server ends, expected or not. Never rejects. */
  readonly exited: Promise<PostgresExit>;
  /** Ends the server if it runs and starts it again. Throws `EmbeddedError`. */
  restart(): Promise<void>;
  /**
   * Keeps a copy of the databases as they are, for which the server stops for a while. Returns its
   * directory. Throws `EmbeddedError`; then the server is running again.
   */
  keepCopy(name: string): Promise<string>;
  /** Stops the server and gives the data directory free. Can be called again, and at any time. */
  stop(): Promise<void>;
}

class RunningPostgres implements EmbeddedPostgres {
  readonly #options: EmbeddedOptions;
  readonly #process_options: ProcessOptions;
  readonly #release: () => void;
  #server: PostgresProcess;
  #stopped: Promise<void> | undefined;
  #restarting: Promise<void> = Promise.resolve();

  readonly data_dir: string;
  readonly address: AddressParts;

  constructor(server: PostgresProcess, parts: Prepared, release: () => void) {
    this.#server = server;
    this.#options = parts.options;
    this.#process_options = parts.process_options;
    this.#release = release;
    this.data_dir = parts.options.data_dir;
    this.address = parts.address;
  }

  get url(): string {
    return urlOf(this.address);
  }

  get pid(): number {
    return this.#server.pid;
  }

  get exited(): Promise<PostgresExit> {
    return this.#server.exited;
  }

  restart(): Promise<void> {
    return this.#whileStopped(() => Promise.resolve());
  }

  keepCopy(name: string): Promise<string> {
    const { cluster_dir, cwd: postgres_dir, user } = this.#process_options;
    this.#options.onProgress?.("copying the database");
    return this.#whileStopped(() => copyCluster(cluster_dir, { postgres_dir, name, user }));
  }

  /** Stops the server, and starts it again after `run`, however that ends. One at a time. */
  #whileStopped<T>(run: () => Promise<T>): Promise<T> {
    if (this.#stopped !== undefined) {
      const error = new EmbeddedError("it has been stopped", { hint: "start a new one" });
      return Promise.reject(error);
    }
    const next = this.#restarting.then(async () => {
      await this.#server.stop();
      try {
        return await run();
      } finally {
        this.#server = await startServer(this.#process_options, this.#options);
      }
    });
    // a failed restart does not spoil the next one
    this.#restarting = next.then(() => {}, () => {});
    return next;
  }

  stop(): Promise<void> {
    // what a restart is just starting must be stopped, too
    this.#stopped ??= this.#restarting.then(() => this.#stop()).finally(this.#release);
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    await this.#server.stop();
    if (Deno.build.os !== "windows") await removeSocketDirectory(this.#process_options.cwd);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}

interface Prepared {
  options: EmbeddedOptions;
  process_options: ProcessOptions;
  address: AddressParts;
}

/** Everything up to the start of the process. The lock is held. */
async function prepare(options: EmbeddedOptions): Promise<Prepared> {
  const { data_dir, log, clock, onProgress, signal } = options;
  const files = options.files ??
    (Deno.build.standalone ? await packedPostgresFiles() : npmPostgresFiles());
  const postgres_dir = join(data_dir, "postgres");
  const user = await resolveUser(data_dir, clusterDirectory(postgres_dir));
  await shareDataDirectory(data_dir, user);
  await Deno.mkdir(postgres_dir, { recursive: true, mode: 0o700 });
  await openTo(postgres_dir, user, "pass");
  await checkReachable(postgres_dir, user);
  await checkClusterVersion(postgres_dir);
  const files_dir = await installFiles(postgres_dir, {
    files,
    signal,
    onUnpack: () => onProgress?.("unpacking PostgreSQL"),
  });
  const run = { files_dir, user, cwd: postgres_dir };
  const cluster_dir = await prepareCluster(postgres_dir, {
    ...run,
    signal,
    onInitialise: () => onProgress?.("creating the database"),
  });
  const { settings, address } = await prepareListening(postgres_dir, user);
  const log_file = new LogFile(join(postgres_dir, "postgres.log"));
  const process_options = { ...run, cluster_dir, settings, log, log_file, clock };
  return { options, process_options, address };
}

async function startServer(
  process_options: ProcessOptions,
  options: EmbeddedOptions,
): Promise<PostgresProcess> {
  const { clock, log, onProgress, signal } = options;
  await recoverOrphans(process_options.cluster_dir, {
    clock,
    log,
    onStop: () => onProgress?.("stopping the PostgreSQL of a killed run"),
  });
  onProgress?.("starting PostgreSQL");
  const begun_ms = clock.monotonic();
  const server = await PostgresProcess.start(process_options, {
    signal,
    onRecover: () => onProgress?.("PostgreSQL is recovering from a crash"),
  });
  log.debug("PostgreSQL is ready", {
    pid: server.pid,
    took_ms: Math.round(clock.monotonic() - begun_ms),
  });
  return server;
}

/**
 * Starts the private PostgreSQL of a data directory and resolves when it accepts connections.
 * Throws `DataDirectoryInUse` when another monitor has the directory, `EmbeddedError` for
 * everything else; then nothing is left running and the directory is free.
 */
export async function startEmbedded(given: EmbeddedOptions): Promise<EmbeddedPostgres> {
  const options = { ...given, data_dir: resolve(given.data_dir) };
  const { data_dir, signal } = options;
  signal?.throwIfAborted();
  let release = () => {};
  try {
    await makeDataDirectory(data_dir);
    release = (await lockDataDirectory(data_dir)).release;
    const prepared = await prepare(options);
    const server = await startServer(prepared.process_options, options);
    return new RunningPostgres(server, prepared, release);
  } catch (error) {
    release();
    if (signal?.aborted) throw error;
    if (error instanceof Deno.errors.PermissionDenied) {
      throw new EmbeddedError(`"${data_dir}" cannot be used`, {
        hint: "run monitor as the user who owns it, or name another directory with --data",
        cause: error,
      });
    }
    throw error;
  }
}
