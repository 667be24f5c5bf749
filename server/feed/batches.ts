/**
 * Reports into batches. The server counts reports, and people count samples: so a batch holds reports
 * with equal numbers of samples, and the one is the other times that number, exactly.
 */
import type { GatheredReport } from "./gather.ts";
import type { FeedBatch } from "./sender.ts";

/** A request of this size is some milliseconds of work for the server; larger ones are not faster. */
const BATCH_CHARS_MAX = 256 * 1024;
export const BATCH_REPORTS_MAX = 500;
/** Reports waiting in batches that are not full; beyond that the fullest goes as it is. */
const WAITING_MAX = 5_000;

export interface ImportBatch extends FeedBatch {
  reports: string[];
  /** Of each report. */
  samples: number;
  /** For each report the line it began on. */
  lines: number[];
}

interface OpenBatch extends ImportBatch {
  chars: number;
}

export class Batches {
  readonly #open = new Map<number, OpenBatch>();
  #waiting = 0;

  /** Adds a report; a batch that is full by it. */
  add({ json, samples, line }: GatheredReport): ImportBatch | undefined {
    let batch = this.#open.get(samples);
    if (batch === undefined) {
      batch = { reports: [], samples, lines: [], chars: 0 };
      this.#open.set(samples, batch);
    }
    batch.reports.push(json);
    batch.lines.push(line);
    batch.chars += json.length;
    this.#waiting++;
    if (batch.chars >= BATCH_CHARS_MAX || batch.reports.length >= BATCH_REPORTS_MAX) {
      return this.#close(batch);
    }
    if (this.#waiting <= WAITING_MAX) return undefined;
    const all = [...this.#open.values()];
    return this.#close(all.reduce((left, right) => left.chars >= right.chars ? left : right));
  }

  /** Those that are not full. */
  rest(): ImportBatch[] {
    return [...this.#open.values()].map((batch) => this.#close(batch));
  }

  #close(batch: OpenBatch): ImportBatch {
    this.#open.delete(batch.samples);
    this.#waiting -= batch.reports.length;
    return batch;
  }
}
