/**
 * A replica of the database, for questions about the past. It is looked at every second; one that
 * does not answer, is late, or is none any more is not asked (replica_lag.ts), and what was under way
 * there is asked again at the primary.
 */
import type { Clock } from "../../clock.ts";
import type { DatabaseAddress } from "../../db/address.ts";
import { connect, type Sql } from "../../db/connect.ts";
import { withinDeadline } from "../../db/deadline.ts";
import { selectReplayed, selectWritten } from "../../db/replication.ts";
import { codeOf, isConnectionFailure, SQLSTATE } from "../../db/sqlstate.ts";
import type { Logger } from "../../log.ts";
import { type Asked, mayLag, ReplicaLag } from "./replica_lag.ts";

const LOOK_MS = 1_000;
/** Longer does a look not wait: then the replica, or the network to it, hangs. */
const LOOK_MS_MAX = 5_000;

export interface ReplicaOptions {
  primary: DatabaseAddress;
  replica: DatabaseAddress;
  lag_ms_max: number;
  /** Makes the connections for questions. */
  connect: (address: DatabaseAddress) => Sql;
  /** What time the questions mean. */
  clock: Clock;
  /** Real time: it is about connections. */
  real_clock: Clock;
  log: Logger;
}

export interface ReadOptions extends Asked {
  /** Where it is asked without a replica. */
  primary: Sql;
  /** Whether it may take no longer there than `limits.question_s`. */
  is_limited: boolean;
  signal: AbortSignal | undefined;
}

export class Replica implements AsyncDisposable {
  readonly #options: ReplicaOptions;
  readonly #lag: ReplicaLag;
  readonly #stopping = new AbortController();
  readonly #finished: Promise<void>;
  /** For looking, of one connection each. */
  #primary: Sql | undefined;
  #replica: Sql | undefined;
  /** For questions, while there is something to ask. */
  #pool: Sql | undefined;

  constructor(options: ReplicaOptions) {
    this.#options = options;
    const { lag_ms_max, real_clock } = options;
    this.#lag = new ReplicaLag({ lag_ms_max, now_ms: real_clock.monotonic() });
    this.#finished = this.#run();
  }

  get in_use(): boolean {
    return this.#lag.isInUse(this.#options.real_clock.monotonic());
  }

  /** At most so far behind; undefined when that is not known. */
  get lag_s(): number | undefined {
    const lag_ms = this.#lag.lagMs(this.#options.real_clock.monotonic());
    return lag_ms === undefined ? undefined : lag_ms / 1000;
  }

  /** Runs a question on the connections that are right for it; again at the primary if it has to be. */
  async read<T>(asked: ReadOptions, run: (sql: Sql) => Promise<T>): Promise<T> {
    const { lag_ms_max, clock } = this.#options;
    if (!this.in_use || !mayLag(asked, { now_ms: clock.now(), lag_ms_max })) {
      return await run(asked.primary);
    }
    const pool = this.#pool ??= this.#options.connect(this.#options.replica);
    try {
      return await run(pool);
    } catch (error) {
      if (!mayAskAgain(error, asked)) throw error;
      // the next question need not find that out again
      if (isConnectionFailure(error) && pool === this.#pool) this.#lost(error);
      return await run(asked.primary);
    }
  }

  async #run(): Promise<void> {
    const { real_clock } = this.#options;
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      await this.#look();
      await real_clock.sleep(LOOK_MS, signal);
    }
  }

  async #look(): Promise<void> {
    const { real_clock, log, primary, replica } = this.#options;
    try {
      const seen = await this.#short(selectReplayed(this.#replica ??= looking(replica)));
      const at_ms = real_clock.monotonic();
      const { written, system } = await this.#askPrimary(primary);
      const is_same = seen.system === system;
      const replayed = seen.is_replica ? seen.replayed ?? undefined : undefined;
      this.#lag.looked({ at_ms, written, replayed, is_same });
    } catch (error) {
      if (this.#stopping.signal.aborted) return;
      if (error instanceof PrimaryError) {
        // it is behind by more and more, until it is not asked; others say what is wrong
        log.debug("the primary does not say how far it is", { error: error.cause });
      } else return this.#lost(error);
    }
    this.#turn();
  }

  async #askPrimary(address: DatabaseAddress): Promise<{ written: number; system: string }> {
    try {
      return await this.#short(selectWritten(this.#primary ??= looking(address)));
    } catch (error) {
      abandon(this.#primary);
      this.#primary = undefined;
      throw new PrimaryError("Cannot ask the primary how far it is", { cause: error });
    }
  }

  /** Statements under way end with an error, and are asked again at the primary. */
  #lost(error: unknown): void {
    abandon(this.#replica);
    abandon(this.#pool);
    this.#replica = this.#pool = undefined;
    const why = error instanceof Error ? error.message : String(error);
    this.#lag.failed(`it does not answer: ${why}`);
    this.#turn();
  }

  #turn(): void {
    const { log, real_clock } = this.#options;
    const turn = this.#lag.turn(real_clock.monotonic());
    if (turn?.in_use) log.info("questions about the past go to the replica");
    else if (turn) log.warn("all questions go to the primary", { reason: turn.reason });
  }

  #short<T>(work: Promise<T>): Promise<T> {
    return withinDeadline(work, { ms: LOOK_MS_MAX });
  }

  #close(): void {
    for (const sql of [this.#primary, this.#replica, this.#pool]) abandon(sql);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort();
    this.#close();
    await this.#finished;
    // a look under way may have opened one
    this.#close();
  }
}

class PrimaryError extends Error {
  override readonly name = "PrimaryError";
}

function looking(address: DatabaseAddress): Sql {
  return connect(address, { connections_max: 1, application_name: "monitor replica" });
}

function abandon(sql: Sql | undefined): void {
  sql?.end({ timeout: 0 }).catch(() => {});
}

/**
 * Whether the primary may do better: a replica ends what is in the way of its replaying, and may not
 * have a new table yet. A question that takes too long takes as long there.
 */
function mayAskAgain(error: unknown, { signal, is_limited }: ReadOptions): boolean {
  const code = codeOf(error);
  if (signal?.aborted || code === undefined) return false;
  return code !== SQLSTATE.query_canceled || !is_limited;
}
