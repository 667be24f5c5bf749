/**
 * A copy of the cluster beside it, as it is while no server runs on it: what can be put back by giving
 * it the cluster's name. It gets its own name when it is complete and on disk.
 */
import { join } from "node:path";
import { statfs } from "node:fs/promises";
import { EmbeddedError } from "./error.ts";
import { removeLeftovers, temporaryName } from "./files.ts";
import type { PostgresUser } from "./user.ts";

export const COPYING_PREFIX = "copying-";
/** How much room must be left beside the copy. */
const SPARE_BYTES = 256 * 2 ** 20;

/**
 * Copies `cluster_dir` to `<postgres_dir>/<name>`; an older copy of that name is replaced. Throws
 * `EmbeddedError` when the disk has no room for it.
 */
export async function copyCluster(
  cluster_dir: string,
  options: { postgres_dir: string; name: string; user: PostgresUser | undefined },
): Promise<string> {
  const { postgres_dir, name, user } = options;
  await removeLeftovers(postgres_dir, COPYING_PREFIX);
  await checkRoom(cluster_dir, postgres_dir);
  const temporary = temporaryName(postgres_dir, COPYING_PREFIX);
  await copyDirectory(cluster_dir, temporary, user);
  const final = join(postgres_dir, name);
  await Deno.remove(final, { recursive: true }).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
  await Deno.rename(temporary, final);
  return final;
}

async function checkRoom(cluster_dir: string, postgres_dir: string): Promise<void> {
  const bytes = await bytesBelow(cluster_dir);
  const { bavail, bsize } = await statfs(postgres_dir);
  if (bavail * bsize >= bytes + SPARE_BYTES) return;
  const mib = (value: number) => `${Math.ceil(value / 2 ** 20)} MiB`;
  throw new EmbeddedError(
    `there is no room to copy the database first: it has ${mib(bytes)}, and ` +
      `${mib(bavail * bsize)} are free`,
    { hint: "make room on that disk, or go on with the older monitor" },
  );
}

async function bytesBelow(dir: string): Promise<number> {
  let bytes = 0;
  for await (const entry of Deno.readDir(dir)) {
    const path = join(dir, entry.name);
    if (entry.isDirectory) bytes += await bytesBelow(path);
    else if (entry.isFile) bytes += (await Deno.lstat(path)).size;
  }
  return bytes;
}

async function copyDirectory(
  from: string,
  to: string,
  user: PostgresUser | undefined,
): Promise<void> {
  await Deno.mkdir(to, { mode: 0o700 });
  await own(to, user);
  for await (const entry of Deno.readDir(from)) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory) await copyDirectory(source, target, user);
    else if (entry.isSymlink) await Deno.symlink(await Deno.readLink(source), target);
    else if (entry.isFile && entry.name !== "postmaster.pid") {
      await Deno.copyFile(source, target);
      await own(target, user);
      using file = await Deno.open(target, { read: true });
      await file.sync();
    }
  }
}

async function own(path: string, user: PostgresUser | undefined): Promise<void> {
  if (user !== undefined) await Deno.chown(path, user.uid, user.gid);
}
