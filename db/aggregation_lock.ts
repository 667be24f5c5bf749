/**
 * Two locks of aggregation, over any number of servers on one database.
 *
 * One runner at a time: a lock on a connection that does nothing else. It spares two
 * servers the same work, and no more: it is gone with its connection, which a runner notices late.
 *
 * One write at a time: a lock of each transaction that changes blocks. Such a transaction reads what
 * is there, adds to it and writes it back; two of them at once would lose what one has added, and a
 * row that does not exist yet cannot be locked. Under it, two runners that overlap do work twice and
 * nothing wrong.
 */
import type { Sql, TransactionSql } from "./connect.ts";
import { type SessionLock, trySessionLock } from "./session_lock.ts";
import { transaction } from "./transaction.ts";

/** "aggr" and "aggw" in ASCII. */
const RUN_LOCK = 0x61676772;
const WRITE_LOCK = 0x61676777;

/** Its connection is gone, and somebody else may be the one runner by now. */
export class RunLockLostError extends Error {
  override readonly name = "RunLockLostError";
  readonly code = "CONNECTION_CLOSED";
  constructor() {
    super("Cannot go on with the aggregation: the connection that holds its lock is closed");
  }
}

/** Becomes the one runner, or does not: undefined when another is running. */
export async function tryRunLock(sql: Sql): Promise<SessionLock | undefined> {
  return await trySessionLock(sql, RUN_LOCK);
}

/**
 * Runs a transaction that changes blocks, alone.
 *
 * Its COMMIT does not wait for the disk: what a crash of PostgreSQL takes back is the newest
 * transactions in order, and everything here is done again from what the older ones left. (Dropping
 * a slot does wait, and with it everything committed before.) So aggregation takes no fsync from
 * the reports that wait for theirs.
 */
export async function writeTransaction<T>(
  sql: Sql,
  run: (tx: TransactionSql) => Promise<T>,
): Promise<T> {
  return await transaction(sql, async (tx) => {
    await tx`
      select set_config('synchronous_commit', 'off', true), pg_advisory_xact_lock(${WRITE_LOCK})`;
    return await run(tx);
  });
}
