/**
 * One Worker with one set of permissions, seen from the trusted side. Scripts are loaded into it and
 * asked to collect; every request has a deadline.
 *
 * A Worker is one thread. When a deadline passes, the Worker is asked for a sign of life. If it gives
 * one, the script was waiting for something: its request is answered with "timeout". If not, some
 * script keeps the thread busy: the one whose turn it was last, which the Worker has said before it
 * turned to it, is answered with "stuck". In both cases the Worker is ended, and all other requests
 * are answered with "lost": they may be asked again in a new cell.
 *
 * A script may also take its time while others wait for the thread. Where processor time can be told
 * (isolation/), the one that is at it for longer than a moment is answered with "hog": it may be asked
 * again in a Worker for it alone. A Worker that is busy and a Worker that gets no processor look the
 * same from outside; the time its process has used tells them apart.
 */
import type { Clock } from "../clock.ts";
import { durationText } from "./duration.ts";
import type { HostMethods } from "./host.ts";
import { HostCalls, type RunCalls } from "./host_calls.ts";
import { normalPermissions, type PermissionSet } from "./permissions.ts";
import { readFromWorker } from "./sandbox_messages.ts";
import type { Port, PortListener, PortOptions } from "./sandbox_port.ts";
import type { FromWorker, ToWorker } from "./sandbox_protocol.ts";

export type Answer =
  | { kind: "done"; json: string | undefined }
  | { kind: "failed" | "timeout" | "stuck" | "lost"; message: string };
/** `hog`: see above. `killed`: its Worker is gone, and it was its turn. */
export type CellAnswer = Answer | { kind: "hog" | "killed"; message: string };

export interface CellOptions {
  /** Shown in diagnostics. */
  name: string;
  permissions: PermissionSet;
  /** Its scripts are part of the product. */
  trusted: boolean;
  openPort: (options: PortOptions, listener: PortListener) => Port;
  host: HostMethods;
  clock: Clock;
  /** Errors and console lines that belong to no request. */
  onStray: (message: Extract<FromWorker, { type: "stray" | "console" }>) => void;
}

interface Pending extends RunCalls {
  script: string;
  timeout_ms: number;
  resolve: (answer: CellAnswer) => void;
  /** Its deadline has passed. */
  overdue: boolean;
  /** The Worker has turned to it. */
  turned: boolean;
}

/** Stray errors and console lines passed on; a flood is cut here. Per cell, until a script is done. */
const STRAYS_MAX = 20;

/** A thread that does not answer for so long is busy; on a crowded machine it may be just hungry. */
const SIGN_OF_LIFE_MS_MAX = 2_000;
const SIGN_OF_LIFE_STEP_MS = 125;
/** Others wait that long for the thread before anybody looks who has it. */
const HOG_MS = 250;
/** Processor time without a sign of life: it is at work. On a crowded machine this takes its time. */
const BUSY_CPU_MS = 200;

const BUSY_TEXT = "kept its thread busy past its deadline, as an endless loop does";
const ENDED: CellAnswer = { kind: "lost", message: "the Worker was ended" };

/** `busy`: it computes. `silent`: it says nothing, and whether it computes cannot be told. */
type Life = "alive" | "busy" | "silent";

export class Cell {
  readonly #options: CellOptions;
  readonly #port: Port;
  readonly #key = crypto.randomUUID();
  readonly #host_calls: HostCalls;
  readonly #pending = new Map<number, Pending>();
  readonly #loaded = new Map<string, string>();
  /** The request the Worker turned to last. */
  #turn = 0;
  #next_request = 1;
  #strays = 0;
  /** The Worker has said something: it has started. */
  #spoken = false;
  #closed = false;
  /** Aborted by a sign of life; set while one is being waited for. */
  #sign_of_life = new AbortController();
  #life: Promise<Life> | undefined;
  /** Aborted when nothing is asked of the Worker any more; set while it is watched. */
  #calm: AbortController | undefined;

