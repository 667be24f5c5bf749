/**
 * Reports on disk: segments that are only ever appended to, read whole, and removed whole. The
 * process may be killed between any two lines of this file.
 */
import { isGone, SpoolForeign } from "./error.ts";
import { SpoolFolder } from "./folder.ts";
import { isSegmentDone, type Segment, type SegmentSpan, type SpoolLimits } from "./plan.ts";
import {
  encodeReport,
  encodeState,
  type FoundReport,
  isForeignSegment,
  readSegment,
  type SegmentContent,
  type SpooledReport,
} from "./record.ts";
import { type Recovered, recoverState, type ScannedSegment } from "./recovery.ts";
import { SegmentFile } from "./segment_file.ts";

interface Active {
  segment: Segment;
  file: SegmentFile;
}

export class Journal {
  readonly #folder: SpoolFolder;
  readonly #limits: SpoolLimits;
  /** Finished segments, oldest first. */
  #finished: Segment[] = [];
  #active: Active | undefined;
  #next_number = 1;
  /** The finished segment that was read last: sending a backlog reads one many times. */
  #loaded: { number: number; reports: Map<number, FoundReport> } | undefined;
  #syncing: Promise<void> = Promise.resolve();
  /** The directory knows of the segment that is being written, whatever happens. */
  #entry_synced = false;
  #closed = false;

  private constructor(folder: SpoolFolder, limits: SpoolLimits) {
    this.#folder = folder;
    this.#limits = limits;
  }

  /** Reads what is there. Throws SpoolInUse, SpoolForeign, or what the system says. */
  static async open(
    dir: string,
    limits: SpoolLimits,
  ): Promise<{ journal: Journal; recovered: Recovered }> {
    const folder = await SpoolFolder.open(dir);
    try {
      const journal = new Journal(folder, limits);
      const scanned: ScannedSegment[] = [];
      for (const number of await folder.segments()) {
        const content = await journal.#scan(number);
        scanned.push({ seqs: content.reports.map(({ seq }) => seq), state: content.state });
      }
      return { journal, recovered: recoverState(scanned) };
    } catch (error) {
      folder.close();
      throw error;
    }
  }

  /** Of all segments. */
  get bytes(): number {
    const active = this.#active?.segment.bytes ?? 0;
    return this.#finished.reduce((sum, { bytes }) => sum + bytes, active);
  }

  get finished(): readonly Segment[] {
    return this.#finished;
  }

  get active(): Segment | undefined {
    return this.#active?.segment;
  }

