/**
 * Follows files while the agent runs: collectors that come, change and go, the agent's settings, and
 * approvals. What is wrong is told once; until it is repaired everything goes on as it was:
 *
 *   settings with faults        the settings from before hold, each fault is a line of the log
 *   a script that is broken     its version from before goes on (loader.ts)
 *   a folder that is gone       its collectors go on
 *
 * What is not watched and matters all the same, such as secrets in files, is looked at once a minute.
 */
import { basename, dirname, resolve } from "node:path";
import type { Clock } from "../clock.ts";
import type { Logger } from "../log.ts";
import { approvalFile } from "./approval_file.ts";
import type { LoadedCollectors } from "./collectors.ts";
import { type AgentConfig, AgentConfigError, type AgentConfigSource } from "./config.ts";
import { FileWatch, type Watched } from "./file_watch.ts";
import type { CollectorLoader } from "./loader.ts";
import { ScriptFolderError, scriptFolders } from "./scripts.ts";
import { settingsChange } from "./settings_change.ts";

export interface FollowerOptions {
  source: AgentConfigSource;
  /** What holds at the start. */
  config: AgentConfig;
  loader: CollectorLoader;
  clock: Clock;
  log: Logger;
  /** Something may be different now. */
  onLoaded: (config: AgentConfig, loaded: LoadedCollectors) => void;
}

/** How often that is. */
const OUTDATED_MS = 60_000;

export class Follower implements Disposable {
  readonly #options: FollowerOptions;
  readonly #watch: FileWatch;
  #config: AgentConfig;
  /** Lines that were told, until what they are about is well again. */
  #told = new Set<string>();
  /** Somebody wants to be told everything at the next look. */
  #is_asked = false;
  /** When it was last looked at what is not watched. */
  #looked_ms: number;
  /** Why is not known, so that it may go the next time. */
  #load_failed = false;

  constructor(options: FollowerOptions) {
    this.#options = options;
    this.#config = options.config;
    this.#looked_ms = options.clock.monotonic();
    const isOtherwiseChanged = this.#isOutdated.bind(this);
    this.#watch = new FileWatch({ ...options, isOtherwiseChanged });
  }

  /** From now on no change is missed; collectors are loaded after this. */
  async watch(): Promise<void> {
    await this.#watch.watch(watchedBy(this.#config, this.#options.source.file));
  }

  /** Follows changes until `signal` is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    // Settings may be others since they were read: nothing was watched then.
    this.#watch.touch();
    while (await this.#watch.changed(signal)) {
      if (this.#is_asked) this.#told.clear();
      this.#is_asked = false;
      const telling = new Set<string>();
      await this.#settings(telling);
      await this.watch();
      await this.#load(telling, signal);
      this.#told = telling;
    }
  }

  /** Reads everything anew; what is wrong is told again, to who asked for it. */
  reload(): void {
    // a look that is under way remembers what it tells: only the next one forgets it
    this.#is_asked = true;
    this.#watch.touch();
  }

  [Symbol.dispose](): void {
    this.#watch[Symbol.dispose]();
  }

  async #settings(telling: Set<string>): Promise<void> {
    const { source, log } = this.#options;
    let read: AgentConfig;
    try {
      read = await source.load();
    } catch (error) {
      if (!(error instanceof AgentConfigError)) throw error;
      for (const fault of error.faults) {
        this.#tell(telling, fault, () => {
          log.error("Settings are not taken; those from before hold", { fault });
        });
      }
      return;
    }
    const { config, taken, after_restart } = settingsChange(this.#config, read);
    this.#config = config;
    if (taken.length > 0) log.info("Settings have changed", { settings: taken.join(", ") });
    for (const setting of after_restart) {
      const value = JSON.stringify(Reflect.get(read, setting));
      this.#tell(telling, `${setting} ${value}`, () => {
        log.warn("Setting holds after a restart of the agent", { setting });
      });
    }
  }

  /** Whether to load again because of what is not watched. */
  async #isOutdated(): Promise<boolean> {
    const { clock, loader } = this.#options;
    const now_ms = clock.monotonic();
    if (now_ms - this.#looked_ms < OUTDATED_MS) return false;
    this.#looked_ms = now_ms;
    return this.#load_failed || await loader.isOutdated();
  }

  async #load(telling: Set<string>, signal: AbortSignal): Promise<void> {
    const { loader, log, onLoaded } = this.#options;
    this.#load_failed = false;
    try {
      const loaded = await loader.load(this.#config);
      if (!signal.aborted) onLoaded(this.#config, loaded);
    } catch (error) {
      // Ended in the midst of it: what failed then is of no interest.
      if (signal.aborted) return;
      // Whatever else it is: nothing here may end the agent.
      this.#load_failed = !(error instanceof ScriptFolderError);
      const reason = error instanceof ScriptFolderError ? error.message : String(error);
      this.#tell(telling, reason, () => {
        log.error("Collectors are as they were", { reason });
      });
    }
  }

  #tell(telling: Set<string>, line: string, say: () => void): void {
    if (!this.#told.has(line) && !telling.has(line)) say();
    telling.add(line);
  }
}

/** Folders of collectors with what is below; single files in others. */
function watchedBy(config: AgentConfig, file: string | undefined): Watched[] {
  const names = new Map<string, Set<string>>();
  const watchFile = (path: string) => {
    const folder = dirname(resolve(path));
    names.set(folder, (names.get(folder) ?? new Set()).add(basename(path)));
  };
  if (file !== undefined) watchFile(file);
  const approvals = approvalFile(config);
  watchFile(approvals);
  // Before the first approval there may be no folder for it.
  watchFile(dirname(approvals));
  const folders: string[] = [];
  for (const folder of scriptFolders(config)) {
    folders.push(resolve(folder));
    // It may come, or be another one that is moved into its place.
    watchFile(folder);
  }
  return [
    ...[...new Set(folders)].map((folder) => ({ folder })),
    ...[...names].map(([folder, of]) => ({ folder, names: [...of] })),
  ];
}
