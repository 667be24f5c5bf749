/**
 * What a killed `monitor` (or a killed PostgreSQL) leaves behind: server processes that nobody owns
 * and a `postmaster.pid`. Called while holding the data directory's lock, so that no live monitor can
 * be the owner of what is found.
 *
 * An orphan is stopped and started again instead of being adopted: its settings, socket and log
 * belong to a process that is gone. Two servers on one cluster would destroy it. PostgreSQL guards
 * against that itself by `postmaster.pid` and shared memory; nothing here weakens the guard: the file is
 * removed only when its process id has been taken over by a program that has nothing to do with
 * the cluster, and no process works in the cluster's directory any more.
 */
import { join } from "node:path";
import type { Clock } from "../../clock.ts";
import type { Logger } from "../../log.ts";
import { EmbeddedError } from "./error.ts";

/** Fast shutdown writes a checkpoint: up to `max_wal_size` of dirty pages on a slow disk. */
export const FAST_STOP_MS_MAX = 60_000;
/** Immediate shutdown only exits; recovery is left to the next start. */
export const IMMEDIATE_STOP_MS_MAX = 10_000;
/** Processes whose postmaster died notice it by themselves, after the current statement. */
const BACKENDS_MS_MAX = 10_000;
const POLL_MS = 20;

/** The process id in `postmaster.pid` and whether that server accepts connections. */
export async function readPostmaster(
  cluster_dir: string,
): Promise<{ pid: number; ready: boolean } | undefined> {
  let text: string;
  try {
    text = await Deno.readTextFile(join(cluster_dir, "postmaster.pid"));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  const lines = text.split("\n");
  const pid = Number.parseInt(lines[0] ?? "", 10);
  // the eighth line is the state, padded with blanks
  return Number.isNaN(pid) ? undefined : { pid, ready: lines[7]?.trim() === "ready" };
}

/** Sends a signal; a process that is gone already is fine. */
export function signalProcess(pid: number, signal: Deno.Signal): void {
  try {
    Deno.kill(pid, signal);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound) && !(error instanceof TypeError)) throw error;
  }
}

/** Processes that work in the cluster's directory, as every process of its server does. */
async function clusterProcesses(cluster_dir: string): Promise<number[]> {
  const pids: number[] = [];
  if (Deno.build.os === "linux") {
    const real = await Deno.realPath(cluster_dir);
    for await (const entry of Deno.readDir("/proc")) {
      if (!/^\d+$/.test(entry.name)) continue;
      // gone meanwhile, or somebody else's: not one of ours
      const cwd = await Deno.readLink(`/proc/${entry.name}/cwd`).catch(() => undefined);
      if (cwd === real) pids.push(Number(entry.name));
    }
    return pids;
  }
  const postmaster = await readPostmaster(cluster_dir);
  if (postmaster === undefined || Deno.build.os === "windows") return pids;
  const ps = await new Deno.Command("ps", {
    args: ["-o", "command=", "-p", String(postmaster.pid)],
    stderr: "null",
  }).output();
  return new TextDecoder().decode(ps.stdout).includes(cluster_dir) ? [postmaster.pid] : pids;
}

interface RecoverOptions {
  clock: Clock;
  log: Logger;
  onStop?: () => void;
}

async function waitUntilGone(
  cluster_dir: string,
  options: { clock: Clock; limit_ms: number; is: (pids: number[]) => boolean },
): Promise<boolean> {
  const { clock, limit_ms, is } = options;
  const deadline_ms = clock.monotonic() + limit_ms;
  while (is(await clusterProcesses(cluster_dir))) {
    if (clock.monotonic() >= deadline_ms) return false;
    await clock.sleep(POLL_MS);
  }
  return true;
}

async function stopPostmaster(
  cluster_dir: string,
  pid: number,
  options: RecoverOptions,
): Promise<void> {
  const steps: [Deno.Signal, number][] = [
    ["SIGINT", FAST_STOP_MS_MAX],
    ["SIGQUIT", IMMEDIATE_STOP_MS_MAX],
    ["SIGKILL", IMMEDIATE_STOP_MS_MAX],
  ];
  for (const [signal, limit_ms] of steps) {
    options.log.info("stopping an orphaned PostgreSQL", { pid, signal });
    signalProcess(pid, signal);
    const is = (pids: number[]) => pids.includes(pid);
    if (await waitUntilGone(cluster_dir, { clock: options.clock, limit_ms, is })) return;
  }
  throw new EmbeddedError(`the orphaned server with process id ${pid} cannot be stopped`, {
    hint: `end process ${pid} and start monitor again`,
  });
}

/** Leaves the cluster without processes, and without a pid file that would stop a start. */
export async function recoverOrphans(cluster_dir: string, options: RecoverOptions): Promise<void> {
  const postmaster = await readPostmaster(cluster_dir);
  const found = await clusterProcesses(cluster_dir);
  if (found.length > 0) {
    options.onStop?.();
    if (postmaster !== undefined && found.includes(postmaster.pid)) {
      await stopPostmaster(cluster_dir, postmaster.pid, options);
    }
    const is = (pids: number[]) => pids.length > 0;
    const { clock } = options;
    if (!await waitUntilGone(cluster_dir, { clock, limit_ms: BACKENDS_MS_MAX, is })) {
      for (const pid of await clusterProcesses(cluster_dir)) signalProcess(pid, "SIGKILL");
      await waitUntilGone(cluster_dir, { clock, limit_ms: IMMEDIATE_STOP_MS_MAX, is });
    }
  }
  if (postmaster !== undefined && !found.includes(postmaster.pid)) {
    // The server died. Its number may now be that of any program (always so after a restart of a
    // container); PostgreSQL would take that program for a server and refuse to start.
    if (Deno.build.os !== "linux") return;
    await Deno.remove(join(cluster_dir, "postmaster.pid")).catch((error) => {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    });
  }
}
