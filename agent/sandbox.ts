/**
 * Runs collector scripts with only the permissions they declare, and a deadline.
 *
 * Where a script lives. Shipped scripts are part of the product: they live in Workers of the agent
 * itself, those with the same permissions in the same one (a Worker costs some 8 MB). All others live
 * in processes of their own kind (isolation/), which is started when there are such scripts, and ended
 * as a whole when one of them misbehaves; sandbox_place.ts says who is moved out then. A script is
 * first loaded where there are no permissions at all, to read what it says about itself; `admit` then
 * says what it is granted.
 *
 * When a Worker or a process goes, the scripts that were at work there without being the reason are
 * asked once more, in a new one.
 */
import type { Clock } from "../clock.ts";
import type { Logger } from "../log.ts";
import type { HostMethods } from "./host.ts";
import { type ProcessNumbers, ScriptProcesses } from "./isolation/processes.ts";
import type { ProcessEnd } from "./isolation/script_process.ts";
import { DEFAULT_ISOLATION, type ProcessSettings } from "./isolation/settings.ts";
import { type Grants, grantsOf, mergedGrants, NO_GRANTS } from "./isolation/walls.ts";
import type { PermissionSet } from "./permissions.ts";
import { type Answer, Cell, type CellAnswer } from "./sandbox_cell.ts";
import { cellKey, type Inmate, isAccusation, plainAnswer, processKey } from "./sandbox_inmate.ts";
import {
  afterAccusation,
  afterGoodRun,
  afterLoss,
  afterStrike,
  afterTimeout,
  HOME,
  type Place,
  STRIKES_MAX,
} from "./sandbox_place.ts";
import { WorkerPort } from "./sandbox_port.ts";
import type { ScriptOrigin } from "./scripts.ts";

export interface SandboxScript {
  name: string;
  origin: ScriptOrigin;
  /** JavaScript, as agent/link.ts makes it. */
  text: string;
  /** What the script finds in `host.options`. */
  options?: Record<string, unknown>;
}

export interface SandboxOptions {
  host: HostMethods;
  clock: Clock;
  log: Logger;
  /** How scripts that are not shipped are held. */
  isolation?: ProcessSettings;
}

/** Loading includes whatever a script computes at its top level, which should be nothing. */
const LOAD_MS_MAX = 5_000;
/** How often a script is asked again when others brought its Worker down: each time one is moved out. */
const RETRIES_MAX = 20;

export class Sandbox implements Disposable, AsyncDisposable {
  readonly #options: SandboxOptions;
  readonly #inmates = new Map<string, Inmate>();
  readonly #cells = new Map<string, Cell>();
  readonly #processes: ScriptProcesses;
  #disposed = false;

