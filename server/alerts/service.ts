/**
 * Alerting as a part of the server: evaluates when it is this server's turn.
 *
 * One server at a time evaluates: it holds a lock on a connection. A server that has lost it without
 * noticing cannot write, since its epoch is over (db/alerts.ts). The others try to get the lock every
 * second; what they store is told to all (server/exchange). When the database is away the lock is lost
 * too; the evaluator stays, says "unknown", and goes on if nobody took over meanwhile.
 */
import type { SessionLock } from "../../db/session_lock.ts";
import { trySessionLock } from "../../db/session_lock.ts";
import { EvaluatorReplacedError } from "../../db/alerts.ts";
import type { DatabaseAddress } from "../../db/address.ts";
import { connect, type Sql } from "../../db/connect.ts";
import { DeadlineError, withinDeadline } from "../../db/deadline.ts";
import { isRetryable } from "../../db/sqlstate.ts";
import type { Clock } from "../../clock.ts";
import type { Logger } from "../../log.ts";
import type { Observed } from "./evaluator.ts";
import { Lead } from "./lead.ts";

/** "aler" in ASCII. */
const LOCK = 0x616c6572;
/** One holds the lock, two ask. */
const CONNECTIONS = 3;
const TICK_MS = 1_000;
/** Short statements are answered within this time, or their connections are given up. */
const ANSWER_MS_MAX = 10_000;
/** The largest change of a fleet takes seconds. */
const LONG_FACTOR = 6;
/** After a failure that nobody expected. */
const PAUSE_MS = 5_000;

export interface AlertingOptions {
  address: DatabaseAddress;
  clock: Clock;
  log: Logger;
  /** Who this is, for people. */
  name: string;
  /** Are reports taken? While they are not, silence is not the hosts' own. */
  isTaking: () => boolean;
  /** Something new is in the outbox. */
  onOutbox?: () => void;
  /** Default: ANSWER_MS_MAX. */
  answer_ms_max?: number;
}

export class Alerting implements AsyncDisposable {
  readonly #options: AlertingOptions;
  #sql: Sql;
  readonly #stopping = new AbortController();
  readonly #finished: Promise<void>;
  #lead: Lead | undefined;
  #wake: () => void = () => {};
  #woken = Promise.withResolvers<void>();
  #mayHaveMissed = false;
  #last_failure = "";
  #looked_ms: number;
  /** How often it was evaluated and saved. */
  looks = 0;

  constructor(options: AlertingOptions) {
    this.#options = options;
    this.#looked_ms = options.clock.monotonic();
    this.#sql = this.#connect();
    this.#wake = () => this.#woken.resolve();
    this.#finished = this.#run();
  }

