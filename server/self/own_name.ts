/**
 * Under which name a server reports itself. Of several servers on one database each needs its own: the
 * first is called as the setting says, every other has its machine and port behind it. Who is first is
 * a lock in the database; a server that is started while its predecessor still stops waits a moment
 * for it, so that a restart does not change its name. Once chosen the name stays until the server ends,
 * or until the lock is lost with its connection: another may have it by then, and it is chosen anew.
 */
import type { Clock } from "../../clock.ts";
import type { Sql } from "../../db/connect.ts";
import { type SessionLock, trySessionLock } from "../../db/session_lock.ts";

/** A predecessor that stops gracefully is gone by then. */
const PATIENCE_MS = 30_000;
const TRY_MS = 1_000;

/** The lock's key is made of the name, so that servers of different names do not meet. */
export function lockKey(name: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(`monitor host ${name}`)) {
    hash = Math.imul(hash ^ byte, 0x01000193);
  }
  return hash | 0;
}

export interface OwnName {
  name: string;
  /** Whether others may have it by now. */
  isLost(): boolean;
  /** Lets others have it. */
  release(): Promise<void>;
}

function heldName(name: string, lock: SessionLock): OwnName {
  let is_lost = false;
  void lock.ended.then(() => is_lost = true);
  return { name, isLost: () => is_lost, release: () => lock.release() };
}

/** A name that nobody else would take. */
export function freeName(name: string): OwnName {
  return { name, isLost: () => false, release: () => Promise.resolve() };
}

/** Undefined when `signal` was aborted first. Rejects with what the database says. */
export async function chooseName(
  wanted: string,
  options: { sql: Sql; clock: Clock; signal: AbortSignal; place: string },
): Promise<OwnName | undefined> {
  const { sql, clock, signal, place } = options;
  const until_ms = clock.monotonic() + PATIENCE_MS;
  while (!signal.aborted) {
    const lock = await trySessionLock(sql, lockKey(wanted));
    if (lock !== undefined) return heldName(wanted, lock);
    if (clock.monotonic() >= until_ms) return freeName(`${wanted}@${place}`);
    await clock.sleep(TRY_MS, signal);
  }
  return undefined;
}
