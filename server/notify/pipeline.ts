/**
 * From the outbox to the person. Each stage finds its work in a table and leaves it in the next one, so
 * that any number of servers can work at it, and each can die anywhere:
 *
 *   claim     claim.ts     transitions ──▶ groups that have something to look at
 *   silence   silence.ts   is there a reason to say nothing just now?     ┐
 *   group     group.ts     whose turn is it, and what is in it?           │ judge.ts: groups ──▶
 *   dedup     dedup.ts     what of it does the receiver not know?         ┘ messages
 *   deliver   deliver.ts   messages ──▶ channels, again and again if need be
 *   record    deliver.ts   what the receiver knows now ──▶ groups
 *
 * What is taken, decided or recorded is one transaction each; only sending is outside of any. A server
 * that dies while it sends leaves a claim that ends by itself. So each of them can also be given up, when
 * the database does not answer: it was carried out as a whole, then the next look finds it done, or not
 * at all.
 */
import type { Clock } from "../../clock.ts";
import type { Sql } from "../../db/connect.ts";
import { RenewedPool } from "../../db/renewed_pool.ts";
import { deleteUnknownGroups, peekWork, retryFailedGroups } from "../../db/notification_groups.ts";
import { deleteOldNotifications } from "../../db/notifications.ts";
import { isRetryable } from "../../db/sqlstate.ts";
import type { Logger } from "../../log.ts";
import { adoptIncidents, takeTransitions } from "./claim.ts";
import { Deliveries } from "./deliver.ts";
import { judgeGroups } from "./judge.ts";
import { type NotifySettings, setUp, type Step, type Telling } from "./setup.ts";

/** The evaluator of another server does not call us: the outbox is looked at this often. */
const POLL_MS = 1_000;
/** After trouble with the database. */
const TROUBLE_MS = 2_000;
/** Short statements are answered within this time, or their connections are given up. */
const ANSWER_MS_MAX = 10_000;
/** What is under way when the server stops has this long, then it is left for the next one. */
const STOP_MS_MAX = 3_000;
/** … and this long to write down how far it came. */
const RECORD_MS_MAX = 2_000;
const TIDY_MS = 3_600_000;
/** How long it is known why somebody was told, or not. */
const KEPT_MS = 400 * 86_400_000;

export interface PipelineOptions {
  /** Makes its connections; it ends them. */
  connect: () => Sql;
  clock: Clock;
  log: Logger;
  settings: NotifySettings;
  /** Told of every step, in the order they happen. */
  onStep?: (step: Step) => void;
  /** Told how each attempt to deliver ended. */
  onDelivery?: Telling["onDelivery"];
  /** Default: ANSWER_MS_MAX. */
  answer_ms_max?: number;
}

export class Pipeline implements AsyncDisposable {
  readonly #options: PipelineOptions;
  readonly #pool: RenewedPool;
  readonly #stop = new AbortController();
  /** Ends what is being sent. */
  readonly #hurry = new AbortController();
  readonly #loop: Promise<void>;
  #wake = new AbortController();
  #woken = false;
  #settings: NotifySettings;
  /** Made of the settings; undefined until they are known to the database. */
  #set: { telling: Telling; deliveries: Deliveries } | undefined;
  /** By settings that are no longer in use: these come to their end. A turn may still add to them. */
  readonly #retired = new Set<Deliveries>();
  #tidied_ms = -Infinity;
  #last_trouble = "";

  /** Starts at once. A server without channels leaves the outbox to others. */
  constructor(options: PipelineOptions) {
    this.#options = options;
    const { connect, answer_ms_max = ANSWER_MS_MAX } = options;
    this.#pool = new RenewedPool({ connect, answer_ms_max });
    this.#settings = options.settings;
    this.#loop = this.#run();
  }

  /** There is something in the outbox, or in the calendar: looks now instead of in a second. */
  wake(): void {
    this.#woken = true;
    this.#wake.abort();
  }

  /** Other channels and routes from now on. What is being sent is still sent as it was begun. */
  reload(settings: NotifySettings): void {
    this.#settings = settings;
    const before = this.#set?.deliveries;
    this.#set = undefined;
    if (before !== undefined) this.#retired.add(before);
    this.wake();
  }

