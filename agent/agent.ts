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
import type { Credential } from "./credential.ts";
import { HostFacts } from "./facts.ts";
import { agentFacts, describeMachine } from "./self_description.ts";
import { createHostMethods } from "./host.ts";
import { isolationOf } from "./isolation/settings.ts";
import type { OutboxStatus } from "./outbox.ts";
import { ownMetadata, ownMinuteSeries, type OwnNumbers, ownSeries } from "./own_metrics.ts";
import { reportParts } from "./report_parts.ts";
import { reportText } from "./report_text.ts";
import type { RoundReport } from "./rounds.ts";
import { Sandbox } from "./sandbox.ts";
import type { ScriptCost } from "./script_costs.ts";
import { type Ask, askerFor } from "./server_trust.ts";
import { Sender, type SenderStatus } from "./sender.ts";
import { serversFor } from "./server_choice.ts";
import { sendSpreadMs } from "./send_spread.ts";
import { Spool } from "./spool.ts";
import { ClockWatch, Minutes, summaryFields, type SummarySource } from "./summary.ts";

export interface AgentOptions {
  config: AgentConfig;
  /** Where `config` is from: then changes of it, and of collectors, are followed. */
  source?: AgentConfigSource;
  /** Where reports wait until the server has them. Default: in memory only. */
  spool_dir?: string;
  clock: Clock;
  log: Logger;
  /** What is shown to the server, as soon as there is something. Default: nothing. */
  credential?: Credential;
  /** Of this program, for people who look at the host. */
  version?: string;
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

/**
 * collected = stored + duplicate + refused + dropped + waiting, of all runs with this spool; requests
 * are those of this run.
 */
export interface AgentTotals extends OutboxStatus, SenderStatus {
  script_errors: number;
  ticks_missed: number;
}

export interface Agent extends AsyncDisposable {
  describe(): AgentDescription;
  totals(): AgentTotals;
  /** How many Workers run the collectors now. */
  workers(): number;
  /** Reads settings and collectors anew, as after a change of their files. */
  reload(): void;
  /** Stops collecting, tries for a moment to send what is waiting, and ends. May be called again. */
  stop(): Promise<void>;
  /** Resolves when the agent has stopped. */
  readonly stopped: Promise<void>;
}

/** How long a stop may try to send what is still waiting. */
const STOP_MS_MAX = 2_000;

/** Loads the collectors and starts collecting at once. Throws ScriptFolderError and SpoolInUse. */
export async function startAgent(options: AgentOptions): Promise<Agent> {
  const { config, clock, signal, spool_dir: dir } = options;
  const ask = await askerFor(config);
  const log = options.log.with({ component: "agent" });
  const { bytes: bytes_max, age: age_ms_max } = config.spool;
  const spool = await Spool.open({ dir, bytes_max, age_ms_max, clock, log });
  const sandbox = new Sandbox({
    host: createHostMethods({ clock }),
    ...{ clock, log },
    isolation: isolationOf(config),
  });
  try {
    const agent = new RunningAgent({ ...options, log }, { sandbox, spool, ask });
    await agent.start();
    const stop = () => void agent.stop();
    signal?.addEventListener("abort", stop, { once: true });
    void agent.stopped.then(() => signal?.removeEventListener("abort", stop));
    if (signal?.aborted) await agent.stop();
    return agent;
  } catch (error) {
    await sandbox[Symbol.asyncDispose]();
    await spool.close();
    throw error;
  }
}

class RunningAgent implements Agent {
  readonly stopped: Promise<void>;
  readonly #options: AgentOptions;
  readonly #sandbox: Sandbox;
  readonly #collecting: Collecting;
  readonly #facts: HostFacts;
  readonly #spool: Spool;
  readonly #sender: Sender;
  /** Aborted when there is no time any more to get something to show to the server. */
  readonly #joining = new AbortController();
  readonly #sending = new AbortController();
  #sent: Promise<void> = Promise.resolve();
  readonly #stopped = Promise.withResolvers<void>();
  readonly #minutes = new Minutes();
  readonly #clock_watch = new ClockWatch();
  #summarised: SummarySource;
  #stopping = false;

