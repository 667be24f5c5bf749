/**
 * A lock over any number of servers on one database, held as long as its connection lives: that of a
 * transaction which does nothing else. It takes a connection of the pool until it is disposed of.
 */
import type { Sql } from "./connect.ts";
import { transaction } from "./transaction.ts";

export interface SessionLock extends AsyncDisposable {
  /** Resolves when it is over, by us or because the connection was lost. */
  readonly ended: Promise<void>;
  /** Gives it back; resolves when it is over. */
  release(): Promise<void>;
}

/** Takes the lock, or does not: undefined when somebody else has it. */
export async function trySessionLock(sql: Sql, key: number): Promise<SessionLock | undefined> {
  const answered = Promise.withResolvers<boolean>();
  const released = Promise.withResolvers<void>();
  const session = transaction(sql, async (tx) => {
    const [row] = await tx<{ held: boolean }[]>`select pg_try_advisory_xact_lock(${key}) as held`;
    answered.resolve(row?.held ?? false);
    if (row?.held) await released.promise;
  });
  session.catch(answered.reject);
  if (!await answered.promise) return undefined;
  // when it fails the connection is gone, and the lock with it
  const ended = session.catch(() => {});
  const release = async () => {
    released.resolve();
    await ended;
  };
  return { ended, release, [Symbol.asyncDispose]: release };
}
