/**
 * One process of collectors, seen from the agent. It holds Workers (keeper.ts) of scripts that may
 * share it (walls.ts). Nothing it says is believed, and nothing it does is waited for: whatever is
 * wrong with it, it is ended as a whole, and its scripts are started again in another one.
 *
 * It is ended when it uses too much memory, when it says what is no message or too many of them,
 * when it does not start, and when the agent has no use for it any more. SIGKILL, since there is
 * nothing in it that could be lost; a loop in one of its Workers ends with it.
 */
import type { Clock } from "../../clock.ts";
import type { Port, PortListener, PortOptions } from "../sandbox_port.ts";
import { encodeFrame, FrameReader } from "./frames.ts";
import { readFromKeeper } from "./from_keeper.ts";
import { GrantedFiles, withFolders } from "./granted_files.ts";
import type { ConfineOrder, FromKeeper, ToKeeper, Walls } from "./messages.ts";
import { cpuMs, residentBytes } from "./process_facts.ts";
import type { ProcessSettings } from "./settings.ts";
import { spawnKeeper } from "./spawn.ts";
import type { Grants } from "./walls.ts";

export interface ProcessEnd {
  message: string;
  /** The agent wanted it. */
  expected: boolean;
  /** It never said that it is ready. */
  failed_to_start: boolean;
  /** Some script has been told that it was its turn. */
  blamed: boolean;
}

export interface ScriptProcessOptions {
  grants: Grants;
  /** Files that are replaced now and then, by others of the same name. */
  moving: ReadonlySet<string>;
  settings: ProcessSettings;
  clock: Clock;
  onReady: (walls: Walls) => void;
  onEnded: (end: ProcessEnd) => void;
}

/** A program of this size starts in 0.1 s; on a crowded machine it may take its time. */
const START_MS_MAX = 30_000;
const MEMORY_EVERY_MS = 250;
/** Of the process in a second, all its Workers together; reading them costs the agent half a second. */
const MESSAGES_MAX = 20_000;
/** Not taken by the process yet: it does not read. Sources of scripts are the most of it. */
const UNSENT_BYTES_MAX = 64 * 1024 * 1024;

export class ScriptProcess {
  readonly grants: Grants;
  readonly files: GrantedFiles;
  /** Resolves when it is gone. Never rejects. */
  readonly gone: Promise<void>;
  readonly #options: ScriptProcessOptions;
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #listeners = new Map<number, PortListener>();
  readonly #ready = Promise.withResolvers<void>();
  readonly #over = new AbortController();
  #is_ready = false;
  #next_cell = 1;
  #unsent_bytes = 0;
  /** Frames that go with the next write. */
  #unwritten: Uint8Array[] = [];
  #window_ms = 0;
  #messages = 0;

  constructor(options: ScriptProcessOptions) {
    this.#options = options;
    this.grants = options.grants;
    const grants = withFolders(options.grants, options.moving);
    // as the kernel holds the process to them: what moves about in an open folder is no news
    this.files = new GrantedFiles(grants);
    const { child, words, order } = spawnKeeper(grants, options.settings);
    this.#child = child;
    this.#input = child.stdin.getWriter();
    if (order !== undefined) this.#send(order);
    this.gone = this.#follow(words);
    void this.#watchMemory();
    void this.#watchStart();
  }

  /** An ended process answers nothing any more; make a new one. */
  get over(): boolean {
    return this.#over.signal.aborted;
  }

