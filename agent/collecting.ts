/**
 * The half of the agent that makes reports: loads collectors, runs them at their ticks, and follows
 * changes of them while it runs. What is done with a report is the other half's business (agent.ts).
 */
import type { Clock } from "../clock.ts";
import type { Logger } from "../log.ts";
import type { Collector, LoadedCollectors, RejectedScript } from "./collectors.ts";
import type { AgentConfig, AgentConfigSource } from "./config.ts";
import { Follower } from "./follow.ts";
import { LoadedLog } from "./loaded_log.ts";
import { CollectorLoader } from "./loader.ts";
import { type RoundReport, Rounds } from "./rounds.ts";
import type { Sandbox } from "./sandbox.ts";
import { Schedule } from "./schedule.ts";
import { sourceContext } from "./sources/source.ts";

export interface CollectingOptions {
  config: AgentConfig;
  /** Without it nothing is followed. */
  source: AgentConfigSource | undefined;
  sandbox: Sandbox;
  clock: Clock;
  log: Logger;
  onReport: (report: RoundReport, extra: boolean) => void;
  /** Settings or collectors are others now than at the start. */
  onChanged: (config: AgentConfig) => void;
}

export class Collecting {
  readonly #options: CollectingOptions;
  readonly #loader: CollectorLoader;
  readonly #loaded_log: LoadedLog;
  readonly #follower: Follower | undefined;
  readonly #rounds: Rounds;
  readonly #schedule: Schedule;
  readonly #stopping = new AbortController();
  #config: AgentConfig;
  #collectors: readonly Collector[] = [];
  #rejected: readonly RejectedScript[] = [];
  #running: Promise<unknown> = Promise.resolve();

  constructor(options: CollectingOptions) {
    const { config, source, sandbox, clock, log, onReport } = options;
    this.#options = options;
    this.#config = config;
    this.#loaded_log = new LoadedLog(log);
    const sources = sourceContext(config, { clock, log });
    const loader = new CollectorLoader({ sandbox, sources });
    this.#loader = loader;
    const onLoaded = this.#follow.bind(this);
    this.#follower = source && new Follower({ source, config, loader, clock, log, onLoaded });
    const onEnded = (name: string) => this.#schedule.ended(name);
    this.#rounds = new Rounds({ clock, log, onReport, onEnded });
    this.#schedule = new Schedule({ clock, onTick: (tick) => void this.#rounds.start(tick) });
  }

  get collectors(): readonly Collector[] {
    return this.#collectors;
  }

  get rejected(): readonly RejectedScript[] {
    return this.#rejected;
  }

  /** Loads the collectors and runs them. Throws ScriptFolderError; nothing runs then. */
  async start(): Promise<void> {
    try {
      await this.#follower?.watch();
      this.#take(await this.#loader.load(this.#config));
    } catch (error) {
      this.#follower?.[Symbol.dispose]();
      throw error;
    }
    const { signal } = this.#stopping;
    this.#running = Promise.all([this.#schedule.run(signal), this.#follower?.run(signal)]);
  }

  /** Starts nothing more, and waits for what is running. Ends the sandbox. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    // First, so that what is ended now has not failed.
    const rounds = this.#rounds.stop();
    this.#follower?.[Symbol.dispose]();
    this.#options.sandbox[Symbol.dispose]();
    await Promise.all(this.#collectors.map(({ runner }) => runner[Symbol.asyncDispose]()));
    await Promise.all([this.#running, rounds]);
  }

  /** Looks at settings and collectors now, changed or not. */
  reload(): void {
    this.#follower?.reload();
  }

  /** Why collectors do not give what they should, by name. */
  troubles(): Map<string, string> {
    return this.#rounds.troubles();
  }

  /** For the agent's own metrics. */
  numbers() {
    return {
      ticks_missed: this.#schedule.missed(),
      scripts_ms: this.#rounds.scripts_ms,
      script_errors_total: this.#rounds.errorsTotal(),
      script_errors: this.#rounds.errors(),
      script_costs: this.#rounds.costs(),
      script_processes: this.#options.sandbox.processNumbers(),
    };
  }

  #follow(config: AgentConfig, loaded: LoadedCollectors): void {
    const before = new Set(this.#collectors);
    const is_new = config !== this.#config || loaded.collectors.length !== before.size ||
      loaded.collectors.some((collector) => !before.has(collector));
    this.#config = config;
    this.#take(loaded);
    if (is_new) this.#options.onChanged(config);
  }

  /** These collectors run from now on. Those that are as they were are not touched. */
  #take(loaded: LoadedCollectors): void {
    const { collectors, restarted, rejected } = loaded;
    this.#collectors = collectors;
    this.#rejected = rejected;
    this.#loaded_log.tell(loaded);
    this.#rounds.set(collectors);
    const every_ms = new Map(collectors.map((collector) => [collector.name, collector.every_ms]));
    this.#schedule.set(every_ms, { run_now: new Set(restarted) });
  }
}
