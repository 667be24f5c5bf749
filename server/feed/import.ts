/**
 * A text of samples into a server: lines → samples → reports → batches → `POST /metrics`.
 *
 * Every sample read ends in one of three counts: stored, duplicate (there before, or twice in the
 * text), refused. A bad line is refused alone. It is safe to import the same text again, whole or
 * after it was stopped: reports are made of the samples alone, and the server stores each once.
 */
import type { Clock } from "../../clock.ts";
import { FORMATS } from "../wire/format.ts";
import { LineSplitter, type NumberedLine } from "../wire/lines.ts";
import { type FormatName, isFault, type LineReader } from "../wire/sample.ts";
import { Batches, type ImportBatch } from "./batches.ts";
import { Gathering } from "./gather.ts";
import { type Post, Sender } from "./sender.ts";

/** Reasons kept for the account; the rest is counted. */
const REFUSALS_LISTED_MAX = 20;

export interface Refusal {
  /** From 1. */
  line: number;
  /** Where the fault is in the line; undefined where the server found it. */
  column?: number;
  reason: string;
}

/** read = stored + duplicate + refused, when the work came to its end. */
export interface ImportAccount {
  read: number;
  stored: number;
  duplicate: number;
  refused: number;
  /** Texts without a value, which are no samples. */
  messages: number;
  /** The first of the refused. */
  refusals: Refusal[];
  /** Lines of the text, those that say nothing included. */
  lines: number;
}

export interface ImportState {
  account: Readonly<ImportAccount>;
  /** Bytes of the text that were read. */
  bytes: number;
  /** Why nothing moves just now. */
  waiting: string | undefined;
}

export interface ImportOptions {
  format: FormatName;
  post: Post;
  server: string;
  clock: Clock;
  connections: number;
  /** Stops reading and sending; requests under way are waited for. */
  signal: AbortSignal;
  /** Drops requests under way. */
  give_up: AbortSignal;
  onProgress(state: ImportState): void;
}

export class Import {
  readonly account: ImportAccount = {
    read: 0,
    stored: 0,
    duplicate: 0,
    refused: 0,
    messages: 0,
    refusals: [],
    lines: 0,
  };
  readonly #options: ImportOptions;
  readonly #read: LineReader;
  readonly #gathering = new Gathering();
  readonly #batches = new Batches();
  readonly #sender: Sender<ImportBatch>;
  #bytes = 0;
  #waiting: string | undefined;

  constructor(options: ImportOptions) {
    this.#options = options;
    this.#read = FORMATS[options.format].reader();
    this.#sender = new Sender({
      ...options,
      onSettled: (batch, settled) => {
        const { account } = this;
        account.stored += settled.stored * batch.samples;
        account.duplicate += settled.duplicate * batch.samples;
        account.refused += settled.refused * batch.samples;
        for (const { index, reason } of settled.reasons) {
          this.#list({ line: batch.lines[index] ?? 0, reason });
        }
        this.#progress();
      },
      onWaiting: (reason) => {
        this.#waiting = reason;
        this.#progress();
      },
    });
  }

  /** Imports the text. Throws FeedError when the server takes nothing, and what reading says. */
  async run(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    const { signal } = this.#options;
    const splitter = new LineSplitter();
    for await (const chunk of chunks) {
      if (signal.aborted) break;
      this.#bytes += chunk.length;
      for (const line of splitter.push(chunk)) this.#take(line);
      await this.#sendOverflow();
      this.#progress();
    }
    if (!signal.aborted) {
      for (const line of splitter.end()) this.#take(line);
      for (const report of this.#gathering.rest()) {
        const full = this.#batches.add(report);
        if (full !== undefined) await this.#sender.send(full);
      }
      for (const batch of this.#batches.rest()) await this.#sender.send(batch);
    }
    await this.#sender.finish();
  }

  /** Waits for the requests under way: after a stop that `run` does not hear, as it waits to read. */
  async underWay(): Promise<void> {
    await this.#sender.finish();
  }

  #take(line: NumberedLine): void {
    const { account } = this;
    account.lines = line.number;
    const sample = line.fault === undefined
      ? this.#read(line.text)
      : { column: 1, fault: line.fault };
    if (sample === undefined) return;
    if (isFault(sample)) {
      account.read++;
      account.refused++;
      return this.#list({ line: line.number, column: sample.column, reason: sample.fault });
    }
    const counts = sample.value === null ? 0 : 1;
    account.read += counts;
    account.messages += 1 - counts;
    const taken = this.#gathering.add(sample, line.number);
    if (taken === "taken") return;
    if (taken === "repeated") {
      account.duplicate += counts;
      return;
    }
    account.refused += counts;
    this.#list({ line: line.number, column: 1, reason: taken.fault });
  }

  async #sendOverflow(): Promise<void> {
    for (const report of this.#gathering.overflow()) {
      const full = this.#batches.add(report);
      if (full !== undefined) await this.#sender.send(full);
    }
  }

  #list(refusal: Refusal): void {
    const { refusals } = this.account;
    if (refusals.length < REFUSALS_LISTED_MAX) refusals.push(refusal);
  }

  #progress(): void {
    this.#options.onProgress({
      account: this.account,
      bytes: this.#bytes,
      waiting: this.#waiting,
    });
  }
}
