/**
 * Sends what a fleet of hosts would send: days of the past, oldest first and as fast as the server
 * takes them, then, when wanted, the present as it comes.
 *
 * A tick is one time at which all hosts report. Hosts without network skip their ticks; in the tick
 * after that they send all they have kept, as an agent does.
 */
import type { Clock } from "../../clock.ts";
import { DAY_MS, type Fleet } from "./fleet.ts";
import { type FeedBatch, type Post, Sender } from "./sender.ts";

export interface SimulateOptions {
  fleet: Fleet;
  interval_ms: number;
  /** How much of the past. */
  days: number;
  /** Go on in real time after that, until stopped. */
  live: boolean;
  /** Reports a second; Infinity is as many as the server takes. */
  rate: number;
  /** Reports a request. */
  batch: number;
  connections: number;
  post: Post;
  server: string;
  clock: Clock;
  /** Makes no more reports; requests under way are waited for. */
  signal: AbortSignal;
  /** Drops requests under way. */
  give_up: AbortSignal;
  onProgress(state: SimulateState): void;
}

/** In reports, but for `samples`. When all requests were answered: sent = stored + duplicate + refused. */
export interface SimulateAccount {
  sent: number;
  stored: number;
  duplicate: number;
  refused: number;
  /** In the reports sent. */
  samples: number;
  requests: number;
  /** The first reasons for which a report was refused. */
  reasons: string[];
}

export interface SimulateState {
  account: Readonly<SimulateAccount>;
  /** The tick that is being sent. */
  at_ms: number;
  /** Of the past that is to be sent, 0 to 1; undefined in real time. */
  fraction: number | undefined;
  /** Why nothing moves just now. */
  waiting: string | undefined;
}

const REASONS_MAX = 5;

export class Simulation {
  readonly account: SimulateAccount = {
    sent: 0,
    stored: 0,
    duplicate: 0,
    refused: 0,
    samples: 0,
    requests: 0,
    reasons: [],
  };
  readonly #options: SimulateOptions;
  readonly #sender: Sender<FeedBatch>;
  readonly #introduced = new Set<number>();
  #open: string[] = [];
  #open_samples = 0;
  #state: Omit<SimulateState, "account"> = { at_ms: 0, fraction: undefined, waiting: undefined };
  /** When the first report was due, for the rate. */
  #begun_ms = 0;

  constructor(options: SimulateOptions) {
    this.#options = options;
    this.#sender = new Sender({
      ...options,
      onSettled: (_, settled) => {
        this.account.stored += settled.stored;
        this.account.duplicate += settled.duplicate;
        this.account.refused += settled.refused;
        this.account.requests++;
        for (const { reason } of settled.reasons) this.#listReason(reason);
        this.#progress({});
      },
      onWaiting: (waiting) => this.#progress({ waiting }),
    });
  }

  /** Ends when the past is sent, or when stopped. Throws FeedError when the server takes nothing. */
  async run(): Promise<void> {
    const { clock, interval_ms, days, live, signal } = this.#options;
    this.#begun_ms = clock.monotonic();
    const to_ms = Math.floor(clock.now() / interval_ms) * interval_ms;
    const from_ms = to_ms - Math.round(days * DAY_MS / interval_ms) * interval_ms;
    for (let at_ms = from_ms; at_ms < to_ms && !signal.aborted; at_ms += interval_ms) {
      this.#progress({ at_ms, fraction: (at_ms - from_ms) / (to_ms - from_ms) });
      await this.#tick(at_ms, from_ms);
    }
    // nobody comes later to send what hosts without network have kept
    if (!live) await this.#tick(to_ms, from_ms, true);
    await this.#flush();
    if (live) await this.#live(to_ms, from_ms);
    await this.#sender.finish();
  }

  async #live(begin_ms: number, from_ms: number): Promise<void> {
    const { clock, interval_ms, signal } = this.#options;
    for (let at_ms = begin_ms; !signal.aborted; at_ms += interval_ms) {
      await clock.sleep(at_ms - clock.now(), signal);
      if (signal.aborted) return;
      this.#progress({ at_ms, fraction: undefined });
      await this.#tick(at_ms, from_ms);
      await this.#flush();
    }
  }

  /** All reports that are sent at one time. `last`: only those that were kept. */
  async #tick(at_ms: number, from_ms: number, last = false): Promise<void> {
    const { fleet, interval_ms, signal } = this.#options;
    for (let host = 0; host < fleet.size && !signal.aborted; host++) {
      const before_ms = at_ms - interval_ms;
      const late_ms = before_ms >= from_ms ? fleet.lateUntil(host, before_ms) : undefined;
      if (late_ms !== undefined && (late_ms <= at_ms || last)) {
        const span = fleet.lateSpan(host, before_ms);
        const first_ms = Math.ceil((span?.from_ms ?? at_ms) / interval_ms) * interval_ms;
        for (let kept_ms = Math.max(from_ms, first_ms); kept_ms < at_ms; kept_ms += interval_ms) {
          await this.#send(host, kept_ms);
        }
      }
      if (!last && fleet.lateUntil(host, at_ms) === undefined) await this.#send(host, at_ms);
    }
  }

  async #send(host: number, at_ms: number): Promise<void> {
    const { fleet, batch } = this.#options;
    const report = fleet.report(host, at_ms, !this.#introduced.has(host));
    if (report === undefined) return;
    this.#introduced.add(host);
    this.#open.push(report.json);
    this.#open_samples += report.samples;
    if (this.#open.length >= batch) await this.#flush();
  }

  async #flush(): Promise<void> {
    const { clock, rate, signal, connections } = this.#options;
    const [reports, samples] = [this.#open, this.#open_samples];
    if (reports.length === 0) return;
    this.#open = [];
    this.#open_samples = 0;
    // what comes first is due at once, on every connection
    const ahead = this.account.sent - reports.length * (connections - 1);
    const due_ms = this.#begun_ms + (rate === Infinity ? 0 : ahead / rate * 1000);
    if (due_ms > clock.monotonic()) await clock.sleep(due_ms - clock.monotonic(), signal);
    if (!await this.#sender.send({ reports })) return;
    this.account.sent += reports.length;
    this.account.samples += samples;
  }

  #listReason(reason: string): void {
    const { reasons } = this.account;
    if (reasons.length < REASONS_MAX && !reasons.includes(reason)) reasons.push(reason);
  }

  #progress(change: Partial<SimulateState>): void {
    this.#state = { ...this.#state, ...change };
    this.#options.onProgress({ ...this.#state, account: this.account });
  }
}