  /** Stops. What is being sent has some seconds to come to its end. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    this.wake();
    const late = setTimeout(() => this.#hurry.abort(), STOP_MS_MAX);
    // whoever still waits for the database then waits for one that says nothing
    const silent = setTimeout(() => this.#pool[Symbol.asyncDispose](), STOP_MS_MAX + RECORD_MS_MAX);
    await this.#loop;
    clearTimeout(late);
    clearTimeout(silent);
    await this.#pool[Symbol.asyncDispose]();
  }

  async #run(): Promise<void> {
    const { clock } = this.#options;
    while (!this.#stop.signal.aborted) {
      // whoever wakes us from here on has something that this turn may not have seen
      this.#woken = false;
      // no turn is under way that could still begin something by them
      for (const retired of this.#retired) if (retired.isIdle) this.#retired.delete(retired);
      try {
        const { telling, deliveries } = this.#set ?? await this.#setUp();
        await this.#tidy(deliveries);
        const rest_ms = telling.channels.size === 0
          ? TIDY_MS
          : await this.#round(telling, deliveries);
        this.#last_trouble = "";
        await this.#rest(rest_ms);
      } catch (error) {
        this.#complain(error);
        await clock.sleep(TROUBLE_MS, this.#stop.signal);
      }
    }
    await this.#set?.deliveries.settled();
    await Promise.all([...this.#retired].map((retired) => retired.settled()));
  }

  /** Once more when the settings were changed meanwhile. */
  async #setUp(): Promise<{ telling: Telling; deliveries: Deliveries }> {
    const { clock, log, onStep = () => {}, onDelivery } = this.#options;
    const settings = this.#settings;
    const telling = await this.#pool.askLong((sql) =>
      setUp(settings, { sql, clock, log, onStep, onDelivery })
    );
    await this.#begin(telling);
    const { signal } = this.#hurry;
    const deliveries = new Deliveries(telling, {
      signal,
      onDone: () => this.wake(),
      ask: (work) => this.#pool.ask(work),
    });
    const set = { telling, deliveries };
    return this.#settings === settings ? this.#set = set : await this.#setUp();
  }

  /** Does what there is to do; then the milliseconds to rest: 0 when there may be more. */
  async #round(telling: Telling, deliveries: Deliveries): Promise<number> {
    const { waiting, group_ms, notification_ms } = await this.#pool.ask((sql) =>
      peekWork(sql, telling.known)
    );
    const isDue = (at_ms: number | null) => at_ms !== null && at_ms <= telling.clock.now();
    let done = 0;
    const stage = (work: (telling: Telling) => Promise<number>) =>
      this.#pool.askLong((sql) => work({ ...telling, sql }));
    if (waiting) done += await stage(takeTransitions);
    if (waiting || isDue(group_ms)) done += await stage(judgeGroups);
    if (done > 0 || isDue(notification_ms)) done += await deliveries.start();
    if (done > 0) return 0;
    const wait_ms = Math.min(group_ms ?? Infinity, notification_ms ?? Infinity) -
      telling.clock.now();
    // what is due and was not done is being done: by another server, or by us with no room for more
    return wait_ms > 0 ? Math.min(POLL_MS, wait_ms) : POLL_MS;
  }

  /** Settings may have changed since somebody was here. */
  async #begin(telling: Telling): Promise<void> {
    if (telling.channels.size === 0) return;
    await this.#pool.askLong((sql) => deleteUnknownGroups(sql, telling.known));
    await this.#pool.askLong((sql) => retryFailedGroups(sql, telling.clock.now()));
    for (let after_id: number | undefined = 0; after_id !== undefined;) {
      const from_id: number = after_id;
      after_id = await this.#pool.askLong((sql) => adoptIncidents({ ...telling, sql }, from_id));
    }
  }

  async #tidy(deliveries: Deliveries): Promise<void> {
    const { clock } = this.#options;
    if (clock.monotonic() - this.#tidied_ms < TIDY_MS) return;
    this.#tidied_ms = clock.monotonic();
    await deliveries.dropAbandoned();
    const before_ms = clock.now() - KEPT_MS;
    await this.#pool.askLong((sql) => deleteOldNotifications(sql, { before_ms }));
  }

  async #rest(ms: number): Promise<void> {
    if (this.#woken || this.#stop.signal.aborted) return;
    this.#wake = new AbortController();
    await this.#options.clock.sleep(ms, this.#wake.signal);
  }

  #complain(error: unknown): void {
    const text = error instanceof Error ? error.message : String(error);
    // the same trouble again is not news
    const level = text === this.#last_trouble ? "debug" : isRetryable(error) ? "warn" : "error";
    this.#last_trouble = text;
    const stack = isRetryable(error) || !(error instanceof Error) ? undefined : error.stack;
    this.#options.log[level]("nobody is told just now, trying again", { error, stack });
  }
}
