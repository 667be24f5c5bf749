/**
 * One Worker with one set of permissions, seen from the trusted side. Scripts are loaded into it and
 * asked to collect; every request has a deadline.
 *
 * A Worker is one thread. When a deadline passes, the Worker is asked for a sign of life. If it gives
 * one, the script was waiting for something: its request is answered with "timeout". If not, some
 * script keeps the thread busy; the Worker has noted in shared memory which request it turned to
 * last, and that one is answered with "stuck". In both cases the Worker is ended, and all other
 * requests are answered with "lost": they may be asked again in a new cell.
 *
 * Ending a Worker does not end its thread while that runs a loop: Deno (seen with 2.7.11 and 2.9.6)
 * blocks the caller for 2 s and then gives up; the loop goes on using a core until the process ends.
 * So a busy Worker is ended when it gives a sign of life after all, and whoever gets "stuck" must not
 * run that script again in this process.
 */
import type { Clock } from "../clock.ts";
import type { HostMethods } from "./host.ts";
import { durationText } from "./duration.ts";
import { normalPermissions, type PermissionSet } from "./permissions.ts";
import { type FromWorker, readFromWorker, type ToWorker } from "./sandbox_protocol.ts";

export type Answer =
  | { kind: "done"; json: string | undefined }
  | { kind: "failed" | "timeout" | "stuck" | "lost"; message: string };

export interface CellOptions {
  /** Shown in diagnostics. */
  name: string;
  permissions: PermissionSet;
  host: HostMethods;
  clock: Clock;
  /** Errors and console lines that belong to no request. */
  onStray: (message: Extract<FromWorker, { type: "stray" | "console" }>) => void;
}

interface Pending {
  script: string;
  timeout_ms: number;
  resolve: (answer: Answer) => void;
  /** Ends the wait for the deadline. */
  settled: AbortController;
}

/** Host calls of one Worker that may be under way; a script asking more at once is confused. */
const CALLS_MAX = 256;
/** Stray errors and console lines passed on; a flood is cut here. Per cell, until a script is done. */
const STRAYS_MAX = 20;

/** A thread that does not answer for so long is busy; on a crowded machine it may be just hungry. */
const SIGN_OF_LIFE_MS_MAX = 2_000;

const ENDED: Answer = { kind: "lost", message: "the Worker was ended" };

export class Cell {
  readonly #options: CellOptions;
  readonly #worker: Worker;
  readonly #focus = new Int32Array(new SharedArrayBuffer(4));
  readonly #pending = new Map<number, Pending>();
  readonly #loaded = new Map<string, string>();
  #next_request = 1;
  #calls = 0;
  #strays = 0;
  #closed = false;
  /** Aborted by a sign of life; set while one is being waited for. */
  #sign_of_life: AbortController | undefined;

