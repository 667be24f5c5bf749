/**
 * How much a client may send: a token bucket for each. It fills by the rate, holds ten seconds of it,
 * and may be overdrawn once: how many reports a request has is known only when it has been read.
 * Pure: time is an argument.
 */

import type { Registry } from "../metrics/registry.ts";

/** What has not been used for so long may be used at once. */
const BURST_S = 10;
/** Clients remembered; then those whose buckets are full again are forgotten, or else all. */
const CLIENTS_MAX = 10_000;

interface Bucket {
  left: number;
  at_ms: number;
}

export class Buckets {
  readonly #rateOf: () => number | null;
  readonly #clients = new Map<string, Bucket>();

  /** @param rateOf A second, of each client; null is no limit. Asked each time: it may change. */
  constructor(rateOf: () => number | null) {
    this.#rateOf = rateOf;
  }

  /** Without a limit nobody has to ask who it is. */
  get isOff(): boolean {
    return this.#rateOf() === null;
  }

  /** What nobody counts is never used up. */
  get #rate(): number {
    return this.#rateOf() ?? Infinity;
  }

  /** Clients that are remembered. */
  get size(): number {
    return this.#clients.size;
  }

  /** Milliseconds until the client may send something again; 0 when it may now. */
  waitMs(client: string, now_ms: number): number {
    if (this.isOff) return 0;
    const { left } = this.#bucketOf(client, now_ms);
    return left > 0 ? 0 : Math.floor(-left / this.#rate * 1000) + 1;
  }

  /** Takes what was sent from the client's bucket. */
  take(client: string, count: number, now_ms: number): void {
    if (this.isOff) return this.#clients.clear();
    const { left } = this.#bucketOf(client, now_ms);
    if (!this.#clients.has(client) && this.#clients.size >= CLIENTS_MAX) this.#forget(now_ms);
    this.#clients.set(client, { left: left - count, at_ms: now_ms });
  }

  #bucketOf(client: string, now_ms: number): Bucket {
    const full = this.#rate * BURST_S;
    const bucket = this.#clients.get(client);
    if (bucket === undefined) return { left: full, at_ms: now_ms };
    const gained = (now_ms - bucket.at_ms) / 1000 * this.#rate;
    return { left: Math.min(full, bucket.left + gained), at_ms: now_ms };
  }

  #forget(now_ms: number): void {
    const full = this.#rate * BURST_S;
    for (const client of this.#clients.keys()) {
      if (this.#bucketOf(client, now_ms).left >= full) this.#clients.delete(client);
    }
    if (this.#clients.size >= CLIENTS_MAX) this.#clients.clear();
  }
}

/** A client has sent more than it may. */
export class TooFastError extends Error {
  override name = "TooFastError";
  constructor(message: string, readonly retry_after_s: number) {
    super(message);
  }
}

export interface RateLimits {
  client_requests_s: number | null;
  client_reports_s: number | null;
}

/** The limits of those who send reports; null is no limit. */
export class ClientRates {
  /** Requests refused since the start. */
  refusals = 0;
  readonly #requests: Buckets;
  readonly #reports: Buckets;
  readonly #monotonic: () => number;

  /** @param limits Read each time: they may change. */
  constructor(limits: Readonly<RateLimits>, monotonic: () => number) {
    this.#requests = new Buckets(() => limits.client_requests_s);
    this.#reports = new Buckets(() => limits.client_reports_s);
    this.#monotonic = monotonic;
  }

  /** Without a limit nobody has to ask who it is. */
  get isOff(): boolean {
    return this.#requests.isOff && this.#reports.isOff;
  }

  /** Counts a request. @throws TooFastError when it is one too many */
  request(client: string): void {
    const now_ms = this.#monotonic();
    const limits = [["requests", this.#requests], ["reports", this.#reports]] as const;
    for (const [what, buckets] of limits) {
      const wait_ms = buckets.waitMs(client, now_ms);
      if (wait_ms === 0) continue;
      this.refusals++;
      const wait_s = Math.ceil(wait_ms / 1000);
      throw new TooFastError(
        `Cannot take reports: ${client} sends more ${what} than it may (limits.client_${what}_s); ` +
          `come again in ${wait_s} s, with more reports a request or less often`,
        wait_s,
      );
    }
    this.#requests.take(client, 1, now_ms);
  }

  /** Counts the reports of a request. */
  reports(client: string, count: number): void {
    this.#reports.take(client, count, this.#monotonic());
  }
}

export function registerRates(metrics: Registry, rates: ClientRates): void {
  metrics.read("monitor_server_rate_refusals_total", {
    kind: "counter",
    help: "Requests refused because their client sent more than it may (limits.client_…)",
  }, () => rates.refusals);
}
