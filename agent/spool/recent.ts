/**
 * The newest reports in memory: those that could not be written yet, and, so that nothing is read
 * back that was written a moment ago, as many of the others as is cheap.
 */
import type { SpooledReport } from "./record.ts";

/** A report also costs its object; a thousand tiny ones must not be counted as nothing. */
const REPORT_OVERHEAD_BYTES = 64;
/** A few ticks of a busy machine. */
const WRITTEN_BYTES_MAX = 256 * 1024;

export class RecentReports {
  /** In the order of their numbers. */
  readonly #reports = new Map<number, SpooledReport>();
  #bytes = 0;
  #unwritten_bytes = 0;
  #written_through = 0;

  add(report: SpooledReport): void {
    this.#reports.set(report.seq, report);
    this.#bytes += sizeOf(report);
    this.#unwritten_bytes += sizeOf(report);
  }

  get(seq: number): SpooledReport | undefined {
    return this.#reports.get(seq);
  }

  /** Of reports that are nowhere else. */
  get unwritten_bytes(): number {
    return this.#unwritten_bytes;
  }

  /** Reports that are nowhere else, oldest first. */
  *unwritten(): Generator<SpooledReport> {
    if (this.#unwritten_bytes === 0) return;
    for (const report of this.#reports.values()) {
      if (report.seq > this.#written_through) yield report;
    }
  }

  /** The oldest of them, at least one if there is any. */
  nextToWrite(bytes_max: number): SpooledReport[] {
    const reports: SpooledReport[] = [];
    let bytes = 0;
    for (const report of this.unwritten()) {
      bytes += sizeOf(report);
      if (reports.length > 0 && bytes > bytes_max) break;
      reports.push(report);
    }
    return reports;
  }

  /** All up to this number are on disk now. */
  wrote(through: number): void {
    for (const report of this.unwritten()) {
      if (report.seq <= through) this.#unwritten_bytes -= sizeOf(report);
    }
    this.#written_through = through;
    for (const report of this.#reports.values()) {
      if (this.#bytes <= WRITTEN_BYTES_MAX || report.seq > through) return;
      this.delete(report.seq);
    }
  }

  delete(seq: number): void {
    const report = this.#reports.get(seq);
    if (report === undefined) return;
    this.#reports.delete(seq);
    this.#bytes -= sizeOf(report);
    if (seq > this.#written_through) this.#unwritten_bytes -= sizeOf(report);
  }
}

/** What a report costs in memory, and about what it costs in a request. */
export function sizeOf({ text }: { text: string }): number {
  return text.length + REPORT_OVERHEAD_BYTES;
}