  constructor(options: SandboxOptions) {
    this.#options = options;
    const { clock, log, isolation: settings = DEFAULT_ISOLATION } = options;
    this.#processes = new ScriptProcesses({
      ...{ clock, log, settings },
      onLost: (key, end) => this.#lost(key, end),
    });
  }

  /**
   * Loads a script without any permission; the answer's JSON is its `metric` export. `apart` keeps
   * it away from scripts that are running, which an endless loop would take along; `trim()` ends the
   * Worker that is used for it.
   */
  async inspect(script: SandboxScript, options: { apart?: boolean } = {}): Promise<Answer> {
    const inmate = { script, permissions: {}, place: HOME, apart: options.apart };
    return plainAnswer(await this.#attempt(inmate, (cell) => cell.load(script, LOAD_MS_MAX)));
  }

  /**
   * From now on `collect(script.name)` runs it, with exactly these permissions. It replaces a script
   * of the same name; a run of that which is under way ends as if nothing had happened.
   */
  admit(script: SandboxScript, permissions: PermissionSet): void {
    this.dismiss(script.name);
    this.#inmates.set(script.name, { script, permissions, place: HOME });
  }

  /** The script is not run any more, and forgotten by its Worker. */
  dismiss(name: string): void {
    const inmate = this.#inmates.get(name);
    if (inmate === undefined) return;
    this.#inmates.delete(name);
    this.#cells.get(cellKey(inmate))?.forget(name);
  }

  /** Ends Workers that no admitted script lives in, unless something still runs there. */
  trim(): void {
    const inmates = [...this.#inmates.values()];
    const needed = new Set(inmates.map(cellKey));
    for (const [key, cell] of this.#cells) {
      if (needed.has(key) || cell.busy) continue;
      cell.close();
      this.#cells.delete(key);
    }
    const homes = new Set(inmates.map(processKey));
    const busy = [...this.#cells].filter(([, cell]) => !cell.closed).map(([key]) => key);
    for (const key of this.#processes.keys()) {
      if (homes.has(key) || busy.some((one) => one.startsWith(`${key}\n`))) continue;
      this.#processes.close(key);
    }
  }

  /** Runs an admitted script once. The answer's JSON is what it returned. */
  async collect(name: string, timeout_ms: number): Promise<Answer> {
    const inmate = this.#inmates.get(name);
    if (inmate === undefined) return { kind: "failed", message: "is not admitted" };
    const wanted = () => this.#inmates.get(name) === inmate;
    const answer = await this.#attempt(inmate, async (cell) => {
      if (!cell.isLoaded(inmate.script)) {
        const loaded = await cell.load(inmate.script, LOAD_MS_MAX);
        if (loaded.kind !== "done") return loaded;
      }
      return await cell.collect(inmate.script, timeout_ms);
    }, wanted);
    // Nobody else comes by to end what it was the last one in.
    if (!wanted()) this.trim();
    return this.#judged(inmate, answer);
  }

  /** How many Workers there are now. */
  get workers(): number {
    return [...this.#cells.values()].filter((cell) => !cell.closed).length;
  }

  /** How many processes there are besides the agent's own. */
  get processes(): number {
    return this.#processes.count;
  }

  /** For the agent's own metrics. */
  processNumbers(): ProcessNumbers {
    return this.#processes.numbers();
  }

  /** What the processes of scripts occupy; undefined when there is none, or it cannot be told. */
  processBytes(): number | undefined {
    return this.#processes.residentBytes();
  }

  [Symbol.dispose](): void {
    this.#disposed = true;
    for (const cell of this.#cells.values()) cell.close();
    for (const key of this.#processes.keys()) this.#processes.close(key);
    this.#cells.clear();
    this.#inmates.clear();
  }

  /** Waits until the processes are gone as well. */
  async [Symbol.asyncDispose](): Promise<void> {
    this[Symbol.dispose]();
    await this.#processes.gone();
  }

  /** `wanted` is false when the script was dismissed or replaced meanwhile. */
  async #attempt(
    inmate: Inmate,
    work: (cell: Cell) => Promise<CellAnswer>,
    wanted: () => boolean = () => true,
  ): Promise<CellAnswer> {
    if (this.#disposed) return { kind: "lost", message: "the sandbox has ended" };
    for (let retry = 0;; retry++) {
      const refusal = this.#refusal(inmate);
      if (refusal !== undefined) return refusal;
      this.#processes.refresh(processKey(inmate));
      const answer = await work(this.#cellOf(inmate));
      if (answer.kind === "done") return answer;
      if (isAccusation(inmate, answer)) {
        // others were at work there, too: it is tried alone before anything is held against it
        this.#move(inmate, afterAccusation(inmate.place), answer.message);
      } else if (answer.kind !== "lost") return answer;
      else if (retry > 0) inmate.place = afterLoss(inmate.place, inmate.script.name);
      if (this.#disposed || !wanted() || retry === RETRIES_MAX) return answer;
    }
  }

  /** Why it is not even asked; without a process that is no fault of its own. */
  #refusal(inmate: Inmate): CellAnswer | undefined {
    if (inmate.banned !== undefined) return { kind: "failed", message: inmate.banned };
    if (inmate.script.origin === "shipped") return undefined;
    const message = this.#processes.refusal(processKey(inmate));
    return message === undefined ? undefined : { kind: "lost", message };
  }

  /** Draws the conclusions from a run. */
  #judged(inmate: Inmate, answer: CellAnswer): Answer {
    const { place, script: { origin } } = inmate;
    if (answer.kind === "timeout" || (answer.kind === "stuck" && origin === "shipped")) {
      this.#move(inmate, afterTimeout(place), answer.message);
    } else if (answer.kind === "stuck" || (answer.kind === "killed" && origin === "user")) {
      this.#strike(inmate, answer.message);
      if (inmate.banned !== undefined) return { kind: "failed", message: inmate.banned };
    } else if (answer.kind !== "lost") {
      inmate.place = afterGoodRun(place);
      const { apart, half } = inmate.place;
      if (apart !== place.apart || half !== place.half) this.trim();
    }
    return plainAnswer(answer);
  }

  #strike(inmate: Inmate, message: string): void {
    const place = afterStrike(inmate.place);
    this.#move(inmate, place, message);
    if (place.strikes < STRIKES_MAX || inmate.banned !== undefined) return;
    inmate.banned = `${message}; it is not run again until its file has changed`;
    this.#options.log.warn("Collector is given up", { script: inmate.script.name, message });
  }

  #move(inmate: Inmate, place: Place, message: string): void {
    const { name: script } = inmate.script;
    if (place.apart !== inmate.place.apart) {
      const in_a = place.apart;
      this.#options.log.warn("Collector runs alone from now on", { script, in_a, message });
    }
    inmate.place = place;
  }

  /** A process is gone that was not meant to. */
  #lost(key: string, end: ProcessEnd): void {
    const { log } = this.#options;
    const inmates = [...this.#inmates.values()].filter((inmate) => processKey(inmate) === key);
    const scripts = inmates.map(({ script }) => script.name);
    if (end.failed_to_start) {
      return log.error("Collectors cannot be run", { scripts, message: end.message });
    }
    if (end.blamed) return;
    log.warn("Process of collectors was ended, and none of them was at work", {
      scripts,
      message: end.message,
    });
    const [first, ...others] = inmates;
    if (first !== undefined && others.length === 0) return this.#strike(first, end.message);
    for (const inmate of inmates) inmate.place = afterLoss(inmate.place, inmate.script.name);
  }

  #cellOf(inmate: Inmate): Cell {
    const key = cellKey(inmate);
    const known = this.#cells.get(key);
    if (known !== undefined && !known.closed) return known;
    const { host, clock, log } = this.#options;
    const { script: { name, origin }, permissions, place } = inmate;
    const cell = new Cell({
      name: place.apart === "shared" ? `${origin} collectors` : `collector ${name}`,
      ...{ permissions, host, clock, trusted: origin === "shipped" },
      openPort: (options, listener) =>
        origin === "shipped"
          ? new WorkerPort(options, listener)
          : this.#processes.openPort(this.#home(inmate), options, listener),
      onStray: (stray) => {
        const { message } = stray;
        if (stray.type === "console") log.debug("Collector printed", { message });
        else log.warn("Error that a collector did not await", { script: stray.script, message });
      },
    });
    this.#cells.set(key, cell);
    return cell;
  }
  /** Where it is held, and what all who are held there need. */
  #home(inmate: Inmate): { key: string; grants: Grants } {
    const key = processKey(inmate);
    const grants = [inmate, ...this.#inmates.values()]
      .filter((one) => processKey(one) === key)
      .reduce((sum, one) => mergedGrants(sum, grantsOf(one.permissions)), NO_GRANTS);
    return { key, grants };
  }
}
