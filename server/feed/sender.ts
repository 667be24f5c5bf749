/**
 * Batches of reports to a server, several at a time, each until it is settled: stored, known before,
 * or refused for a reason. `send` resolves as soon as a connection is free, so whoever makes the
 * batches goes as fast as the server takes them; `finish` waits for the rest.
 *
 * A server that is busy or away is asked again. It is safe to send again what may have been stored:
 * a report is stored once, and the second time counted as a duplicate. Only a server that was never
 * there, or has taken nothing for `GIVE_UP_MS`, ends the work.
 */
import type { Clock } from "../../clock.ts";
import { type Answer, type Settled, type Verdict, verdictOf } from "./answer.ts";

/** How long a server may be away in the middle of it: long enough to start it again. */
const GIVE_UP_MS = 5 * 60_000;
/** Between two tries where the server does not say. */
const RETRY_MS = 1_000;
const RETRY_MS_MAX = 30_000;

export interface FeedBatch {
  /** One report each, as JSON. */
  reports: readonly string[];
}

/** Posts a body to /metrics. Rejects when there is no answer. */
export type Post = (body: string, signal: AbortSignal) => Promise<Answer>;

export interface SenderOptions<T extends FeedBatch> {
  post: Post;
  /** For messages. */
  server: string;
  clock: Clock;
  connections: number;
  /** Begins nothing new and tries nothing again; what is under way is waited for. */
  signal: AbortSignal;
  /** Drops what is under way. */
  give_up: AbortSignal;
  /** Told what became of each batch, or of each half of one that was too large. */
  onSettled(batch: T, settled: Settled): void;
  /** Told why nothing moves, and with undefined that it does again. */
  onWaiting(reason: string | undefined): void;
}

/** The server takes nothing: three lines for the person at the terminal. */
export class FeedError extends Error {
  override name = "FeedError";
  constructor(message: string, options: { cause: string }, readonly hint: string) {
    super(message, options);
  }
}

export class Sender<T extends FeedBatch> {
  readonly #options: SenderOptions<T>;
  readonly #busy = new Set<Promise<void>>();
  #failure: FeedError | undefined;
  #last_settled_ms: number | undefined;
  readonly #begun_ms: number;

  constructor(options: SenderOptions<T>) {
    this.#options = options;
    this.#begun_ms = options.clock.monotonic();
  }

  /**
   * Begins to send a batch, after waiting for a free connection. When the sender is stopped, batches
   * are dropped unsent.
   *
   * @returns whether it was begun
   * @throws FeedError as soon as it is known that the server takes nothing
   */
  async send(batch: T): Promise<boolean> {
    const { connections, signal } = this.#options;
    while (this.#busy.size >= connections) await Promise.race(this.#busy);
    if (this.#failure !== undefined) throw this.#failure;
    if (signal.aborted) return false;
    const work = this.#settle(batch, 0, batch.reports.length).catch((error) => {
      if (!(error instanceof FeedError)) throw error;
      this.#failure ??= error;
    }).finally(() => this.#busy.delete(work));
    this.#busy.add(work);
    return true;
  }

  /** Waits until everything is settled, or given up. Throws FeedError as `send` does. */
  async finish(): Promise<void> {
    await Promise.all(this.#busy);
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Settles reports `from` to `to` (left out) of a batch. */
  async #settle(batch: T, from: number, to: number): Promise<void> {
    const { clock, signal, onSettled, onWaiting } = this.#options;
    for (let tries = 1; this.#failure === undefined; tries++) {
      const { verdict, answered } = await this.#try(batch.reports.slice(from, to));
      if (verdict.kind === "settled") {
        if (tries > 1) onWaiting(undefined);
        this.#last_settled_ms = clock.monotonic();
        const reasons = verdict.reasons.map((one) => ({ ...one, index: from + one.index }));
        return onSettled(batch, { ...verdict, reasons });
      }
      if (verdict.kind === "split") {
        const middle = Math.ceil((from + to) / 2);
        await this.#settle(batch, from, middle);
        return await this.#settle(batch, middle, to);
      }
      if (verdict.kind === "fatal") throw this.#error(verdict.reason, verdict.hint);
      if (signal.aborted) return;
      this.#checkPatience(verdict.reason, answered);
      onWaiting(verdict.reason);
      const backoff_ms = Math.min(RETRY_MS_MAX, RETRY_MS * 2 ** Math.min(tries - 1, 10));
      // a proxy may say 0, and be there for as long as the server is not
      await clock.sleep(Math.max(verdict.wait_ms ?? backoff_ms, RETRY_MS), signal);
      if (signal.aborted) return;
    }
  }

  async #try(reports: readonly string[]): Promise<{ verdict: Verdict; answered: boolean }> {
    const { post, give_up } = this.#options;
    try {
      const answer = await post(`[${reports.join()}]`, give_up);
      return { verdict: verdictOf(answer, reports.length), answered: true };
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      return { verdict: { kind: "retry", reason, wait_ms: undefined }, answered: false };
    }
  }

  /** Throws when waiting longer makes no sense. */
  #checkPatience(reason: string, answered: boolean): void {
    const { clock } = this.#options;
    if (!answered && this.#last_settled_ms === undefined) {
      throw this.#error(reason, "start the server, or name another with --server URL");
    }
    const since_ms = clock.monotonic() - (this.#last_settled_ms ?? this.#begun_ms);
    if (since_ms > GIVE_UP_MS) {
      throw this.#error(
        `it has taken nothing for ${Math.round(since_ms / 60_000)} min: ${reason}`,
        "look at the server's log, then run the command again",
      );
    }
  }

  #error(cause: string, hint: string): FeedError {
    return new FeedError(`Cannot send to the server at ${this.#options.server}`, { cause }, hint);
  }
}
