/**
 * Runs collector scripts with only the permissions they declare, and a deadline.
 *
 * Where a script lives. Scripts of the same origin and the same permissions share a Worker (a Worker
 * costs some 8 MB), so the shipped set, which needs none, runs in one. A script is first loaded where
 * there are no permissions at all, to read what it says about itself; `admit` then says what it is
 * granted. A script that misses its deadline takes its Worker down: it is moved out and lives alone
 * from then on, and the others are started again in a new Worker and asked once more. A script that
 * loops is not run again at all, since its thread cannot be ended (see sandbox_cell.ts); only of
 * shipped ones a busy machine is believed to be the reason.
 */
import type { Clock } from "../clock.ts";
import type { Logger } from "../log.ts";
import type { HostMethods } from "./host.ts";
import { normalPermissions, type PermissionSet } from "./permissions.ts";
import { type Answer, Cell } from "./sandbox_cell.ts";
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
}

/** Loading includes whatever a script computes at its top level, which should be nothing. */
const LOAD_MS_MAX = 5_000;
/** How often a script is asked again when others brought its Worker down. */
const RETRIES_MAX = 2;

interface Inmate {
  script: SandboxScript;
  permissions: PermissionSet;
  alone: boolean;
  /** Only looked at, in a Worker for nothing else. */
  apart?: boolean;
  /** Why it is never run again. */
  banned?: string;
}

export class Sandbox implements Disposable {
  readonly #options: SandboxOptions;
  readonly #inmates = new Map<string, Inmate>();
  readonly #cells = new Map<string, Cell>();
  #disposed = false;

  constructor(options: SandboxOptions) {
    this.#options = options;
  }

  /**
   * Loads a script without any permission; the answer's JSON is its `metric` export. `apart` keeps
   * it away from scripts that are running, which an endless loop would take along; `trim()` ends the
   * Worker that is used for it.
   */
  inspect(script: SandboxScript, options: { apart?: boolean } = {}): Promise<Answer> {
    return this.#attempt(
      { script, permissions: {}, alone: false, apart: options.apart },
      (cell) => cell.load(script, LOAD_MS_MAX),
    );
  }

  /**
   * From now on `collect(script.name)` runs it, with exactly these permissions. It replaces a script
   * of the same name; a run of that which is under way ends as if nothing had happened.
   */
  admit(script: SandboxScript, permissions: PermissionSet): void {
    this.dismiss(script.name);
    this.#inmates.set(script.name, { script, permissions, alone: false });
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
    const needed = new Set([...this.#inmates.values()].map(cellKey));
    for (const [key, cell] of this.#cells) {
      if (needed.has(key) || cell.busy) continue;
      cell.close();
      this.#cells.delete(key);
    }
  }

  /** Runs an admitted script once. The answer's JSON is what it returned. */
  async collect(name: string, timeout_ms: number): Promise<Answer> {
    const inmate = this.#inmates.get(name);
    if (inmate === undefined) return { kind: "failed", message: "is not admitted" };
    if (inmate.banned !== undefined) return { kind: "failed", message: inmate.banned };
    const wanted = () => this.#inmates.get(name) === inmate;
    const answer = await this.#attempt(inmate, async (cell) => {
      if (!cell.isLoaded(inmate.script)) {
        const loaded = await cell.load(inmate.script, LOAD_MS_MAX);
        if (loaded.kind !== "done") return loaded;
      }
      return await cell.collect(inmate.script, timeout_ms);
    }, wanted);
    if (answer.kind === "stuck" && inmate.script.origin === "user") {
      inmate.banned = `${answer.message}; it is not run again until its file has changed`;
      return { kind: "failed", message: inmate.banned };
    }
    if ((answer.kind === "timeout" || answer.kind === "stuck") && !inmate.alone) {
      inmate.alone = true;
      this.#options.log.warn("Collector missed its deadline; it runs alone from now on", {
        script: name,
      });
    }
    return answer;
  }

  /** How many Workers there are now. */
  get workers(): number {
    return [...this.#cells.values()].filter((cell) => !cell.closed).length;
  }

  [Symbol.dispose](): void {
    this.#disposed = true;
    for (const cell of this.#cells.values()) cell.close();
    this.#cells.clear();
    this.#inmates.clear();
  }

  /** `wanted` is false when the script was dismissed or replaced meanwhile. */
  async #attempt(
    inmate: Inmate,
    work: (cell: Cell) => Promise<Answer>,
    wanted: () => boolean = () => true,
  ): Promise<Answer> {
    if (this.#disposed) return { kind: "lost", message: "the sandbox has ended" };
    let answer = await work(this.#cellOf(inmate));
    for (let retry = 0; answer.kind === "lost" && retry < RETRIES_MAX; retry++) {
      if (this.#disposed || !wanted()) return answer;
      answer = await work(this.#cellOf(inmate));
    }
    return answer;
  }

  #cellOf(inmate: Inmate): Cell {
    const key = cellKey(inmate);
    const known = this.#cells.get(key);
    if (known !== undefined && !known.closed) return known;
    const cell = new Cell({
      name: inmate.alone ? `collector ${inmate.script.name}` : `${inmate.script.origin} collectors`,
      permissions: inmate.permissions,
      host: this.#options.host,
      clock: this.#options.clock,
      onStray: (stray) => {
        const { log } = this.#options;
        const { message } = stray;
        if (stray.type === "console") log.debug("Collector printed", { message });
        else log.warn("Error that a collector did not await", { script: stray.script, message });
      },
    });
    this.#cells.set(key, cell);
    return cell;
  }
}

/** Scripts with equal keys share a Worker. */
function cellKey({ script, permissions, alone, apart }: Inmate): string {
  if (apart) return "apart";
  const shared = `${script.origin} ${JSON.stringify(normalPermissions(permissions))}`;
  return alone ? `${shared} ${script.name}` : shared;
}
