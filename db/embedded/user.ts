/**
 * As whom PostgreSQL runs, and who can reach its files and its socket.
 *
 * Connections are not asked for a password (`trust`): whoever can reach the socket is in. So the
 * directories decide.
 *
 * - Run by an ordinary user, everything is that user's and 0700.
 * - Run by root, PostgreSQL refuses to start, so it gets another user: the owner of the cluster if
 *   there is one (`sudo monitor up` on the data directory of an ordinary user goes on as that
 *   user), otherwise the owner of the data directory, otherwise `nobody`.
 * - `nobody` is shared with other services. They must get neither to the socket nor to the cluster,
 *   although both must be open to a process of `nobody`. So PostgreSQL runs with a group that no
 *   other process has, and the directory above both (`<data>/postgres`) is `root:<that group>
 *   0710`. Root gets everywhere. Processes of `nobody` without the group do not even pass the
 *   directory, and cannot trace the process (which takes an equal group, too).
 *
 * On Windows there are no user ids: PostgreSQL asks for a password there (see listen.ts).
 */
import { dirname, resolve } from "node:path";
import { EmbeddedError } from "./error.ts";

/**
 * The group nobody else has. Between what systemd-homed and containers of systemd (up to 60,577) and
 * its dynamic users (from 61,184) use; below 65,536, which is where the ids of most containers end.
 */
export const PRIVATE_GID = 60_700;

/** The user and group of the processes to be started; undefined means: the same as ours. */
export interface PostgresUser {
  uid: number;
  gid: number;
}

/** Splits `/etc/passwd` for the ids of a user; undefined when it does not list it. */
export function userIds(passwd: string, name: string): PostgresUser | undefined {
  for (const line of passwd.split("\n")) {
    const [user, , uid, gid] = line.split(":");
    // nobody is -2 on some systems
    if (user === name) return { uid: Number(uid) >>> 0, gid: Number(gid) >>> 0 };
  }
  return undefined;
}

async function ownerOf(path: string): Promise<PostgresUser | undefined> {
  try {
    const { uid, gid } = await Deno.stat(path);
    return uid === null || gid === null ? undefined : { uid, gid };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/**
 * Decides as whom PostgreSQL runs. Both paths need not exist yet.
 * Throws `EmbeddedError` when the cluster belongs to somebody else.
 */
export async function resolveUser(
  data_dir: string,
  cluster_dir: string,
): Promise<PostgresUser | undefined> {
  const own_uid = Deno.uid();
  if (own_uid === null) return undefined;
  const cluster = await ownerOf(cluster_dir);
  if (own_uid !== 0) {
    if (cluster !== undefined && cluster.uid !== own_uid) {
      throw new EmbeddedError(`"${cluster_dir}" belongs to user id ${cluster.uid}`, {
        hint: "run monitor as the user who ran it first on this data directory",
      });
    }
    return undefined;
  }
  const owner = cluster ?? await ownerOf(data_dir);
  if (owner !== undefined && owner.uid !== 0) return owner;
  const nobody = userIds(await Deno.readTextFile("/etc/passwd").catch(() => ""), "nobody");
  if (nobody === undefined) {
    throw new EmbeddedError('it does not run as root, and there is no user "nobody" to run it as', {
      hint: "run monitor as an ordinary user",
    });
  }
  return { uid: nobody.uid, gid: PRIVATE_GID };
}

/** Who may do what with a directory: see `openTo`. */
export type Access = "pass" | "write" | "own";

/**
 * Gives a directory to PostgreSQL's user, and to nobody else: to `pass` through it, to `write` in
 * it, or to `own` it.
 */
export async function openTo(
  path: string,
  user: PostgresUser | undefined,
  access: Access,
): Promise<void> {
  if (Deno.build.os === "windows") return;
  if (user !== undefined && (user.gid !== PRIVATE_GID || access === "own")) {
    await Deno.chown(path, user.uid, user.gid);
  }
  if (user?.gid !== PRIVATE_GID || access === "own") {
    await Deno.chmod(path, 0o700);
    return;
  }
  await Deno.chown(path, 0, PRIVATE_GID);
  await Deno.chmod(path, access === "pass" ? 0o710 : 0o770);
}

/** Creates the data directory, open to its user alone. An existing one stays as it is. */
export async function makeDataDirectory(data_dir: string): Promise<void> {
  // only the last one is private: parents such as /var/lib/monitor are ordinary directories
  await Deno.mkdir(dirname(data_dir), { recursive: true });
  await Deno.mkdir(data_dir, { recursive: true, mode: 0o700 });
}

/** Lets PostgreSQL's private group through a data directory that is root's alone. */
export async function shareDataDirectory(
  data_dir: string,
  user: PostgresUser | undefined,
): Promise<void> {
  if (user?.gid !== PRIVATE_GID) return;
  const { mode, uid } = await Deno.stat(data_dir);
  if (uid === 0 && mode !== null && (mode & 0o077) === 0) {
    await Deno.chown(data_dir, 0, PRIVATE_GID);
    await Deno.chmod(data_dir, (mode & 0o7777) | 0o010);
  }
}

function mayPass(info: Deno.FileInfo, user: PostgresUser): boolean {
  const mode = info.mode ?? 0o777;
  if (info.uid === user.uid) return (mode & 0o100) !== 0;
  if (info.gid === user.gid) return (mode & 0o010) !== 0;
  return (mode & 0o001) !== 0;
}

/** Throws `EmbeddedError` when PostgreSQL's user cannot get to `path`: it names the obstacle. */
export async function checkReachable(path: string, user: PostgresUser | undefined): Promise<void> {
  if (user === undefined) return;
  const real = await Deno.realPath(path);
  let obstacle: string | undefined;
  for (let dir = resolve(real); dir !== dirname(dir); dir = dirname(dir)) {
    if (!mayPass(await Deno.stat(dir), user)) obstacle = dir;
  }
  if (obstacle === undefined) return;
  // access lists can allow what the mode bits do not: the attempt decides
  const attempt = await new Deno.Command("/bin/sh", {
    args: ["-c", 'cd "$1"', "sh", real],
    cwd: "/",
    uid: user.uid,
    gid: user.gid,
    stdout: "null",
    stderr: "null",
  }).output();
  if (attempt.success) return;
  throw new EmbeddedError(
    `it runs as user id ${user.uid}, not as root, and that user cannot enter "${obstacle}"`,
    {
      hint:
        `use a data directory elsewhere (--data /var/lib/monitor), run monitor as an ordinary ` +
        `user, or allow it with: chmod o+x ${obstacle}`,
    },
  );
}
