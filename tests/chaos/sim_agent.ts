/** One simulated host: the agent's real spool and sender, a clock that may be wrong, and its own log. */
import { join } from "node:path";
import { HostFacts } from "../../agent/facts.ts";
import { reportText } from "../../agent/report_text.ts";
import { Sender } from "../../agent/sender.ts";
import type { Spool } from "../../agent/spool.ts";
import type { Clock } from "../../clock.ts";
import { silentLogger } from "../../log.ts";
import { copySpool, openSpool } from "../agent/spool_folder.ts";

export interface SimAgentOptions {
  hostname: string;
  dir: string;
  url: string;
  clock: Clock;
  random: () => number;
}

/** What a host has sent, by the time in the report: more than one where its clock was set back. */
export type Collected = Map<number, number[]>;

export class SimAgent {
  readonly collected: Collected = new Map();
  /** Milliseconds its clock is wrong. */
  shift_ms = 0;
  #count = 0;
  #life = 0;
  #spool: Spool | undefined;
  #sender: Sender | undefined;
  #stop = new AbortController();
  #running: Promise<void> = Promise.resolve();

  constructor(readonly options: SimAgentOptions) {}

  get waiting(): number {
    return this.#spool?.status().waiting ?? 0;
  }

  get status() {
    return this.#spool?.status();
  }

  #dir(): string {
    return join(this.options.dir, `${this.options.hostname}-${this.#life}`);
  }

  async start(): Promise<void> {
    const { clock, url, random } = this.options;
    const own: Clock = {
      now: () => clock.now() + this.shift_ms,
      monotonic: () => clock.monotonic(),
      sleep: (ms, signal) => clock.sleep(ms, signal),
    };
    this.#stop = new AbortController();
    this.#spool = await openSpool(this.#dir(), { clock: own, age_ms_max: 30 * 86_400_000 });
    this.#sender = new Sender({
      server: url,
      request_timeout_ms: 10_000,
      outbox: this.#spool,
      facts: new HostFacts({ tags: { role: "sim" } }),
      clock: own,
      log: silentLogger,
      random,
    });
    this.#running = this.#sender.run(this.#stop.signal);
  }

  /** Collects one report at the present tick of its own clock. */
  async collect(trouble: boolean): Promise<void> {
    const { clock, hostname } = this.options;
    const at_ms = Math.floor((clock.now() + this.shift_ms) / 10_000) * 10_000;
    const number = this.#count++;
    const series = new Map([["n", number], ["trouble", trouble ? 95 : 10]]);
    await this.#spool?.append({ at_ms, samples: 2, text: reportText({ hostname, at_ms, series }) });
    const before = this.collected.get(at_ms / 1000) ?? [];
    this.collected.set(at_ms / 1000, [...before, number]);
    this.#sender?.wake();
  }

  /** kill -9: what is on disk at this moment is what the next life finds. */
  async crash(): Promise<void> {
    const from = this.#dir();
    this.#life++;
    await copySpool(from, this.#dir());
    await this.stop();
    await this.start();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    this.#sender?.drain();
    await this.#running;
    await this.#spool?.close();
  }

  wake(): void {
    this.#sender?.wake();
  }
}
