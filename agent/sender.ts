/**
 * Takes reports out of the outbox and posts them until the server has them; send_plan.ts says which
 * are next.
 *
 * A report leaves the outbox only when the server has answered for it: stored, known already, or
 * refused with a reason (sending it again would be refused again). Everything else, from a refused
 * connection to a wrong token, leaves it there and is tried again, later and later. When the agent is
 * behind, many reports go in one request; when the server refuses such a batch as a whole, they go
 * one by one, so that a single bad report takes nobody with it.
 *
 * Machines tick together, but need not send together: what was collected waits a random part of
 * `spread_ms` before it goes.
 *
 * Facts about the host (alias, tags, units) travel with the newest report of a request when they are
 * due. They count as told when the server has answered, even by refusing: were they themselves what
 * it refuses, repeating them would have every report refused.
 */
import type { Clock } from "../clock.ts";
import type { Logger } from "../log.ts";
import { backoffMs } from "./backoff.ts";
import { ClockOffset } from "./clock_offset.ts";
import type { Credential } from "./credential.ts";
import type { DueFacts, HostFacts } from "./facts.ts";
import type { Outbox, OutboxBatch } from "./outbox.ts";
import { post } from "./post.ts";
import { withFacts } from "./report_text.ts";
import { SendPlan } from "./send_plan.ts";
import { ServerChoice } from "./server_choice.ts";
import type { Ask } from "./server_trust.ts";
import { type Verdict, verdictOf } from "./server_answer.ts";

export interface SenderOptions {
  /** Base URL without a trailing slash. */
  server: string;
  /** Others of the same database, tried when `server` does not take a report. Default: none. */
  other_servers?: readonly string[];
  /** Default: none is shown. */
  credential?: Credential;
  request_timeout_ms: number;
  /** Reports wait up to this before they are sent. Default: 0. */
  spread_ms?: number;
  /** Large batches are packed. Default: false. */
  compress?: boolean;
  outbox: Outbox;
  facts: HostFacts;
  clock: Clock;
  log: Logger;
  /** How to ask the server. Default: fetch. */
  ask?: Ask;
  /** In [0, 1), for jitter. Default: Math.random. */
  random?: () => number;
}

/** Requests since the start of the program. */
export interface SenderStatus {
  requests: number;
  requests_failed: number;
  sent_bytes: number;
  /** How long the last one took that was answered. */
  send_ms: number;
  /** The server's clock less ours; undefined until it is known. */
  clock_offset_ms: number | undefined;
}

type Outcome = { kind: "sent" | "empty" } | { kind: "failed"; wait_ms: number };

/** With nothing to send the sender sleeps until it is woken; this is only an upper bound. */
const IDLE_MS = 3_600_000;
/** Reasons of one answer that are logged; they are usually all the same. */
const REASONS_LOGGED = 3;

export class Sender {
  readonly #options: SenderOptions;
  readonly #plan = new SendPlan();
  readonly #servers: ServerChoice;
  /** Where the last request went. */
  #server: string;
  readonly #offset = new ClockOffset();
  #status = { requests: 0, requests_failed: 0, sent_bytes: 0, send_ms: 0 };
  /** Requests that failed since the last that did not. */
  #failures = 0;
  #failure = "";
  /** Aborted by `wake`; a new one for every request. */
  #woken = new AbortController();
  readonly #draining = new AbortController();

  constructor(options: SenderOptions) {
    this.#options = options;
    this.#server = options.server;
    this.#servers = new ServerChoice([options.server, ...options.other_servers ?? []]);
  }

