/**
 * A pool that is given up as a whole when one of its connections does not answer. A firewall or a pooler
 * that has forgotten connections says nothing: what is asked on one of them is never answered, and the
 * others are no better. New ones are well.
 *
 * What was given up may still be executed: whoever asks here says the same twice without harm, by keys,
 * or by looking at what is there in the same transaction.
 */
import type { Sql } from "./connect.ts";
import { DeadlineError, withinDeadline } from "./deadline.ts";

/** The largest change is many statements. */
const LONG_FACTOR = 3;

export interface RenewedPoolOptions {
  /** Makes the connections, and again when they were given up. */
  connect: () => Sql;
  /** A short statement is answered within this time. */
  answer_ms_max: number;
}

export class RenewedPool implements AsyncDisposable {
  readonly #options: RenewedPoolOptions;
  #sql: Sql;
  #isEnded = false;

  constructor(options: RenewedPoolOptions) {
    this.#options = options;
    this.#sql = options.connect();
  }

  /** For work of a statement or two. Throws what it throws, or DeadlineError. */
  ask<T>(work: (sql: Sql) => Promise<T>): Promise<T> {
    return this.#within(work, this.#options.answer_ms_max);
  }

  /** For work of many statements. */
  askLong<T>(work: (sql: Sql) => Promise<T>): Promise<T> {
    return this.#within(work, this.#options.answer_ms_max * LONG_FACTOR);
  }

  async #within<T>(work: (sql: Sql) => Promise<T>, ms: number): Promise<T> {
    const sql = this.#sql;
    try {
      return await withinDeadline(work(sql), { ms });
    } catch (error) {
      if (error instanceof DeadlineError) this.#renew(sql);
      throw error;
    }
  }

  #renew(silent: Sql): void {
    // who waited beside has given it up already
    if (this.#sql !== silent || this.#isEnded) return;
    this.#sql = this.#options.connect();
    silent.end({ timeout: 0 }).catch(() => {});
  }

  /** Ends the connections, and with them whatever waits for one. Can be called again. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isEnded = true;
    await this.#sql.end({ timeout: 0 });
  }
}
