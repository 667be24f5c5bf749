/**
 * As whom a process of collectors runs when the agent is root: `nobody`, with a group that no other
 * process has, so that other services that run as `nobody` share nothing with it. It has to reach the
 * program's files; where a folder above them is closed to it, it stays root, without root's powers.
 */
import { dirname } from "node:path";

/** Beside the group that the private PostgreSQL has (db/embedded/user.ts); no system uses it. */
const PRIVATE_GID = 60_701;
const NOBODY_UID = 65_534;

export interface ScriptUser {
  uid: number;
  gid: number;
}

/** Undefined: nobody else can run a program that consists of these files. */
export function scriptUser(files: readonly string[]): ScriptUser | undefined {
  return files.every(isOpenToAll) ? { uid: nobodyUid(), gid: PRIVATE_GID } : undefined;
}

function nobodyUid(): number {
  try {
    const passwd = Deno.readTextFileSync("/etc/passwd");
    return Number(/^nobody:[^:]*:(\d+):/m.exec(passwd)?.[1] ?? NOBODY_UID);
  } catch {
    return NOBODY_UID;
  }
}

/** Whether everybody can read it, and pass all folders above it. */
function isOpenToAll(path: string): boolean {
  const real = Deno.realPathSync(path);
  const open = (at: string, bits: number) => ((Deno.statSync(at).mode ?? 0) & bits) === bits;
  if (!open(real, Deno.statSync(real).isDirectory ? 0o005 : 0o004)) return false;
  for (let at = dirname(real); at !== dirname(at); at = dirname(at)) {
    if (!open(at, 0o001)) return false;
  }
  return true;
}