  status(): SenderStatus {
    return { ...this.#status, clock_offset_ms: this.#offset.offset_ms };
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
    const { clock, spread_ms = 0, random = Math.random } = this.#options;
    while (!signal.aborted) {
      this.#woken = new AbortController();
      const outcome = await this.#sendNext(signal);
      if (outcome.kind === "sent") continue;
      if (this.#draining.signal.aborted) break;
      if (outcome.kind === "failed") await clock.sleep(outcome.wait_ms, this.#draining.signal);
      else {
        await clock.sleep(IDLE_MS, this.#woken.signal);
        await clock.sleep(spread_ms * random(), this.#draining.signal);
      }
    }
  }

  /** The oldest reports, or the newest ones ahead of them. */
  async #next(): Promise<OutboxBatch | undefined> {
    const { outbox } = this.#options;
    const oldest = await outbox.peek(this.#plan.limits());
    if (oldest === undefined || oldest.rest === 0) return oldest;
    const ahead = this.#plan.ahead(outbox.status());
    if (ahead === undefined) return oldest;
    return await outbox.peek(ahead) ?? await outbox.peek(this.#plan.limits());
  }

  async #sendNext(signal: AbortSignal): Promise<Outcome> {
    const { outbox, facts, clock } = this.#options;
    const batch = await this.#next();
    if (batch === undefined) return { kind: "empty" };
    const due = facts.due(clock.monotonic());
    const verdict = await this.#post(batch, due, signal);
    const reports = batch.entries.length;
    if (verdict.kind === "settled") {
      if (due !== undefined) facts.told(due, clock.monotonic());
      await this.#settled(batch, verdict);
      return { kind: "sent" };
    }
    outbox.release(batch);
    if (verdict.kind === "split") {
      this.#plan.split({ reports });
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
    const { credential, request_timeout_ms, compress = false, clock, ask } = this.#options;
    const server = this.#server = this.#servers.at(clock.monotonic());
    const texts = batch.entries.map(({ text }) => text);
    const last = texts.pop() ?? "";
    texts.push(due === undefined ? last : withFacts(last, due.facts));
    // One report is sent as an object: that is what the server's fast path knows best.
    const body = texts.length === 1 ? texts.join() : `[${texts.join(",")}]`;
    const sent_ms = clock.now();
    const begin_ms = clock.monotonic();
    this.#status.requests += 1;
    try {
      const now_ms = clock.now() + (this.#offset.offset_ms ?? 0);
      const answer = await post("/metrics", body, {
        ...{ server, timeout_ms: request_timeout_ms, ask, compress, clock, signal },
        authorization: (travelling) => credential?.authorization({ body: travelling, now_ms }),
      });
      const monotonic_ms = clock.monotonic();
      this.#status.sent_bytes += answer.sent_bytes;
      this.#status.send_ms = monotonic_ms - begin_ms;
      this.#offset.note({ date: answer.date, sent_ms, answered_ms: clock.now(), monotonic_ms });
      return verdictOf(answer, { reports: texts.length, now_ms: clock.now() });
    } catch (error) {
      this.#plan.unanswered({ reports: texts.length });
      return { kind: "retry", reason: error instanceof Error ? error.message : String(error) };
    }
  }

  async #settled(
    batch: OutboxBatch,
    verdict: Extract<Verdict, { kind: "settled" }>,
  ): Promise<void> {
    const { log, outbox } = this.#options;
    const server = this.#server;
    const { stored, duplicate, refused } = verdict;
    const refused_at = new Set(refused.map(({ index }) => index));
    const taken = batch.entries.filter((_, index) => !refused_at.has(index));
    const samples = taken.reduce((sum, entry) => sum + entry.samples, 0);
    await outbox.settle(batch, { stored, duplicate, refused: refused.length, samples });
    this.#plan.answered({
      reports: batch.entries.length,
      newest_seq: batch.entries.at(-1)?.seq ?? 0,
    });
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
    this.#servers.took();
    this.#failures = 0;
    this.#failure = "";
  }

  #failed(verdict: Extract<Verdict, { kind: "retry" }>): Outcome {
    const { log, outbox, clock, random = Math.random } = this.#options;
    const server = this.#server;
    this.#failures += 1;
    this.#status.requests_failed += 1;
    const isAnotherLeft = this.#servers.failed(clock.monotonic());
    const wait_ms = isAnotherLeft ? 0 : backoffMs(this.#failures, {
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
      waiting: outbox.status().waiting,
      next_try_ms: wait_ms,
    });
    return { kind: "failed", wait_ms };
  }
}
