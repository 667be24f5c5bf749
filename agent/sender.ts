/**
 * Takes reports out of the outbox and posts them, oldest first, until the server has them.
 *
 * A report leaves the outbox only when the server has answered for it: stored, known already, or
 * refused with a reason (sending it again would be refused again). Everything else, from a refused
 * connection to a wrong token, leaves it there and is tried again, later and later. When the agent is
 * behind, many reports go in one request; when the server refuses such a batch as a whole, they go
 * one by one, so that a single bad report takes nobody with it.
 *
 * Facts about the host (alias, tags, units) travel with the newest report of a request when they are
 * due. They count as told when the server has answered, even by refusing: were they themselves what
 * it refuses, repeating them would have every report refused.
 */
import type { Clock } from "../clock.ts";
import type { Logger } from "../log.ts";
import { backoffMs } from "./backoff.ts";
import type { DueFacts, HostFacts } from "./facts.ts";
import type { Outbox, OutboxBatch } from "./outbox.ts";
import { postMetrics } from "./post.ts";
import { withFacts } from "./report_text.ts";
import { type Verdict, verdictOf } from "./server_answer.ts";

export interface SenderOptions {
  /** Base URL without a trailing slash. */
  server: string;
  token?: string;
  request_timeout_ms: number;
  outbox: Outbox;
  facts: HostFacts;
  clock: Clock;
  log: Logger;
  /** In [0, 1), for jitter. Default: Math.random. */
  random?: () => number;
}

/** Reports by what became of them, and samples in those the server has taken. */
export interface SenderTotals {
  stored: number;
  duplicate: number;
  refused: number;
  samples: number;
  requests_failed: number;
}

type Outcome = { kind: "sent" | "empty" } | { kind: "failed"; wait_ms: number };

/** A batch stays well under what a server reads at once (16 MiB). */
const BATCH_BYTES_MAX = 4 * 1024 * 1024;
const BATCH_REPORTS_MAX = 500;
/** With nothing to send the sender sleeps until it is woken; this is only an upper bound. */
const IDLE_MS = 3_600_000;
/** Reasons of one answer that are logged; they are usually all the same. */
const REASONS_LOGGED = 3;

export class Sender {
  readonly #options: SenderOptions;
  readonly #totals: SenderTotals = {
    stored: 0,
    duplicate: 0,
    refused: 0,
    samples: 0,
    requests_failed: 0,
  };
  /** Reports to be sent one by one, after a batch of them was refused as a whole. */
  #singles = 0;
  /** Requests that failed since the last that did not. */
  #failures = 0;
  #failure = "";
  /** Aborted by `wake`; a new one for every request. */
  #woken = new AbortController();
  readonly #draining = new AbortController();

  constructor(options: SenderOptions) {
    this.#options = options;
  }

  totals(): SenderTotals {
    return { ...this.#totals };
  }

  /** Something was put into the outbox. */
  wake(): void {
    this.#woken.abort();
  }

  /** What is waiting is sent at once, without waits, and then `run` ends: at the first failure. */
  drain(): void {
    this.#draining.abort();
    this.#woken.abort();
  }

  /** Sends whatever comes until `drain`, or until `signal` gives up the request under way. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    while (!signal.aborted) {
      this.#woken = new AbortController();
      const outcome = await this.#sendNext(signal);
      if (outcome.kind === "sent") continue;
      if (this.#draining.signal.aborted) break;
      if (outcome.kind === "failed") await clock.sleep(outcome.wait_ms, this.#draining.signal);
      else await clock.sleep(IDLE_MS, this.#woken.signal);
    }
  }

  async #sendNext(signal: AbortSignal): Promise<Outcome> {
    const { outbox, facts, clock } = this.#options;
    const batch = await outbox.peek({
      reports_max: this.#singles > 0 ? 1 : BATCH_REPORTS_MAX,
      bytes_max: BATCH_BYTES_MAX,
    });
    if (batch === undefined) return { kind: "empty" };
    const due = facts.due(clock.monotonic());
    const verdict = await this.#post(batch, due, signal);
    if (verdict.kind === "settled") {
      await outbox.acknowledge(batch);
      if (due !== undefined) facts.told(due, clock.monotonic());
      this.#settled(batch, verdict);
      return { kind: "sent" };
    }
    outbox.release(batch);
    if (verdict.kind === "split") {
      this.#singles = batch.entries.length;
      this.#options.log.debug("Batch refused, sending its reports one by one", {
        reason: verdict.reason,
      });
      return { kind: "sent" };
    }
    return signal.aborted ? { kind: "failed", wait_ms: 0 } : this.#failed(verdict);
  }

  async #post(
    batch: OutboxBatch,
    due: DueFacts | undefined,
    signal: AbortSignal,
  ): Promise<Verdict> {
    const { server, token, request_timeout_ms, clock } = this.#options;
    const texts = batch.entries.map(({ text }) => text);
    const last = texts.pop() ?? "";
    texts.push(due === undefined ? last : withFacts(last, due.facts));
    // One report is sent as an object: that is what the server's fast path knows best.
    const body = texts.length === 1 ? texts.join() : `[${texts.join(",")}]`;
    try {
      const answer = await postMetrics(body, {
        server,
        token,
        timeout_ms: request_timeout_ms,
        clock,
        signal,
      });
      return verdictOf(answer, { reports: texts.length, now_ms: clock.now() });
    } catch (error) {
      return { kind: "retry", reason: error instanceof Error ? error.message : String(error) };
    }
  }

  #settled(batch: OutboxBatch, verdict: Extract<Verdict, { kind: "settled" }>): void {
    const { log, server } = this.#options;
    const { stored, duplicate, refused } = verdict;
    this.#singles = Math.max(0, this.#singles - batch.entries.length);
    this.#totals.stored += stored;
    this.#totals.duplicate += duplicate;
    this.#totals.refused += refused.length;
    const refused_at = new Set(refused.map(({ index }) => index));
    for (const [index, entry] of batch.entries.entries()) {
      if (!refused_at.has(index)) this.#totals.samples += entry.samples;
    }
    if (refused.length > 0) {
      log.warn("Server refused reports; they are dropped", {
        refused: refused.length,
        reasons: [...new Set(refused.map(({ reason }) => reason))].slice(0, REASONS_LOGGED).join(
          " | ",
        ),
      });
    }
    if (this.#failures > 0) {
      log.info("Server takes reports again", { server, failed_requests: this.#failures });
    }
    this.#failures = 0;
    this.#failure = "";
  }

  #failed(verdict: Extract<Verdict, { kind: "retry" }>): Outcome {
    const { log, server, outbox, random = Math.random } = this.#options;
    this.#failures += 1;
    this.#totals.requests_failed += 1;
    const wait_ms = backoffMs(this.#failures, {
      random,
      retry_after_ms: verdict.retry_after_ms,
    });
    const { reason, hint } = verdict;
    // The same trouble is told once; a day without a server must not fill the log.
    const write = reason === this.#failure ? log.debug : log.warn;
    this.#failure = reason;
    write("Cannot send reports; they are kept and sent again", {
      server,
      reason,
      hint,
      waiting: outbox.size().reports,
      next_try_ms: wait_ms,
    });
    return { kind: "failed", wait_ms };
  }
}
