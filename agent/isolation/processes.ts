/**
 * The processes of collectors that there are, by key: started when somebody needs one, told apart from
 * those that failed to start, and counted. Sandbox decides who lives where.
 */
import type { Clock } from "../../clock.ts";
import type { Logger } from "../../log.ts";
import type { Port, PortListener, PortOptions } from "../sandbox_port.ts";
import type { Walls } from "./messages.ts";
import { type ProcessEnd, ScriptProcess } from "./script_process.ts";
import type { ProcessSettings } from "./settings.ts";
import { type Grants, grantsCover } from "./walls.ts";

export interface ProcessesOptions {
  settings: ProcessSettings;
  clock: Clock;
  log: Logger;
  /** A process has ended that the agent still needed. */
  onLost: (key: string, end: ProcessEnd) => void;
}

/** For the agent's own metrics. */
export interface ProcessNumbers {
  running: number;
  /** What they occupy, as far as that can be told. */
  bytes: number;
  /** Ends that nobody wanted, since the start. */
  ended: number;
}

/** Each costs some 45 MB; more than these have no reason. */
const PROCESSES_MAX = 32;
/** How long a process that failed to start is not tried again; doubled each time. */
const REST_MS = 10_000;
const REST_MS_MAX = 600_000;

interface Failure {
  message: string;
  rest_ms: number;
  until_ms: number;
}

export class ScriptProcesses {
  readonly #options: ProcessesOptions;
  readonly #running = new Map<string, ScriptProcess>();
  readonly #failures = new Map<string, Failure>();
  /** Files that were seen to be replaced by others of the same name. */
  readonly #moving = new Set<string>();
  readonly #going = new Set<Promise<void>>();
  #told_walls = false;
  #ended_total = 0;

  constructor(options: ProcessesOptions) {
    this.#options = options;
  }

  get count(): number {
    return this.#running.size;
  }

  numbers(): ProcessNumbers {
    return { running: this.count, bytes: this.residentBytes() ?? 0, ended: this.#ended_total };
  }

  /** Why no Worker can be started there now; undefined: it can. */
  refusal(key: string): string | undefined {
    const failure = this.#failures.get(key);
    if (failure !== undefined && this.#options.clock.monotonic() < failure.until_ms) {
      return failure.message;
    }
    if (this.#running.has(key) || this.#running.size < PROCESSES_MAX) return undefined;
    return `there are ${PROCESSES_MAX} processes of collectors, which is the limit: ` +
      "let collectors declare the same permissions, so that they can share one";
  }

  /** Ends the process when files it was granted have become others; it is started again with them. */
  refresh(key: string): void {
    const process = this.#running.get(key);
    const replaced = process?.files.replaced() ?? [];
    if (process === undefined || replaced.length === 0) return;
    for (const path of replaced) this.#moving.add(path);
    this.#options.log.debug("Files of collectors were replaced", { files: replaced });
    process.close();
  }

  /** Starts a Worker in the process of this key. `grants`: what all who may live there need. */
  openPort(
    at: { key: string; grants: Grants },
    options: PortOptions,
    listener: PortListener,
  ): Port {
    return this.#processOf(at.key, at.grants).openPort(options, listener);
  }

  /** Ends a process, if there is one of this key. */
  close(key: string): void {
    this.#running.get(key)?.close();
  }

  /** What all of them occupy; undefined when there is none, or it cannot be told. */
  residentBytes(): number | undefined {
    const each = [...this.#running.values()].map((process) => process.resident_bytes)
      .filter((bytes) => bytes !== undefined);
    return each.length === 0 ? undefined : each.reduce((sum, bytes) => sum + bytes, 0);
  }

  /** The keys of those that run. */
  keys(): string[] {
    return [...this.#running.keys()];
  }

  /** Resolves when all that were ever started are gone; close them first. */
  async gone(): Promise<void> {
    await Promise.all(this.#going);
  }

  #processOf(key: string, grants: Grants): ScriptProcess {
    const known = this.#running.get(key);
    if (known !== undefined && !known.over && grantsCover(known.grants, grants)) return known;
    // a script has come that needs more than its neighbours: walls cannot be moved
    known?.close();
    const { clock, settings } = this.#options;
    const process = new ScriptProcess({
      ...{ grants, moving: this.#moving, settings, clock },
      onReady: (walls) => {
        this.#failures.delete(key);
        if (!grants.trusted) this.#tellWalls(walls);
      },
      onEnded: (end) => this.#ended(key, process, end),
    });
    this.#running.set(key, process);
    this.#going.add(process.gone);
    void process.gone.then(() => this.#going.delete(process.gone));
    return process;
  }

  #ended(key: string, process: ScriptProcess, end: ProcessEnd): void {
    if (this.#running.get(key) === process) this.#running.delete(key);
    if (end.expected) return;
    this.#ended_total += 1;
    if (end.failed_to_start) this.#rest(key, end.message);
    this.#options.onLost(key, end);
  }

  #rest(key: string, message: string): void {
    const rest_ms = Math.min(2 * (this.#failures.get(key)?.rest_ms ?? REST_MS / 2), REST_MS_MAX);
    const until_ms = this.#options.clock.monotonic() + rest_ms;
    this.#failures.set(key, { message, rest_ms, until_ms });
  }

  /** Once: all processes but those of trusted scripts have the same. */
  #tellWalls({ missing, ...built }: Walls): void {
    if (this.#told_walls) return;
    this.#told_walls = true;
    const { log, settings } = this.#options;
    const nothing = settings.landlock && built.landlock === 0 ? "this system has no Landlock" : "";
    const less = missing ?? nothing;
    if (less === "") log.debug("Collectors are held in processes of their own", { ...built });
    else log.warn("The kernel holds collectors less than it could", { missing: less });
  }
}
