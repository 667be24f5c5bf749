/** Where the Worker of a cell is: in the agent itself, or in a process of its own (isolation/). */
import type { KeyedMessage } from "./sandbox_protocol.ts";
import type { NormalPermissions } from "./permissions.ts";

/** A way to one Worker. */
export interface Port {
  /** Resolves when the Worker can be told something; deadlines begin then. */
  readonly opened: Promise<void>;
  /** Whether it has. */
  readonly open: boolean;
  /** Told in order; before it is open, later. */
  post(message: KeyedMessage): void;
  /**
   * Ends the Worker. `busy`: its thread does not answer, and where it shares a process with others,
   * that has to end as a whole. `blamed`: it is known which script is the reason.
   */
  close(options: { busy: boolean; blamed?: boolean }): void;
  /** Processor time of where the Worker is, in ms since some start; undefined: cannot be told. */
  cpu_ms(): number | undefined;
}

export interface PortListener {
  /** Something a Worker said; not looked at. */
  onMessage(data: unknown): void;
  /** The Worker is gone. `guilty`: what it was doing may be the reason; true when some script was. */
  onGone(why: { guilty: boolean; message: string }): boolean;
}

export interface PortOptions {
  /** Shown in diagnostics. */
  name: string;
  permissions: NormalPermissions;
}

/** Starts the Worker that scripts live in, with these permissions and no others. */
export function startWorker({ name, permissions }: PortOptions): Worker {
  return new Worker(new URL("./sandbox_worker.ts", import.meta.url), {
    type: "module",
    name,
    // `import: false`: no module from the network either.
    deno: { permissions: { ...permissions, import: false } },
  });
}

/**
 * A Worker of this process. Ending it does not end its thread while that runs a loop: Deno (seen
 * with 2.7.11 and 2.9.6) blocks the caller for 2 s and then gives up; the loop goes on using a core
 * until the process ends. So a busy one is ended when it says something after all.
 */
export class WorkerPort implements Port {
  readonly opened: Promise<void> = Promise.resolve();
  readonly open = true;
  readonly #worker: Worker;
  #closed = false;

  constructor(options: PortOptions, listener: PortListener) {
    this.#worker = startWorker(options);
    this.#worker.onmessage = (event: MessageEvent<unknown>) => {
      if (this.#closed) this.#worker.terminate();
      else listener.onMessage(event.data);
    };
    this.#worker.onmessageerror = () => {};
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#closed = true;
      listener.onGone({ guilty: true, message: `the Worker failed: ${event.message}` });
    };
  }

  post(message: KeyedMessage): void {
    if (!this.#closed) this.#worker.postMessage(message);
  }

  close({ busy }: { busy: boolean }): void {
    this.#closed = true;
    if (!busy) this.#worker.terminate();
  }

  cpu_ms(): undefined {
    return undefined;
  }
}
