/** How far a transfer is: rows that have passed, and which share of all the work that is. */
import { type Relation, relationLabel } from "./catalog.ts";
import type { ReadOptions } from "./copy_table.ts";

export interface TransferProgress {
  /** Rows that have passed: read, written, or read back. */
  rows: number;
  /** 0 to 1. */
  fraction: number;
  /** `copying report_202611221310` */
  note: string;
}

export interface TallyOptions {
  onProgress?: (progress: TransferProgress) => void;
  /** Stops between two pieces of a table. */
  signal?: AbortSignal;
}

export class Tally {
  readonly #options: TallyOptions;
  readonly #total_bytes: number;
  #rows = 0;
  #bytes = 0;

  /** Every table is read `times` times. */
  constructor(relations: readonly Relation[], times: number, options: TallyOptions) {
    this.#options = options;
    this.#total_bytes = Math.max(1, bytesOf(relations) * times);
  }

  /**
   * Counts what `run` reads. A table weighs what it has on disk, which is never quite what passes:
   * its share grows with what has been read, up to all of it.
   */
  async counted<T>(
    relation: Relation,
    note: string,
    run: (reading: ReadOptions) => Promise<T>,
  ): Promise<T> {
    const { onProgress, signal } = this.#options;
    signal?.throwIfAborted();
    const before_bytes = this.#bytes;
    let read_bytes = 0;
    const tell = () =>
      onProgress?.({
        rows: this.#rows,
        fraction: Math.min(1, this.#bytes / this.#total_bytes),
        note: `${note} ${relationLabel(relation)}`,
      });
    tell();
    const result = await run({
      signal,
      onRead: (rows, bytes) => {
        this.#rows += rows;
        read_bytes += bytes;
        this.#bytes = before_bytes + Math.min(relation.bytes, read_bytes);
        tell();
      },
    });
    this.#bytes = before_bytes + relation.bytes;
    return result;
  }
}

export function bytesOf(relations: readonly Relation[]): number {
  return relations.reduce((sum, relation) => sum + relation.bytes, 0);
}