  /**
   * Writes reports, in the order of their numbers; `state` in front of them when it must be kept. All
   * are written or none; then it throws what the system says.
   */
  async append(
    reports: readonly SpooledReport[],
    options: { state: string; with_state: boolean },
  ): Promise<void> {
    if (this.#closed) throw new Error("BUG: the spool is closed");
    const [first] = reports;
    const at_ms = first?.at_ms ?? 0;
    if (this.#active?.file.broken) {
      this.#finish(this.#active);
      this.#active = undefined;
    }
    let { with_state } = options;
    if (this.#active !== undefined && isSegmentDone(this.#active.segment, at_ms, this.#limits)) {
      await this.sync().catch(() => {
        // it was tried: what follows has to be written all the same
      });
      await this.#replaceActive(options.state);
      with_state = false;
    }
    const records = reports.map(encodeReport);
    const state = encodeState(options.state);
    if (this.#active === undefined) this.#active = await this.#begin([state, ...records]);
    else await this.#active.file.append(with_state ? [state, ...records] : records);
    const { segment, file } = this.#active;
    segment.bytes = file.bytes;
    segment.span = spanOf(reports, segment.span);
  }

  /**
   * The segment that is being written, in which nothing waits, becomes a finished one; a new one
   * begins with this state.
   */
  async restart(state: string): Promise<void> {
    if (this.#active !== undefined) await this.#replaceActive(state);
  }

  /**
   * The report of this number, and all that can be read together with it. Empty when it is gone;
   * throws what the system says when it is there and cannot be read.
   */
  async read(seq: number): Promise<ReadonlyMap<number, FoundReport>> {
    const within = ({ span }: Segment) =>
      span !== undefined && span.first_seq <= seq && seq <= span.last_seq;
    const active = this.#active?.segment;
    if (active !== undefined && within(active)) return await this.content(active);
    for (const segment of this.#finished.filter(within)) {
      const reports = this.#loaded?.number === segment.number
        ? this.#loaded.reports
        : await this.content(segment);
      if (!reports.has(seq)) continue;
      this.#loaded = { number: segment.number, reports };
      return reports;
    }
    return new Map();
  }

  /** All reports of a segment that can be read; throws like `read`. */
  async content(segment: Segment): Promise<Map<number, FoundReport>> {
    const { reports } = readSegment(await this.#bytesOf(segment.number));
    return new Map(reports.map((report) => [report.seq, report]));
  }

  /** About when the report of this number was made: it is no older. */
  oldestAt(seq: number): number | undefined {
    const loaded = this.#loaded?.reports.get(seq);
    if (loaded !== undefined) return loaded.at_ms;
    const segments = [...this.#finished, this.#active?.segment];
    return segments.find((segment) => (segment?.span?.last_seq ?? 0) >= seq)?.span?.oldest_at_ms;
  }

  /** Removes a finished segment. */
  async remove({ number }: Segment): Promise<void> {
    if (this.#loaded?.number === number) this.#loaded = undefined;
    this.#finished = this.#finished.filter((segment) => segment.number !== number);
    await Deno.remove(this.#folder.segmentPath(number)).catch((error) => {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    });
  }

  /** From now on a power cut does not take what was written; the finished segments are safe already. */
  async sync(): Promise<void> {
    const { file } = this.#active ?? {};
    if (file === undefined) return;
    const before = this.#syncing.catch(() => {});
    this.#syncing = before.then(async () => {
      await file.sync();
      if (this.#entry_synced || this.#active?.file !== file) return;
      await this.#folder.sync();
      this.#entry_synced = true;
    });
    await this.#syncing;
  }

  /** Nothing is kept in memory for reading. */
  forgetLoaded(): void {
    this.#loaded = undefined;
  }

  close(): void {
    this.#closed = true;
    this.#active?.file.close();
    this.#active = undefined;
    this.#folder.close();
  }

  /** Notes a segment that is there, and cuts off what was never finished. */
  async #scan(number: number): Promise<SegmentContent> {
    const path = this.#folder.segmentPath(number);
    const bytes = await this.#bytesOf(number);
    if (isForeignSegment(bytes)) throw new SpoolForeign();
    const content = readSegment(bytes);
    this.#next_number = number + 1;
    if (content.end < bytes.length) {
      // without it the rest is skipped each time: nothing depends on it
      await Deno.truncate(path, content.end).catch(() => {});
    }
    const span = spanOf(content.reports, undefined);
    this.#finished.push({ number, bytes: content.end, span });
    return content;
  }

  /** None when the file is not there any more, or its blocks cannot be read from the disk. */
  async #bytesOf(number: number): Promise<Uint8Array> {
    try {
      return await Deno.readFile(this.#folder.segmentPath(number));
    } catch (error) {
      if (isGone(error)) return new Uint8Array();
      throw error;
    }
  }

  async #begin(records: readonly Uint8Array[]): Promise<Active> {
    const number = this.#next_number;
    const path = this.#folder.segmentPath(number);
    let file: SegmentFile;
    try {
      file = await SegmentFile.create(path, records);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      await this.#folder.restore();
      file = await SegmentFile.create(path, records);
    }
    this.#next_number += 1;
    this.#entry_synced = false;
    return { file, segment: { number, bytes: file.bytes, span: undefined } };
  }

  /** The new one is there before the old one is let go: one of them always has the state. */
  async #replaceActive(state: string): Promise<void> {
    const before = this.#active;
    this.#active = await this.#begin([encodeState(state)]);
    if (before === undefined) return;
    // a file that is being synced must stay open
    await this.#syncing.catch(() => {});
    this.#finish(before);
  }

  #finish({ file, segment }: Active): void {
    file.close();
    this.#finished.push(segment);
  }
}

function spanOf(
  reports: readonly { seq: number; at_ms: number }[],
  before: SegmentSpan | undefined,
): SegmentSpan | undefined {
  return reports.reduce<SegmentSpan | undefined>((span, { seq, at_ms }) => ({
    first_seq: Math.min(span?.first_seq ?? seq, seq),
    last_seq: Math.max(span?.last_seq ?? seq, seq),
    oldest_at_ms: Math.min(span?.oldest_at_ms ?? at_ms, at_ms),
    newest_at_ms: Math.max(span?.newest_at_ms ?? at_ms, at_ms),
  }), before);
}
