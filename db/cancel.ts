/**
 * Statements that are given up when whoever asked is gone.
 *
 * A request to cancel names a connection, not a statement, and takes another connection to be sent. When it
 * arrives, the statement may have ended and the pool may have given its connection to somebody else, whose
 * statement is then ended instead. Three things are done about that:
 *
 * - A statement gets a moment to end by itself. Most are over by then, and nothing is sent.
 * - Who has a connection of its own keeps it until the request has arrived (`askCopy`).
 * - A statement that was ended, and neither by its own reader nor by its time, is asked again
 *   (`askedAgain`): to hold a connection for each short statement would cost more than they do.
 */
import { systemClock } from "../clock.ts";
import type { Sql } from "./connect.ts";
import { withinDeadline } from "./deadline.ts";
import { codeOf, SQLSTATE } from "./sqlstate.ts";

/** A statement that has begun ends by itself in this time, or is cancelled. */
const END_BY_ITSELF_MS = 20;
/** Longer is the arrival of a request not waited for: the driver gives its connection up before. */
const ARRIVE_MS_MAX = 15_000;
/** Each time was a request of somebody else, or of an administrator who means it. */
const ASKED_MAX = 5;

/** Rejects what comes after the question has been given up. */
export class GivenUpError extends Error {
  override name = "GivenUpError";
}

/** @throws GivenUpError when nobody waits for the answer any more */
export function requireWanted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new GivenUpError("Cannot answer: whoever asked is gone");
}

/**
 * Asks PostgreSQL to stop soon after `signal` is aborted: a statement that nobody waits for would keep
 * its connection and a processor until its end. Disposed of without waiting, a request under way may
 * still arrive; with waiting, none does.
 *
 * A statement that PostgreSQL has not begun with waits until it has. The driver would lose the
 * connection that is being opened for one, and of those that wait behind another on one connection
 * it would give the answer to the next (postgres.js 3.4.9, src/connection.js: ReadyForQuery).
 */
export function cancelledBy(
  query: { cancel(): void },
  signal: AbortSignal | undefined,
): Disposable & AsyncDisposable {
  let arrived: Promise<unknown> | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const stop = () => {
    if (Reflect.get(query, "active") === true) arrived = cancel(query).catch(() => {});
    else wait();
  };
  const wait = () => timer = setTimeout(stop, END_BY_ITSELF_MS);
  signal?.addEventListener("abort", wait, { once: true });
  const leave = () => {
    signal?.removeEventListener("abort", wait);
    clearTimeout(timer);
  };
  return {
    [Symbol.dispose]: leave,
    [Symbol.asyncDispose]: async () => {
      leave();
      if (arrived !== undefined) {
        await withinDeadline(arrived, { ms: ARRIVE_MS_MAX }).catch(() => {});
      }
    },
  };
}

/**
 * Resolves when PostgreSQL has been told: the driver's own `cancel()` (src/query.js) calls the same
 * function and keeps its promise to itself, also where it rejects.
 */
async function cancel(query: { cancel(): void }): Promise<void> {
  const canceller: unknown = Reflect.get(query, "canceller");
  if (typeof canceller !== "function") return query.cancel();
  await Reflect.apply(canceller, undefined, [query]);
}

/**
 * Runs what may run twice, and again when PostgreSQL has ended it by a request that was meant for
 * somebody else.
 *
 * @throws what `run` throws
 */
export async function askedAgain<T>(
  sql: Sql,
  run: (sql: Sql) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  for (let asked = 1;; asked++) {
    // PostgreSQL counts real time, whatever our clock
    const began_ms = systemClock.monotonic();
    try {
      return await run(sql);
    } catch (error) {
      const took_ms = systemClock.monotonic() - began_ms;
      if (signal?.aborted || asked >= ASKED_MAX || !isStray(sql, error, took_ms)) throw error;
    }
  }
}

/** Whether it was no limit of time that has ended a statement. The message tells, in English. */
function isStray({ options }: Sql, error: unknown, took_ms: number): boolean {
  if (codeOf(error) !== SQLSTATE.query_canceled) return false;
  const limit_ms = Number(options.connection.statement_timeout ?? Infinity);
  return took_ms < limit_ms && !(error instanceof Error && /timeout/.test(error.message));
}