  constructor(options: CellOptions) {
    this.#options = options;
    const { name, permissions, openPort } = options;
    const granted = normalPermissions(permissions);
    this.#port = openPort({ name, permissions: granted }, {
      onMessage: (data) => this.#receive(data),
      onGone: ({ guilty, message }) => this.#gone(guilty, message),
    });
    this.#host_calls = new HostCalls({ ...options, send: (message) => this.#send(message) });
    const held = options.trusted ? undefined : granted;
    this.#send({ type: "start", platform: Deno.build.os, held });
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
  async load(script: { name: string; text: string }, timeout_ms: number): Promise<CellAnswer> {
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
  ): Promise<CellAnswer> {
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
    this.#end(ENDED, { busy: false });
  }

  #request(
    script: string,
    timeout_ms: number,
    message: (request: number) => ToWorker,
  ): Promise<CellAnswer> {
    if (this.#closed) return Promise.resolve(ENDED);
    const request = this.#next_request++;
    return new Promise((resolve) => {
      const pending: Pending = {
        ...{ script, timeout_ms, resolve, overdue: false, turned: false, calls: 0, under_way: 0 },
        settled: new AbortController(),
      };
      this.#pending.set(request, pending);
      this.#send(message(request));
      if (this.#port.open) this.#watch(request, pending);
      else void this.#port.opened.then(() => this.#watch(request, pending));
    });
  }

  #watch(request: number, { timeout_ms, settled }: Pending): void {
    const { clock } = this.#options;
    void clock.sleep(timeout_ms, settled.signal).then(() => {
      if (this.#pending.has(request)) return this.#expire(request);
    });
    if (this.#calm === undefined) void this.#watchForHogs();
  }

  #settle(request: number, answer: CellAnswer): void {
    const pending = this.#pending.get(request);
    if (pending === undefined) return;
    this.#pending.delete(request);
    this.#strays = 0;
    if (this.#pending.size === 0) this.#calm?.abort();
    pending.settled.abort();
    pending.resolve(answer);
  }

  /** Whether the thread answers; everybody who asks at the same time gets the same answer. */
  #askLife(): Promise<Life> {
    this.#life ??= this.#awaitLife().finally(() => this.#life = undefined);
    return this.#life;
  }

  async #awaitLife(): Promise<Life> {
    const { clock } = this.#options;
    this.#sign_of_life = new AbortController();
    const { signal } = this.#sign_of_life;
    this.#send({ type: "ping" });
    const begin_cpu_ms = this.#port.cpu_ms() ?? Infinity;
    for (let waited_ms = 0; waited_ms < SIGN_OF_LIFE_MS_MAX; waited_ms += SIGN_OF_LIFE_STEP_MS) {
      await clock.sleep(SIGN_OF_LIFE_STEP_MS, signal);
      if (signal.aborted) return "alive";
      if ((this.#port.cpu_ms() ?? 0) - begin_cpu_ms >= BUSY_CPU_MS) return "busy";
    }
    return "silent";
  }

  async #expire(request: number): Promise<void> {
    const pending = this.#pending.get(request);
    if (pending !== undefined) pending.overdue = true;
    const life = await this.#askLife();
    // It ended a moment after its deadline: the answer has been given, and nothing is wrong.
    if (this.#closed || (life === "alive" && !this.#pending.has(request))) return;
    if (life !== "alive") return this.#endBusy({ kind: "stuck", message: BUSY_TEXT });
    for (const [overdue, { timeout_ms }] of [...this.#pending].filter(([, one]) => one.overdue)) {
      const message = `did not finish within ${durationText(timeout_ms)}`;
      this.#settle(overdue, { kind: "timeout", message });
    }
    this.#end({ kind: "lost", message: "another script missed its deadline" }, { busy: false });
  }

  /** While anybody waits for the thread, none may keep it: no script, and nothing that one left behind. */
  async #watchForHogs(): Promise<void> {
    if (this.#port.cpu_ms() === undefined) return;
    const { signal } = this.#calm = new AbortController();
    while (!signal.aborted && !this.#closed) {
      await this.#options.clock.sleep(HOG_MS, signal);
      if (signal.aborted || this.#closed || !this.#isAwaited()) continue;
      if (await this.#askLife() !== "busy" || !this.#isAwaited()) continue;
      this.#endBusy({ kind: "hog", message: "kept its thread busy while others waited" });
    }
    this.#calm = undefined;
  }

  /** Whether a request waits for the thread, of a Worker that has started. */
  #isAwaited(): boolean {
    if (!this.#spoken) return false;
    const pending = [...this.#pending.values()];
    return pending.length > 1 || pending.some(({ turned }) => !turned);
  }

  /** Whoever has the thread gets the answer; nobody, when it was taken by what a script left behind. */
  #endBusy(answer: CellAnswer): void {
    const blamed = this.#pending.has(this.#turn);
    this.#settle(this.#turn, answer);
    const message = "another script kept the Worker busy";
    this.#end({ kind: "lost", message }, { busy: true, blamed });
  }

  #gone(guilty: boolean, message: string): boolean {
    if (this.#closed) return false;
    this.#closed = true;
    const blamed = guilty && this.#pending.has(this.#turn);
    if (blamed) this.#settle(this.#turn, { kind: "killed", message });
    this.#settleAll({ kind: "lost", message });
    return blamed;
  }

  #end(answer: CellAnswer, how: { busy: boolean; blamed?: boolean }): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#port.close(how);
    this.#settleAll(answer);
  }

  #settleAll(answer: CellAnswer): void {
    for (const request of [...this.#pending.keys()]) this.#settle(request, answer);
  }

  #send(message: ToWorker): void {
    if (!this.#closed) this.#port.post({ ...message, key: this.#key });
  }

  #receive(data: unknown): void {
    const message = readFromWorker(data);
    if (message === undefined || this.#closed) return;
    this.#spoken = true;
    if (message.type === "turn") {
      this.#turn = message.request;
      const pending = this.#pending.get(message.request);
      if (pending !== undefined) pending.turned = true;
    } else if (message.type === "done") {
      this.#settle(message.request, { kind: "done", json: message.json });
    } else if (message.type === "failed") {
      this.#settle(message.request, { kind: "failed", message: message.message });
    } else if (message.type === "pong") this.#sign_of_life.abort();
    else if (message.type === "call") {
      void this.#host_calls.answer(message, this.#pending.get(message.request));
    } else if (this.#strays++ < STRAYS_MAX) this.#options.onStray(message);
  }
}
