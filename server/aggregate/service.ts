/**
 * Aggregation inside a server: on its schedule, and whenever somebody asks. A run is a Worker of its
 * own (worker.ts), which ends with it and gives its memory back. One run at a time here; over several
 * servers a lock in the database sees to that.
 */
import { Cron } from "croner";
import type { Clock } from "../../clock.ts";
import type { DatabaseAddress } from "../../db/address.ts";
import { isRetryable } from "../../db/sqlstate.ts";
import type { Logger } from "../../log.ts";
import type { Retention } from "../retention.ts";
import type { RunOutcome } from "./run.ts";
import type { Counts } from "./work.ts";
import type { FromWorker, ToWorker } from "./worker_protocol.ts";

/** A run ends between two transactions, which take up to about a second. */
const STOP_MS_MAX = 5_000;
/** Whoever asks for a run waits this long for its result. */
const ANSWER_MS_MAX = 10_000;
/** While another server is at it, one that waits for its turn looks this often: it may be killed. */
const BUSY_MS = 5_000;
/** A timer may fire this much before its time; that is not another one. */
const EARLY_MS_MAX = 1_000;

export interface AggregationOptions {
  address: DatabaseAddress;
  /** A croner pattern in UTC, or "never". */
  schedule: string;
  grace_ms: number;
  retention: Retention;
  clock: Clock;
  log: Logger;
}

export type AggregationAnswer =
  | { state: "done" } & Counts
  /** Still at it: this server, or another one of the same database. */
  | { state: "running" };

export class Aggregation implements AsyncDisposable {
  readonly #options: AggregationOptions;
  readonly #stop = new AbortController();
  readonly #schedule: Promise<void>;
  #run: Promise<RunOutcome> | undefined;
  #last_failure = "";
  /** Of this server's runs since the start. */
  readonly numbers = { runs: 0, failures: 0, last_ms: 0 };

  /** Starts the schedule. Throws when the pattern cannot be read (the settings check it). */
  constructor(options: AggregationOptions) {
    this.#options = options;
    this.#schedule = options.schedule === "never" ? Promise.resolve() : this.#keepSchedule();
  }

  /**
   * Starts a run, or joins the one under way. Rejects with what the database says, or when the
   * server stops.
   */
  trigger(): Promise<RunOutcome> {
    if (this.#stop.signal.aborted) return Promise.reject(this.#stop.signal.reason);
    this.#run ??= this.#start().finally(() => this.#run = undefined);
    return this.#run;
  }

  /** Triggers a run and waits some seconds for it to end. Rejects as `trigger` does. */
  async answer(): Promise<AggregationAnswer> {
    const answered = new AbortController();
    const patience = this.#options.clock.sleep(ANSWER_MS_MAX, answered.signal);
    try {
      const outcome = await Promise.race([this.trigger(), patience]);
      if (outcome?.state !== "done") return { state: "running" };
      return { state: "done", ...outcome.counts };
    } finally {
      answered.abort();
      // a run that goes on after the answer reports its failure to the log
      this.#run?.catch(() => {});
    }
  }

  /** Ends a run under way, between two transactions if that is soon. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error("the server is stopping"));
    await this.#run?.catch(() => {});
    await this.#schedule;
  }

  async #keepSchedule(): Promise<void> {
    const { clock, schedule, log } = this.#options;
    const { signal } = this.#stop;
    const cron = new Cron(schedule, { timezone: "UTC" });
    let last_ms = -Infinity;
    while (!signal.aborted) {
      const now_ms = clock.now();
      const isEarly = now_ms < last_ms && last_ms - now_ms < EARLY_MS_MAX;
      const next_ms = cron.nextRun(new Date(isEarly ? last_ms : now_ms))?.getTime();
      if (next_ms === undefined) return;
      await clock.sleep(next_ms - now_ms, signal);
      last_ms = next_ms;
      if (signal.aborted) return;
      await this.#runInTurn().catch((error) => log.debug("aggregation failed", { error }));
    }
  }

  /** What another server began and did not end is done here. */
  async #runInTurn(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted && (await this.trigger()).state === "busy") {
      await this.#options.clock.sleep(BUSY_MS, signal);
    }
  }

  async #start(): Promise<RunOutcome> {
    const { log, clock } = this.#options;
    const begun_ms = clock.monotonic();
    try {
      const outcome = await this.#runInWorker();
      this.#last_failure = "";
      const took_ms = Math.round(clock.monotonic() - begun_ms);
      this.numbers.runs++;
      this.numbers.last_ms = took_ms;
      if (outcome.state === "busy") log.debug("another server aggregates");
      else if (outcome.steps === 0) log.debug("nothing to aggregate", { took_ms });
      else log.info("aggregated", { took_ms, ...nonZero(outcome.counts) });
      return outcome;
    } catch (error) {
      const text = String(error);
      if (!this.#stop.signal.aborted) this.numbers.failures++;
      const level = this.#stop.signal.aborted ? "debug" : "error";
      // the same trouble again is not news
      if (text !== this.#last_failure) {
        log[level]("aggregation failed, the next run goes on from there", {
          error,
          retryable: isRetryable(error),
        });
      }
      this.#last_failure = text;
      throw error;
    }
  }

  #runInWorker(): Promise<RunOutcome> {
    const { address, clock, grace_ms, retention, log } = this.#options;
    const { signal } = this.#stop;
    const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
    const tell = (message: ToWorker) => worker.postMessage(message);
    const { promise, resolve, reject } = Promise.withResolvers<RunOutcome>();
    worker.addEventListener("message", ({ data }: MessageEvent<FromWorker>) => {
      if (data.type === "log") log[data.level](data.msg, data.fields);
      else if (data.type === "done") resolve(data.outcome);
      else reject(Object.assign(new Error(data.message), { code: data.code }));
    });
    worker.addEventListener("error", (event) => {
      // without it the error would end the server
      event.preventDefault();
      reject(new Error(`Cannot aggregate: the Worker failed: ${event.message}`));
    });
    const ended = new AbortController();
    const stop = async () => {
      tell({ type: "stop" });
      await clock.sleep(STOP_MS_MAX, ended.signal);
      reject(signal.reason);
    };
    signal.addEventListener("abort", stop, { once: true });
    tell({ type: "run", address, now_ms: clock.now(), grace_ms, retention });
    return promise.finally(() => {
      ended.abort();
      signal.removeEventListener("abort", stop);
      worker.terminate();
    });
  }
}

function nonZero(counts: Counts): Record<string, number> {
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count !== 0));
}
