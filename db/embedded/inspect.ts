/**
 * What there is of the embedded PostgreSQL, seen from outside: nothing is started, made or locked, so
 * that looking never gets in the way of a server that starts at the same time.
 */
import { join } from "node:path";
import { POSTGRES_VERSION } from "./npm_package.ts";
import type { AddressParts } from "../address.ts";
import { clusterDirectory } from "./cluster.ts";
import { exists } from "./files.ts";
import { socketAddress } from "./listen.ts";
import { readPostmaster } from "./orphan.ts";
import { packedPostgresFiles } from "./packed.ts";
import { checkReachable, resolveUser } from "./user.ts";

export interface EmbeddedState {
  /** `none`: no database has been made here yet. */
  state: "none" | "stopped" | "running";
  /** Of the server's process. */
  pid?: number;
  /** How to reach the running server; undefined on Windows, where its port is known to nobody else. */
  address?: AddressParts;
}

/**
 * Looks at a data directory, which need not exist. Throws Deno's errors for what this user may not
 * see.
 */
export async function inspectEmbedded(data_dir: string): Promise<EmbeddedState> {
  const postgres_dir = join(data_dir, "postgres");
  const cluster_dir = clusterDirectory(postgres_dir);
  if (!await exists(cluster_dir)) return { state: "none" };
  const postmaster = await readPostmaster(cluster_dir);
  if (postmaster === undefined || !isAlive(postmaster.pid)) return { state: "stopped" };
  const address = Deno.build.os === "windows" ? undefined : socketAddress(postgres_dir);
  return { state: "running", pid: postmaster.pid, address };
}

function isAlive(pid: number): boolean {
  try {
    // no signal: only whether there is such a process
    return Deno.build.os === "windows" || Deno.statSync(`/proc/${pid}`).isDirectory;
  } catch {
    // systems without /proc: the socket will tell
    return Deno.build.os !== "linux";
  }
}

/**
 * Throws `EmbeddedError` when the user PostgreSQL would run as cannot work in this directory, which
 * must exist.
 */
export async function checkDataDirectory(data_dir: string): Promise<void> {
  const user = await resolveUser(data_dir, clusterDirectory(join(data_dir, "postgres")));
  await checkReachable(data_dir, user);
}

/** The PostgreSQL this program brings: `18.4`. Undefined when it was built without one. */
export async function embeddedVersion(): Promise<string | undefined> {
  if (!Deno.build.standalone) return shortVersion(POSTGRES_VERSION);
  try {
    return shortVersion((await packedPostgresFiles()).id);
  } catch (error) {
    if (error instanceof Error && error.name === "EmbeddedError") return undefined;
    throw error;
  }
}

/** `18.4.0-beta.17-linux-x64` is a package's version; PostgreSQL's own is `18.4`. */
function shortVersion(version: string): string {
  return version.split(".").slice(0, 2).join(".");
}