  /** What it occupies; undefined where that cannot be told. */
  get resident_bytes(): number | undefined {
    return residentBytes(this.#child.pid);
  }

  /** Starts a Worker in it. */
  openPort(options: PortOptions, listener: PortListener): Port {
    const cell = this.#next_cell++;
    this.#listeners.set(cell, listener);
    this.#send({ type: "open", cell, ...options });
    const isReady = () => this.#is_ready;
    return {
      opened: this.#ready.promise,
      get open() {
        return isReady();
      },
      post: (message) => this.#send({ type: "tell", cell, message }),
      close: ({ busy, blamed = true }) => {
        this.#listeners.delete(cell);
        if (busy) this.#end("was busy without end", { guilty: false, blamed });
        else this.#send({ type: "close", cell });
      },
      cpu_ms: () => cpuMs(this.#child.pid),
    };
  }

  /** Ends it; what is under way there is lost. */
  close(): void {
    this.#end("is not needed any more", { guilty: false, expected: true });
  }

  /** `guilty`: whoever had its turn is told so; `blamed`: somebody has been told already. */
  #end(
    message: string,
    how: { guilty: boolean; blamed?: boolean; expected?: boolean },
  ): void {
    if (this.over) return;
    this.#over.abort();
    this.#kill();
    let blamed = how.blamed ?? false;
    for (const listener of this.#listeners.values()) {
      if (listener.onGone({ guilty: how.guilty, message })) blamed = true;
    }
    this.#listeners.clear();
    const { expected = false } = how;
    this.#options.onEnded({ message, expected, failed_to_start: !this.#is_ready, blamed });
  }

  #kill(): void {
    try {
      // with the programs it has started: it leads a group of processes
      if (Deno.build.os === "windows") this.#child.kill("SIGKILL");
      else Deno.kill(-this.#child.pid, "SIGKILL");
    } catch {
      // it has ended already
    }
  }

  async #follow(words: Promise<string>): Promise<void> {
    const reader = new FrameReader();
    try {
      for await (const piece of this.#child.stdout) {
        if (this.over) continue;
        for (const data of reader.push(piece)) this.#receive(data);
      }
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.#end(`its process ${why}`, { guilty: true });
    }
    const { signal, code } = await this.#child.status;
    const how = signal === null ? `code ${code}` : signal;
    const last_words = this.#is_ready ? "" : await words;
    this.#end(
      this.#is_ready
        ? `its process ended with ${how}, as running out of memory or a crash does`
        : `its process did not start (${how}) ${last_words}`.trim(),
      { guilty: this.#is_ready },
    );
    await this.#input.close().catch(() => {});
  }

  #receive(data: unknown): void {
    if (this.over) return;
    const message = readFromKeeper(data);
    if (message === undefined || this.#isFlood()) {
      const what = message === undefined ? "said what is no message" : "sent messages without end";
      return this.#end(`its process ${what}`, { guilty: true });
    }
    if (message.type === "ready") this.#started(message);
    else if (message.type === "said") this.#listeners.get(message.cell)?.onMessage(message.message);
    else this.#broken(message);
  }

  #started({ walls }: Extract<FromKeeper, { type: "ready" }>): void {
    if (this.#is_ready) return;
    this.#is_ready = true;
    this.#ready.resolve();
    this.#options.onReady(walls);
  }

  /** A broken Worker may not be ended alone (sandbox_port.ts says why). */
  #broken({ cell, message }: Extract<FromKeeper, { type: "broken" }>): void {
    const listener = this.#listeners.get(cell);
    if (listener === undefined) return;
    this.#listeners.delete(cell);
    const blamed = listener.onGone({ guilty: true, message });
    this.#end("had a broken Worker", { guilty: false, blamed });
  }

  #isFlood(): boolean {
    const now_ms = this.#options.clock.monotonic();
    if (now_ms - this.#window_ms >= 1_000) {
      this.#window_ms = now_ms;
      this.#messages = 0;
    }
    return ++this.#messages > MESSAGES_MAX;
  }

  #send(message: ToKeeper | ConfineOrder): void {
    if (this.over) return;
    const frame = encodeFrame(message);
    this.#unsent_bytes += frame.length;
    if (this.#unsent_bytes > UNSENT_BYTES_MAX) {
      return this.#end("its process takes no messages", { guilty: true });
    }
    // a tick tells many scripts at once: one write for all of them costs a tenth
    if (this.#unwritten.push(frame) === 1) queueMicrotask(() => this.#write());
  }

  #write(): void {
    const frames = this.#unwritten;
    this.#unwritten = [];
    const bytes = concat(frames);
    // a process that has gone is seen by its end
    this.#input.write(bytes).catch(() => {}).finally(() => this.#unsent_bytes -= bytes.length);
  }

  async #watchMemory(): Promise<void> {
    const { clock, settings: { memory_bytes_max } } = this.#options;
    while (!this.over) {
      await clock.sleep(MEMORY_EVERY_MS, this.#over.signal);
      const bytes = this.over ? 0 : residentBytes(this.#child.pid) ?? 0;
      if (bytes <= memory_bytes_max) continue;
      const [used, allowed] = [bytes, memory_bytes_max].map((size) => Math.round(size / 2 ** 20));
      this.#end(`its process used ${used} MiB of memory, allowed are ${allowed}`, {
        guilty: true,
      });
    }
  }

  async #watchStart(): Promise<void> {
    const started = new AbortController();
    void this.#ready.promise.then(() => started.abort());
    this.#over.signal.addEventListener("abort", () => started.abort(), { once: true });
    await this.#options.clock.sleep(START_MS_MAX, started.signal);
    if (this.#is_ready) return;
    this.#end(`its process did not start within ${START_MS_MAX / 1000} s`, { guilty: false });
  }
}

function concat(pieces: readonly Uint8Array[]): Uint8Array {
  const [first] = pieces;
  if (first !== undefined && pieces.length === 1) return first;
  const whole = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
