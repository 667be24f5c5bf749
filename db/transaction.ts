/**
 * Transactions whose connection may be lost.
 *
 * The driver's own `begin()` (postgres.js 3.4.9, src/index.js) goes on with a lost connection as if it
 * were there: it writes ROLLBACK or COMMIT, or whatever the function asks next, into a socket that is
 * gone, from a timer, where nobody can catch the TypeError: the process ends. When the connection has
 * been opened again meanwhile, these statements run in somebody else's transaction. Both are known
 * (porsager/postgres, issues 1208 and 1216) and not released.
 *
 * What `begin()` does right is to reject as soon as the connection is closed. So here
 *
 * - the function's statements are refused from then on, and
 * - the function's end, whatever it is, is not told to `begin()` any more: no ROLLBACK, no COMMIT.
 */
import type { Sql, TransactionSql } from "./connect.ts";
import { codeOf, isConnectionFailure, SQLSTATE } from "./sqlstate.ts";

/** With these PostgreSQL says good-bye: what follows is the end of the connection. */
const FAREWELLS: ReadonlySet<string> = new Set([
  SQLSTATE.admin_shutdown,
  SQLSTATE.crash_shutdown,
  SQLSTATE.cannot_connect_now,
  SQLSTATE.idle_in_transaction_timeout,
  // transaction_timeout
  "25P04",
]);

/** Refused because the transaction's connection is gone. Its code is one of those of the driver. */
class TransactionLostError extends Error {
  override readonly name = "TransactionLostError";
  readonly code = "CONNECTION_CLOSED";
  constructor() {
    super("Cannot go on with a transaction: its connection is closed");
  }
}

export interface TransactionOptions {
  /** As after BEGIN: `read only`, `isolation level repeatable read`. */
  mode?: string;
}

/**
 * Runs `run` in a transaction, which is rolled back when it throws. A lost connection that `run`
 * tells of must be that of the transaction: failures of other connections must wait until it has
 * ended, or it would wait for the end of a connection that is well.
 *
 * @throws what `run` throws; what PostgreSQL or the connection said. When the connection is lost at
 *   COMMIT, it is not known whether it was carried out
 */
export async function transaction<T>(
  sql: Sql,
  run: (tx: TransactionSql) => Promise<T>,
  options: TransactionOptions = {},
): Promise<T> {
  let lost = false;
  const result: { value?: T } = {};
  const never = () => new Promise<never>(() => {});
  const begun = sql.begin(options.mode ?? "", async (tx) => {
    const guarded = new Proxy(tx, {
      apply(target, self, args) {
        if (lost) throw new TransactionLostError();
        return Reflect.apply(target, self, args);
      },
    });
    try {
      result.value = await run(guarded);
    } catch (error) {
      if (lost || isConnectionFailure(error) || FAREWELLS.has(codeOf(error) ?? "")) await never();
      throw error;
    }
    if (lost) await never();
  });
  begun.catch(() => lost = true);
  await begun;
  // `run` has returned: begin() would have thrown otherwise
  return result.value as T;
}

/**
 * Gives what `run` gives, in a transaction that ends with it, or with whoever takes it. It is for reading:
 * nobody waits for its end, and what PostgreSQL says then is nobody's business.
 *
 * @throws what `run` throws; what PostgreSQL or the connection said to BEGIN
 */
export async function* readingTransaction<T>(
  sql: Sql,
  run: (tx: TransactionSql) => AsyncGenerator<T>,
): AsyncGenerator<T> {
  const begun = Promise.withResolvers<TransactionSql>();
  const ended = Promise.withResolvers<void>();
  const hold = (tx: TransactionSql) => {
    begun.resolve(tx);
    return ended.promise;
  };
  transaction(sql, hold, { mode: "read only" }).catch(begun.reject);
  const tx = await begun.promise;
  try {
    yield* run(tx);
  } catch (error) {
    // a lost connection is told from what is well by it
    ended.reject(error);
    throw error;
  } finally {
    ended.resolve();
  }
}
