/**
 * Puts a request's reports together, from memory and from one segment. A report that should be in a
 * segment and is not there any more is told, so that it can be given up; one that cannot be read for
 * another reason (a permission, too many open files) is passed over and stays.
 */
import type { PeekOptions } from "../outbox.ts";
import type { Journal } from "./journal.ts";
import { type RecentReports, sizeOf } from "./recent.ts";
import { type FoundReport, type SpooledReport, spooledReport } from "./record.ts";
import type { SpoolState } from "./state.ts";

export interface ReaderOptions {
  state: SpoolState;
  recent: RecentReports;
  journal: Journal | undefined;
  onGone: (seq: number) => void;
  onUnreadable: (error: unknown) => void;
}

export class SpoolReader {
  readonly #options: ReaderOptions;

  constructor(options: ReaderOptions) {
    this.#options = options;
  }

  /** The oldest reports within the limits, none behind number `through`. */
  async read(limits: PeekOptions & { through: number }): Promise<SpooledReport[]> {
    const { recent } = this.#options;
    const { after = 0, through, reports_max, bytes_max } = limits;
    const found = await this.#oldest(after, through);
    const reports: SpooledReport[] = [];
    let bytes = 0;
    let seq = found?.seq;
    while (seq !== undefined && reports.length < reports_max) {
      const report = recent.get(seq) ?? spooledReport(found?.segment.get(seq));
      // the next segment is for the next request
      if (report === undefined) break;
      bytes += sizeOf(report);
      if (reports.length > 0 && bytes > bytes_max) break;
      reports.push(report);
      seq = this.#waiting(seq, through);
    }
    return reports;
  }

  /** The oldest report that can be read, and the segment it is in. */
  async #oldest(
    after: number,
    through: number,
  ): Promise<{ seq: number; segment: ReadonlyMap<number, FoundReport> } | undefined> {
    let seq = this.#waiting(after, through);
    while (seq !== undefined) {
      if (this.#options.recent.get(seq) !== undefined) return { seq, segment: new Map() };
      const segment = await this.#segmentOf(seq);
      if (segment?.has(seq)) return { seq, segment };
      if (segment !== undefined) this.#options.onGone(seq);
      seq = this.#waiting(seq, through);
    }
    return undefined;
  }

  #waiting(after: number, through: number): number | undefined {
    const seq = this.#options.state.firstWaiting(after);
    return seq !== undefined && seq <= through ? seq : undefined;
  }

  /** undefined when it cannot be read now. */
  async #segmentOf(seq: number): Promise<ReadonlyMap<number, FoundReport> | undefined> {
    const { journal, onUnreadable } = this.#options;
    try {
      return await journal?.read(seq) ?? new Map();
    } catch (error) {
      onUnreadable(error);
      return undefined;
    }
  }
}
