/**
 * The agent: starts and stops the parts and hands what one makes to the next. The only file of this
 * folder that knows all of them.
 *
 *   collecting (schedule → rounds → runner → sandbox → host) → outbox → sender
 */
import type { Clock } from "../clock.ts";
import type { Logger } from "../log.ts";
import type { Collector, RejectedScript } from "./collectors.ts";
import type { Series } from "./collected.ts";
import { Collecting } from "./collecting.ts";
import type { AgentConfig, AgentConfigSource } from "./config.ts";
import { HostFacts } from "./facts.ts";
import { createHostMethods } from "./host.ts";
import { isolationOf } from "./isolation/settings.ts";
import { MemoryOutbox, type Outbox } from "./outbox.ts";
import { ownMetadata, ownSeries } from "./own_metrics.ts";
import { reportParts } from "./report_parts.ts";
import { reportText } from "./report_text.ts";
import type { RoundReport } from "./rounds.ts";
import { Sandbox } from "./sandbox.ts";
import { Sender, type SenderTotals } from "./sender.ts";

export interface AgentOptions {
  config: AgentConfig;
  /** Where `config` is from: then changes of it, and of collectors, are followed. */
  source?: AgentConfigSource;
  clock: Clock;
  log: Logger;
  /** Aborting it is the same as calling `stop()`. */
  signal?: AbortSignal;
  /** Jitter of retries, in [0, 1). Default: Math.random. */
  random?: () => number;
}

/** What is being collected, for the person who started it. */
export interface AgentDescription {
  hostname: string;
  server: string;
  collectors: readonly Collector[];
  rejected: readonly RejectedScript[];
}

/** reports = stored + duplicate + refused + dropped + waiting, once nothing is being sent. */
export interface AgentTotals extends SenderTotals {
  reports: number;
  dropped: number;
  waiting: number;
  script_errors: number;
  ticks_missed: number;
}

export interface Agent extends AsyncDisposable {
  describe(): AgentDescription;
  totals(): AgentTotals;
  /** How many Workers run the collectors now. */
  workers(): number;
  /** Stops collecting, tries for a moment to send what is waiting, and ends. May be called again. */
  stop(): Promise<void>;
  /** Resolves when the agent has stopped. */
  readonly stopped: Promise<void>;
}

/** How long a stop may try to send what is still waiting. */
const STOP_MS_MAX = 2_000;

/** Loads the collectors and starts collecting at once. Throws ScriptFolderError. */
export async function startAgent(options: AgentOptions): Promise<Agent> {
  const { config, clock, signal } = options;
  const log = options.log.with({ component: "agent" });
  const sandbox = new Sandbox({
    host: createHostMethods({ clock }),
    ...{ clock, log },
    isolation: isolationOf(config),
  });
  try {
    const agent = new RunningAgent({ ...options, log }, sandbox);
    await agent.start();
    const stop = () => void agent.stop();
    signal?.addEventListener("abort", stop, { once: true });
    void agent.stopped.then(() => signal?.removeEventListener("abort", stop));
    if (signal?.aborted) await agent.stop();
    return agent;
  } catch (error) {
    await sandbox[Symbol.asyncDispose]();
    throw error;
  }
}

class RunningAgent implements Agent {
  readonly stopped: Promise<void>;
  readonly #options: AgentOptions;
  readonly #sandbox: Sandbox;
  readonly #collecting: Collecting;
  readonly #facts: HostFacts;
  readonly #outbox: Outbox;
  readonly #sender: Sender;
  readonly #sending = new AbortController();
  #sent: Promise<void> = Promise.resolve();
  readonly #stopped = Promise.withResolvers<void>();
  #reports = 0;
  #stopping = false;

  constructor(options: AgentOptions, sandbox: Sandbox) {
    const { config, source, clock, log, random } = options;
    const { server } = config;
    this.#options = options;
    this.#sandbox = sandbox;
    this.stopped = this.#stopped.promise;
    this.#facts = new HostFacts(config);
    this.#outbox = new MemoryOutbox({ bytes_max: config.outbox_bytes });
    this.#sender = new Sender({
      server,
      token: config.token,
      request_timeout_ms: config.request_timeout,
      outbox: this.#outbox,
      facts: this.#facts,
      clock,
      log,
      random,
    });
    this.#collecting = new Collecting({
      config,
      source,
      sandbox,
      clock,
      log,
      onReport: (report, extra) => void this.#report(report, extra),
      onChanged: (changed) => this.#facts.renew(changed),
    });
  }

  /** Loads the collectors and starts everything. Throws ScriptFolderError; nothing runs then. */
  async start(): Promise<void> {
    await this.#collecting.start();
    this.#sent = this.#sender.run(this.#sending.signal);
    const { hostname, server, collectors } = this.describe();
    this.#options.log.info("Agent collects", { hostname, server, collectors: collectors.length });
  }

  describe(): AgentDescription {
    const { hostname, server } = this.#options.config;
    const { collectors, rejected } = this.#collecting;
    return { hostname, server, collectors, rejected };
  }

  totals(): AgentTotals {
    return {
      ...this.#sender.totals(),
      reports: this.#reports,
      dropped: this.#outbox.dropped().reports,
      waiting: this.#outbox.size().reports,
      script_errors: this.#collecting.numbers().script_errors_total,
      ticks_missed: this.#collecting.numbers().ticks_missed,
    };
  }

  workers(): number {
    return this.#sandbox.workers;
  }

  stop(): Promise<void> {
    if (!this.#stopping) {
      this.#stopping = true;
      this.#stop().then(this.#stopped.resolve, this.#stopped.reject);
    }
    return this.stopped;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #stop(): Promise<void> {
    const { clock, log } = this.#options;
    await this.#collecting.stop();
    this.#sender.drain();
    const in_time = new AbortController();
    void clock.sleep(STOP_MS_MAX, in_time.signal).then(() => this.#sending.abort());
    await this.#sent;
    in_time.abort();
    await this.#sandbox[Symbol.asyncDispose]();
    const { reports, waiting, dropped } = this.totals();
    if (waiting > 0) log.warn("Agent stopped; what was not sent is lost", { waiting });
    log.info("Agent stopped", { reports, dropped });
  }

  async #report({ at_ms, series, metadata }: RoundReport, extra: boolean): Promise<void> {
    const { hostname } = this.#options.config;
    // The agent's own numbers travel once a tick; a report of a single script would repeat them.
    const all = extra ? series : new Map([...series, ...this.#own()]);
    if (all.size === 0) return;
    for (const part of reportParts(all)) {
      this.#reports += 1;
      await this.#outbox.append({
        at_ms,
        text: reportText({ hostname, at_ms, series: part }),
        samples: countSamples(part),
      });
    }
    // After the report: a server can only take to heart what it is told of series it knows.
    for (const name of all.keys()) {
      this.#facts.note(name, () => ownMetadata(name) ?? metadata(name));
    }
    this.#sender.wake();
  }

  #own() {
    const sent = this.#sender.totals();
    return ownSeries({
      samples_sent: sent.samples,
      reports_sent: sent.stored + sent.duplicate,
      reports_refused: sent.refused,
      reports_dropped: this.#outbox.dropped().reports,
      reports_waiting: this.#outbox.size().reports,
      ...this.#collecting.numbers(),
    });
  }
}

/** Remarks without a number are no samples. */
function countSamples(series: Series): number {
  let count = 0;
  for (const value of series.values()) {
    const plain = typeof value === "object" ? value?.value : value;
    if (typeof plain === "number" || typeof plain === "boolean") count += 1;
  }
  return count;
}