  #connect(): Sql {
    return connect(this.#options.address, {
      connections_max: CONNECTIONS,
      application_name: "monitor alerts",
    });
  }

  #short<T>(work: Promise<T>): Promise<T> {
    const onSlow = () => this.#lead?.goBlind();
    return withinDeadline(work, { ms: this.#options.answer_ms_max ?? ANSWER_MS_MAX, onSlow });
  }

  #long<T>(work: Promise<T>): Promise<T> {
    const ms = (this.#options.answer_ms_max ?? ANSWER_MS_MAX) * LONG_FACTOR;
    return withinDeadline(work, { ms });
  }

  /** Nothing is waited for on the old connections any more: they may never answer. */
  #reconnect(): void {
    this.#sql.end({ timeout: 0 }).catch(() => {});
    this.#sql = this.#connect();
    this.#lead?.useDatabase(this.#sql);
  }

  /** The evaluator, when it is this server's turn. */
  get lead(): Lead | undefined {
    return this.#lead;
  }

  /** Since alerts were last evaluated and saved; 0 while another server does it. */
  get look_age_ms(): number {
    return this.#options.clock.monotonic() - this.#looked_ms;
  }

  #looked(): void {
    this.#looked_ms = this.#options.clock.monotonic();
  }

  /** A report was committed, by this server or another. Does not wait for anything. */
  observe(report: Observed & { length: number }): void {
    const lead = this.#lead;
    if (lead === undefined) return;
    lead.observe(report);
    if (lead.isBusy) this.#wake();
  }

  /** Rules were changed, or something was asked for: do not wait for the next look. */
  wake(): void {
    this.#isTickDue = true;
    this.#wake();
  }
  #isTickDue = false;

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      try {
        const lock = await this.#short(trySessionLock(this.#sql, LOCK));
        if (lock !== undefined) await this.#evaluateUnder(lock);
        else {
          this.#lead = undefined;
          this.#last_failure = "";
          this.#looked();
          await this.#options.clock.sleep(TICK_MS, signal);
        }
      } catch (error) {
        this.#say(error);
        // what is known stays known while the database is away, and can be asked for
        if (isRetryable(error)) this.#lead?.goBlind();
        else this.#lead = undefined;
        if (error instanceof DeadlineError) this.#reconnect();
        await this.#options.clock.sleep(isRetryable(error) ? TICK_MS : PAUSE_MS, signal);
      }
    }
  }

  /** The same trouble again is not news. */
  #say(error: unknown): void {
    const text = String(error);
    if (text === this.#last_failure) return;
    this.#last_failure = text;
    if (error instanceof EvaluatorReplacedError) {
      this.#options.log.warn("another server evaluates alerts by now");
    } else {
      // what is no trouble with the database is a bug of ours
      const stack = isRetryable(error) || !(error instanceof Error) ? undefined : error.stack;
      this.#options.log.error("alerts are not evaluated, trying again", { error, stack });
    }
  }

  async #evaluateUnder(lock: SessionLock): Promise<void> {
    try {
      await this.#evaluate(lock);
    } finally {
      await this.#short(lock.release()).catch(() => this.#reconnect());
    }
  }

  async #evaluate(lock: SessionLock): Promise<void> {
    const { clock } = this.#options;
    let isHeld = true;
    lock.ended.then(() => {
      isHeld = false;
      this.#wake();
    });
    const lead = this.#lead ??
      await this.#long(Lead.begin({ ...this.#options, sql: this.#sql }));
    this.#lead = lead;
    // what was stored meanwhile nobody has looked at
    this.#mayHaveMissed = true;
    let next_ms = -Infinity;
    while (isHeld && !this.#stopping.signal.aborted) {
      const isTick = clock.monotonic() >= next_ms || this.#isTickDue;
      if (isTick) {
        this.#isTickDue = false;
        next_ms = clock.monotonic() + TICK_MS;
      }
      if (!await this.#look(lead, isTick)) {
        this.#lead = undefined;
        return;
      }
      await this.#wait(next_ms);
    }
    // what has been said is written before somebody else goes on
    if (isHeld) await this.#long(lead.save());
    // its connection may be one that never answers
    else this.#reconnect();
  }

  /** One look. A database that is away is no reason to forget what is known. */
  async #look(lead: Lead, isTick: boolean): Promise<boolean> {
    try {
      if (this.#mayHaveMissed) {
        this.#mayHaveMissed = false;
        await this.#long(lead.observeLatest());
      }
      if (isTick && !await this.#short(lead.tick())) return false;
      await this.#long(lead.save());
      this.#last_failure = "";
      this.#looked();
      this.looks++;
      return true;
    } catch (error) {
      if (!isRetryable(error) || error instanceof DeadlineError) throw error;
      this.#mayHaveMissed = true;
      this.#say(error);
      lead.goBlind();
      await this.#options.clock.sleep(TICK_MS, this.#stopping.signal);
      return true;
    }
  }

  async #wait(until_ms: number): Promise<void> {
    const { clock } = this.#options;
    const over = new AbortController();
    const signal = AbortSignal.any([over.signal, this.#stopping.signal]);
    await Promise.race([
      this.#woken.promise,
      clock.sleep(until_ms - clock.monotonic(), signal),
    ]);
    over.abort();
    this.#woken = Promise.withResolvers();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort();
    await this.#finished;
    // the loop has ended: nothing is under way here
    await this.#sql.end({ timeout: 0 });
  }
}
