/**
 * Simulated agents: each host sends one report of 100 metrics a second, by itself, and sends it again
 * until it is acknowledged. A report is due at its time whether the server is fast or not, and its
 * latency counts from then on, so that a server that stands still shows in every report it holds up.
 */
import { systemClock } from "../../clock.ts";
import type { Journal } from "./journal.ts";

export const METRICS = 100;
/** Connections; as many reports can be under way. */
const LANES = 64;
/** Between two tries when no answer says how long. */
const RETRY_MS = 1_000;
/** Then the run has failed. */
const PATIENCE_MS = 120_000;
/** No answer comes later. */
const ANSWER_MS_MAX = 30_000;

/** The metric whose value is the report's number, so that every report can be found again. */
export const NUMBER_METRIC = "m_000";
/** The metric that says whether a host is in trouble: 95 or 10. */
export const TROUBLE_METRIC = "trouble";

export interface SendersOptions {
  url: () => string;
  hosts: number;
  journal: Journal;
  signal: AbortSignal;
  /** A report that is not taken for so long is given up. */
  patience_ms?: number;
  /** Is this host in trouble in this second of the run? */
  isWrong(host: number, second: number): boolean;
}

export const hostName = (host: number) => `soak-${String(host).padStart(4, "0")}`;

/** A value as metrics have them: gauges of two decimals that change little, counters, constants. */
function valueOf(metric: number, host: number, second: number): number {
  const kind = metric % 4;
  if (kind === 0) return second * (metric + 1) + host;
  if (kind === 1) return (metric * 7_919 + host) % 10_000;
  return Math.round((50 + 40 * Math.sin(metric + host + second / 600)) * 100) / 100;
}

const KEYS = Array.from({ length: METRICS }, (_, i) => `"m_${String(i).padStart(3, "0")}":`);

function reportText(host: number, second: number, at_s: number, isWrong: boolean): string {
  let text = `{"hostname":"${hostName(host)}","timestamp":${at_s},"metrics":{` +
    `"${TROUBLE_METRIC}":${isWrong ? 95 : 10},${KEYS[0]}${second}`;
  // the trouble metric is one of the hundred
  for (let i = 1; i < METRICS - 1; i++) text += `,${KEYS[i]}${valueOf(i, host, second)}`;
  return `${text}}}`;
}

export class Senders {
  readonly #options: SendersOptions;
  /** The second, since 1970, of the first reports. */
  readonly start_s = Math.floor(systemClock.now() / 1000);
  /** By host: the seconds of the run that were acknowledged. They come in order, one lane or not. */
  readonly acknowledged: number[];
  sent = 0;
  stored = 0;
  duplicates = 0;
  /** Reports that were never acknowledged. */
  lost = 0;
  #next = 0;
  #begun_ms = 0;
  /** When those under way were due. */
  readonly #waiting = new Set<number>();

  constructor(options: SendersOptions) {
    this.#options = options;
    this.acknowledged = Array.from({ length: options.hosts }, () => 0);
  }

  /** The second of the run that is due. */
  get second(): number {
    return Math.floor(this.#next / this.#options.hosts);
  }

  /** How long the oldest report that is not acknowledged has been due. */
  get behind_ms(): number {
    const next_ms = this.#begun_ms + this.#next / this.#options.hosts * 1000;
    return systemClock.monotonic() - Math.min(next_ms, ...this.#waiting);
  }

  /** Sends until the signal; what is due by then is still acknowledged. Ends on a whole second. */
  async run(): Promise<void> {
    this.#begun_ms = systemClock.monotonic();
    await Promise.all(Array.from({ length: LANES }, () => this.#lane(this.#begun_ms)));
  }

  async #lane(begun_ms: number): Promise<void> {
    const { hosts, signal, isWrong } = this.#options;
    for (;;) {
      // a second that was begun is sent whole
      if (signal.aborted && this.#next % hosts === 0) return;
      const number = this.#next++;
      const [host, second] = [number % hosts, Math.floor(number / hosts)];
      const due_ms = begun_ms + number / hosts * 1000;
      await systemClock.sleep(due_ms - systemClock.monotonic());
      const text = reportText(host, second, this.start_s + second, isWrong(host, second));
      this.sent++;
      this.#waiting.add(due_ms);
      await this.#send(text, host, due_ms);
      this.#waiting.delete(due_ms);
    }
  }

  async #send(text: string, host: number, due_ms: number): Promise<void> {
    const { journal, patience_ms = PATIENCE_MS } = this.#options;
    // from now on: on a machine that is too slow a report may be due long before it is its turn
    const begun_ms = systemClock.monotonic();
    while (systemClock.monotonic() - begun_ms < patience_ms) {
      const wait_ms = await this.#try(text);
      if (wait_ms === 0) {
        journal.took("ingest", systemClock.monotonic() - due_ms);
        this.acknowledged[host] = (this.acknowledged[host] ?? 0) + 1;
        return;
      }
      await systemClock.sleep(wait_ms);
    }
    this.lost++;
    journal.fault(`a report was not taken for ${patience_ms / 1000} s`);
  }

  /** Milliseconds to wait before it is sent again; 0 when it was acknowledged. */
  async #try(body: string): Promise<number> {
    const { url, journal } = this.#options;
    try {
      const signal = AbortSignal.timeout(ANSWER_MS_MAX);
      const response = await fetch(`${url()}/metrics`, { method: "POST", body, signal });
      const answer = await response.text();
      if (response.status === 200) {
        const { stored, duplicate } = JSON.parse(answer);
        this.stored += stored;
        this.duplicates += duplicate;
        return 0;
      }
      if (response.status === 503) journal.told_to_wait++;
      journal.fault(`POST /metrics: ${response.status} ${answer.slice(0, 120)}`);
      return Number(response.headers.get("retry-after") ?? 1) * 1000;
    } catch (error) {
      journal.fault(`POST /metrics: ${error instanceof Error ? error.message : error}`);
      return RETRY_MS;
    }
  }
}
