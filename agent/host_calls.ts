/**
 * What the scripts of one Worker ask of the machine through their `host`. The agent's own thread
 * answers, so there is a limit to what a run may ask, and to what may be under way.
 */
import type { HostMethods } from "./host.ts";
import type { PermissionSet } from "./permissions.ts";
import type { FromWorker, ToWorker } from "./sandbox_protocol.ts";

/**
 * Calls of one run that may be under way; a script asking more at once is confused. Of a run and not
 * of a Worker: hundreds of scripts that start at the same tick may share one.
 */
const CALLS_MAX = 256;
/** Calls of one run. Shipped collectors make ten; one that reads a file of each of 1,000 disks is still fine. */
const RUN_CALLS_MAX = 2_000;

const OVER = "the run that this host was for is over";

/** Counts what one run has asked. */
export interface RunCalls {
  /** Aborted when the run has ended. */
  settled: AbortController;
  calls: number;
  /** Those that are not answered yet. */
  under_way: number;
}

export interface HostCallsOptions {
  host: HostMethods;
  /** Of the Worker. */
  permissions: PermissionSet;
  send: (message: ToWorker) => void;
}

export class HostCalls {
  readonly #options: HostCallsOptions;

  constructor(options: HostCallsOptions) {
    this.#options = options;
  }

  /** Answers one call; `run` is undefined when the run it belongs to has ended. Never rejects. */
  async answer(message: Extract<FromWorker, { type: "call" }>, run?: RunCalls): Promise<void> {
    const { host, permissions, send } = this.#options;
    const { call, method, argument } = message;
    const refusal = this.#refusal(run);
    if (run === undefined || refusal !== undefined) {
      return send({ type: "refuse", call, message: refusal ?? OVER });
    }
    run.under_way += 1;
    try {
      const answer = Object.hasOwn(host, method) ? host[method] : undefined;
      if (answer === undefined) throw new Error(`host.${method}() does not exist`);
      send({ type: "reply", call, value: await answer(argument, permissions, run.settled.signal) });
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      send({ type: "refuse", call, message: text });
    } finally {
      run.under_way -= 1;
    }
  }

  #refusal(run: RunCalls | undefined): string | undefined {
    if (run === undefined) return OVER;
    run.calls += 1;
    if (run.calls > RUN_CALLS_MAX) return `more than ${RUN_CALLS_MAX} host calls in one run`;
    return run.under_way < CALLS_MAX ? undefined : "too many host calls at once";
  }
}