  constructor(
    options: AgentOptions,
    { sandbox, spool, ask }: { sandbox: Sandbox; spool: Spool; ask: Ask },
  ) {
    const { config, source, clock, log, random } = options;
    const [server = config.server, ...other_servers] = serversFor(config.hostname, [
      config.server,
      ...config.other_servers ?? [],
    ]);
    this.#options = options;
    this.#sandbox = sandbox;
    this.stopped = this.#stopped.promise;
    const machine = describeMachine(options.version);
    this.#facts = new HostFacts(config, () => agentFacts(machine, this.#collecting));
    this.#spool = spool;
    this.#sender = new Sender({
      server,
      other_servers,
      ask,
      credential: options.credential,
      request_timeout_ms: config.request_timeout,
      ...sendSpreadMs(config),
      outbox: this.#spool,
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
    this.#summarised = { ...this.#own(), scripts_ms_total: 0 };
  }

  /** Loads the collectors and starts everything. Throws ScriptFolderError; nothing runs then. */
  async start(): Promise<void> {
    await this.#collecting.start();
    this.#sent = this.#send();
    const { hostname, server, collectors } = this.describe();
    this.#options.log.info("Agent collects", { hostname, server, collectors: collectors.length });
  }

  async #send(): Promise<void> {
    const { credential } = this.#options;
    const is_ready = await credential?.ready(this.#joining.signal) ?? true;
    if (is_ready) await this.#sender.run(this.#sending.signal);
  }

  describe(): AgentDescription {
    const { hostname, server } = this.#options.config;
    const { collectors, rejected } = this.#collecting;
    return { hostname, server, collectors, rejected };
  }

  totals(): AgentTotals {
    return {
      ...this.#sender.status(),
      ...this.#spool.status(),
      script_errors: this.#collecting.numbers().script_errors_total,
      ticks_missed: this.#collecting.numbers().ticks_missed,
    };
  }

  workers(): number {
    return this.#sandbox.workers;
  }

  reload(): void {
    this.#collecting.reload();
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
    this.#joining.abort();
    this.#sender.drain();
    const in_time = new AbortController();
    void clock.sleep(STOP_MS_MAX, in_time.signal).then(() => this.#sending.abort());
    await this.#sent;
    in_time.abort();
    await this.#sandbox[Symbol.asyncDispose]();
    await this.#spool.close();
    const { waiting, on_disk } = this.#spool.status();
    if (waiting > 0 && !on_disk) log.warn("What was not sent is lost", { waiting });
    log.info("Agent stopped", { waiting });
  }

  async #report({ at_ms, series, metadata }: RoundReport, extra: boolean): Promise<void> {
    // The agent's own numbers travel once a tick; a report of a single script would repeat them.
    const own: Series = extra ? new Map() : ownSeries(this.#own());
    const reports: Series[] = [new Map([...series, ...own])];
    if (!extra && this.#minutes.begins(at_ms)) reports.push(this.#minute());
    for (const all of reports) {
      await this.#append(at_ms, all);
      // After the report: a server can only take to heart what it is told of series it knows.
      for (const name of all.keys()) {
        this.#facts.note(name, () => ownMetadata(name) ?? metadata(name));
      }
    }
    this.#sender.wake();
  }

  async #append(at_ms: number, series: Series): Promise<void> {
    const { hostname } = this.#options.config;
    for (const part of series.size === 0 ? [] : reportParts(series)) {
      await this.#spool.append({
        at_ms,
        text: reportText({ hostname, at_ms, series: part }),
        samples: countSamples(part),
      });
    }
  }

  #own(): OwnNumbers {
    return {
      now_ms: this.#options.clock.now(),
      outbox: this.#spool.status(),
      sender: this.#sender.status(),
      ...this.#collecting.numbers(),
    };
  }

  /** What is told once a minute, to the log and to the server. */
  #minute(): Series {
    const own = this.#own();
    const costs = own.script_costs;
    const before = this.#summarised;
    this.#summarised = { ...own, scripts_ms_total: msOf(costs) };
    this.#clock_watch.tell(own.sender.clock_offset_ms, this.#options.log);
    this.#options.log.info("Last minute", summaryFields(before, this.#summarised));
    return ownMinuteSeries(own);
  }
}

function msOf(costs: ReadonlyMap<string, ScriptCost>): number {
  return [...costs.values()].reduce((sum, { ms }) => sum + ms, 0);
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