  constructor(options: CellOptions) {
    this.#options = options;
    this.#worker = new Worker(new URL("./sandbox_worker.ts", import.meta.url), {
      type: "module",
      name: options.name,
      // `import: false`: no module from the network either.
      deno: { permissions: { ...normalPermissions(options.permissions), import: false } },
    });
    this.#worker.onmessage = (event: MessageEvent<unknown>) => this.#receive(event.data);
    this.#worker.onmessageerror = () => {};
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#end({ kind: "failed", message: `the Worker failed: ${event.message}` });
    };
    this.#send({ type: "start", focus: this.#focus, platform: Deno.build.os });
  }

  /** An ended cell answers nothing any more; make a new one. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Whether an answer is being waited for. */
  get busy(): boolean {
    return this.#pending.size > 0;
  }

  /** Loads a script's text, unless it is there already. Its metadata is the answer's JSON. */
  async load(script: { name: string; text: string }, timeout_ms: number): Promise<Answer> {
    const answer = await this.#request(script.name, timeout_ms, (request) => ({
      type: "load",
      request,
      script: script.name,
      text: script.text,
    }));
    if (answer.kind === "done") this.#loaded.set(script.name, script.text);
    return answer;
  }

  isLoaded(script: { name: string; text: string }): boolean {
    return this.#loaded.get(script.name) === script.text;
  }

  /** The script will not be asked for again. Its module stays: Workers forget none. */
  forget(script: string): void {
    if (this.#loaded.delete(script)) this.#send({ type: "forget", script });
  }

  /** Runs `collect()` of a loaded script. */
  collect(
    script: { name: string; options?: Record<string, unknown> },
    timeout_ms: number,
  ): Promise<Answer> {
    const { name, options = {} } = script;
    return this.#request(name, timeout_ms, (request) => ({
      type: "collect",
      request,
      script: name,
      options,
    }));
  }

  /** Ends the Worker. Requests under way are answered as lost. */
  close(): void {
    this.#end(ENDED);
  }

  #request(
    script: string,
    timeout_ms: number,
    message: (request: number) => ToWorker,
  ): Promise<Answer> {
    if (this.#closed) return Promise.resolve(ENDED);
    const request = this.#next_request++;
    return new Promise((resolve) => {
      const settled = new AbortController();
      this.#pending.set(request, { script, timeout_ms, resolve, settled });
      this.#send(message(request));
      void this.#options.clock.sleep(timeout_ms, settled.signal).then(() => {
        if (this.#pending.has(request)) return this.#expire(request);
      });
    });
  }

  #settle(request: number, answer: Answer): void {
    const pending = this.#pending.get(request);
    if (pending === undefined) return;
    this.#pending.delete(request);
    this.#strays = 0;
    pending.settled.abort();
    pending.resolve(answer);
  }

  async #expire(request: number): Promise<void> {
    if (this.#sign_of_life !== undefined) return;
    this.#sign_of_life = new AbortController();
    this.#send({ type: "ping" });
    await this.#options.clock.sleep(SIGN_OF_LIFE_MS_MAX, this.#sign_of_life.signal);
    const alive = this.#sign_of_life.signal.aborted;
    this.#sign_of_life = undefined;
    // It ended a moment after its deadline: the answer has been given, and nothing is wrong.
    if (alive && !this.#pending.has(request)) return;
    if (alive) {
      const { timeout_ms = 0 } = this.#pending.get(request) ?? {};
      const message = `did not finish within ${durationText(timeout_ms)}`;
      this.#settle(request, { kind: "timeout", message });
    } else {
      const busy = Atomics.load(this.#focus, 0);
      const message = "kept its thread busy past its deadline, as an endless loop does";
      this.#settle(this.#pending.has(busy) ? busy : request, { kind: "stuck", message });
    }
    this.#end({ kind: "lost", message: "another script kept the Worker busy" }, { busy: !alive });
  }

  #end(answer: Answer, { busy }: { busy: boolean } = { busy: false }): void {
    if (this.#closed) return;
    this.#closed = true;
    if (!busy) this.#worker.terminate();
    for (const request of [...this.#pending.keys()]) this.#settle(request, answer);
  }

  #send(message: ToWorker): void {
    if (!this.#closed) this.#worker.postMessage(message);
  }

  #receive(data: unknown): void {
    // Closed, and yet there is a message: it was busy, and is no more.
    if (this.#closed) return this.#worker.terminate();
    const message = readFromWorker(data);
    if (message === undefined) return;
    if (message.type === "done") {
      this.#settle(message.request, { kind: "done", json: message.json });
    } else if (message.type === "failed") {
      this.#settle(message.request, { kind: "failed", message: message.message });
    } else if (message.type === "pong") this.#sign_of_life?.abort();
    else if (message.type === "call") void this.#answer(message);
    else if (this.#strays++ < STRAYS_MAX) this.#options.onStray(message);
  }

  async #answer(message: Extract<FromWorker, { type: "call" }>): Promise<void> {
    const { call, method, argument } = message;
    if (this.#calls >= CALLS_MAX) {
      return this.#send({ type: "refuse", call, message: "too many host calls at once" });
    }
    this.#calls += 1;
    try {
      const { host, permissions } = this.#options;
      const answer = Object.hasOwn(host, method) ? host[method] : undefined;
      if (answer === undefined) throw new Error(`host.${method}() does not exist`);
      this.#send({ type: "reply", call, value: await answer(argument, permissions) });
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      this.#send({ type: "refuse", call, message: text });
    } finally {
      this.#calls -= 1;
    }
  }
}
