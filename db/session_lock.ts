/**
 * A lock over any number of servers on one database, held as long as its connection lives: that of a
 * transaction which does nothing else. It takes a connection of the pool until it is disposed of.
 *
 * A process that is killed loses its connections at once. One that hangs, or whose machine or network
 * is gone without a word, would keep the lock for as long as TCP is patient: hours. So the holder says
 * every two seconds that it is there, and PostgreSQL ends the transaction of one that has said nothing
 * for seven. The holder for its part gives up a lock whose connection does not answer: by then
 * somebody else may have it.
 */
import type { Sql, TransactionSql } from "./connect.ts";
import { withinDeadline } from "./deadline.ts";
import { transaction } from "./transaction.ts";

/** How often the holder says that it is there. */
const PING_MS = 2_000;
/** PostgreSQL frees the lock of a holder that has been silent for so long. */
const SILENT_MS_MAX = 7_000;
/** The holder takes the lock for lost when it gets no answer for so long: before it is freed. */
const ANSWER_MS_MAX = SILENT_MS_MAX - PING_MS - 500;

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
  const lost = Promise.withResolvers<void>();
  const session = transaction(sql, async (tx) => {
    const [row] = await tx<{ held: boolean }[]>`
      select
        pg_try_advisory_xact_lock(${key}) as held,
        set_config('idle_in_transaction_session_timeout', ${`${SILENT_MS_MAX}ms`}, true)`;
    answered.resolve(row?.held ?? false);
    if (row?.held) await keepAlive(tx, { released: released.promise, onLost: lost.resolve });
  });
  session.catch((error) => {
    answered.reject(error);
    // nobody is to be told any more that we are there
    released.resolve();
  });
  if (!await answered.promise) return undefined;
  // when it fails the connection is gone, and the lock with it
  const ended = Promise.race([session.catch(() => {}), lost.promise]);
  const release = async () => {
    released.resolve();
    await ended;
  };
  return { ended, release, [Symbol.asyncDispose]: release };
}

/** Says that the holder is there until `released`. PostgreSQL counts real time, whatever our clock. */
async function keepAlive(
  tx: TransactionSql,
  { released, onLost }: { released: Promise<void>; onLost: () => void },
): Promise<void> {
  let ping: Promise<unknown> = Promise.resolve();
  let isAnswering = true;
  const failed = Promise.withResolvers<never>();
  // it may fail when nobody waits for it any more
  failed.promise.catch(() => {});
  const timer = setInterval(() => {
    // one at a time: a second would wait behind the first
    if (!isAnswering) return;
    isAnswering = false;
    // a transaction that is lost throws at once: nobody would catch that in a timer
    const asked = Promise.try(() => tx`select`);
    ping = withinDeadline(asked, { ms: ANSWER_MS_MAX }).then(
      () => isAnswering = true,
      (error) => {
        onLost();
        failed.reject(error);
      },
    );
  }, PING_MS);
  try {
    await Promise.race([released, failed.promise]);
  } finally {
    clearInterval(timer);
  }
  // COMMIT must not overtake it
  await ping;
}
