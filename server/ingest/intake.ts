/**
 * From the bytes of a request to its answer.
 *
 * First the fast way: each report of the body is matched against the templates of its host
 * (template.ts) and written into the open batch. If only one does not match, everything written is
 * taken back and the body goes the ordinary way: decode, `JSON.parse`, validate, resolve names,
 * queue, and learn templates for the next time. Either way the answer comes after COMMIT.
 */
import type { Clock } from "../../clock.ts";
import type { ClockLimits, IngestReply, Refusal } from "../../report.ts";
import { allRefused, ofHost, parseBody, type ParsedReport } from "./body.ts";
import type { Directory, ResolvedReport, StrangerReport } from "./directory.ts";
import { findTooMuch, type IngestLimits } from "./limits.ts";
import { type Batch, countWithin, type IngestQueue } from "./queue.ts";
import { divideReport } from "./divide.ts";
import { learn, Matcher, NameReader } from "./template.ts";

export interface IntakeOptions {
  directory: Directory;
  queue: IngestQueue;
  clock: Clock;
  limits: ClockLimits;
  /** What is too much of names, and who hears of it. */
  too_much: IngestLimits;
  /** Which metrics are stored apart because they are kept for another time; 0 is the usual class. */
  classOf?: (metric: string) => number;
}

/** Totals since the start: received = stored + duplicate + refused + failed. */
export interface IntakeCounters {
  received: number;
  stored: number;
  duplicate: number;
  refused: number;
  failed: number;
}

/** Rows inside a batch. */
interface Placed {
  batch: Batch;
  first: number;
  count: number;
}

/** Rows of one report, by its position in the body. */
type PlacedReport = Placed & { element: number };

const BRACKET_OPEN = 0x5b;
const BRACKET_CLOSE = 0x5d;
const COMMA = 0x2c;

function skipSpace(bytes: Uint8Array, start: number): number {
  let at = start;
  // space, tab, line feed, carriage return
  while (bytes[at] === 0x20 || bytes[at] === 0x0a || bytes[at] === 0x0d || bytes[at] === 0x09) at++;
  return at;
}

export class Intake {
  readonly counters: IntakeCounters = {
    received: 0,
    stored: 0,
    duplicate: 0,
    refused: 0,
    failed: 0,
  };
  readonly #options: IntakeOptions;
  readonly #name = new NameReader();
  readonly #matcher = new Matcher();

  constructor(options: IntakeOptions) {
    this.#options = options;
  }

  /**
   * Takes one request body: a report or an array of reports. A body that is `owned` is nobody else's:
   * its memory is given back as soon as its rows are made. Left to the collector of garbage, the
   * bodies of a busy server are 100 MB that wait for it.
   *
   * @param only_host The only host whose reports are taken. Default: those of any.
   * @throws RefusedError when nothing of it can be taken, QueueFullError when there is no room,
   *   and what the database said when it could not be stored
   */
  receive(
    body: Uint8Array,
    { owned = false, only_host }: { owned?: boolean; only_host?: string } = {},
  ): Promise<IngestReply> {
    let placed: Placed | undefined;
    try {
      placed = this.#fast(body, only_host);
    } catch (error) {
      return Promise.reject(error);
    }
    if (placed === undefined) return this.#ordinary(body, only_host);
    if (owned && body.buffer instanceof ArrayBuffer) body.buffer.transfer(0);
    const { batch, first, count } = placed;
    this.counters.received += count;
    // two functions instead of an async one: this is the path of every report
    return batch.committed.then(
      (duplicates) => this.#counted(count, countWithin(duplicates, first, count)),
      (error) => {
        this.counters.failed += count;
        throw error;
      },
    );
  }

  #counted(reports: number, duplicate: number): IngestReply {
    const { counters } = this;
    counters.stored += reports - duplicate;
    counters.duplicate += duplicate;
    return { status: "received", stored: reports - duplicate, duplicate };
  }

  /** Matches every report of the body, or leaves nothing behind. */
  #fast(body: Uint8Array, only_host: string | undefined): Placed | undefined {
    const { queue } = this.#options;
    const batch = queue.open();
    const { rows } = batch;
    const bytes_before = rows.bytes;
    const first = rows.rows;
    let at = skipSpace(body, 0);
    const is_array = body[at] === BRACKET_OPEN;
    if (is_array) at = skipSpace(body, at + 1);
    for (;;) {
      at = this.#matchOne(body, at, { batch, only_host });
      if (at < 0) break;
      at = skipSpace(body, at);
      if (is_array && body[at] === COMMA) {
        at = skipSpace(body, at + 1);
        continue;
      }
      if (is_array && body[at] !== BRACKET_CLOSE) break;
      if (is_array) at = skipSpace(body, at + 1);
      if (at !== body.length) break;
      queue.appended();
      return { batch, first, count: rows.rows - first };
    }
    rows.truncate(bytes_before, first);
    return undefined;
  }

  /** Offset after the report at `at`, whose row has been added, or -1. */
  #matchOne(
    body: Uint8Array,
    at: number,
    { batch, only_host }: { batch: Batch; only_host: string | undefined },
  ): number {
    const { directory, clock, limits } = this.#options;
    if (!this.#name.read(body, at)) return -1;
    const host = directory.hosts.find(body, this.#name);
    if (host === undefined) return -1;
    if (only_host !== undefined && host.hostname !== only_host) return -1;
    const now_ms = clock.now();
    for (let position = 0; position < host.templates.length; position++) {
      const template = host.templates[position];
      if (template === undefined) break;
      const matched = this.#matcher.match(body, this.#name.end, {
        template,
        rows: batch.rows,
        host_id: host.id,
        at_ms: template.has_timestamp ? 0 : host.timeGiven(now_ms),
        at_ms_min: now_ms - limits.past_ms_max,
        at_ms_max: now_ms + limits.future_ms_max,
      });
      if (matched) {
        host.matched(position);
        return this.#matcher.end;
      }
    }
    return -1;
  }

  async #ordinary(body: Uint8Array, only_host: string | undefined): Promise<IngestReply> {
    const { directory, queue, clock, limits, too_much } = this.#options;
    const parsed = ofHost(parseBody(body, { now_ms: clock.now(), limits }), only_host);
    const { refused } = parsed;
    const elements = this.#divided(parsed.elements);
    this.counters.received += refused.length;
    this.counters.refused += refused.length;
    if (elements.length === 0) throw allRefused(refused, parsed);
    const reports = elements.flatMap((element) => element.reports);
    const owners = elements.flatMap((element) => element.reports.map(() => element.index));
    const resolved = await directory.resolve(reports);
    const over = findTooMuch(resolved, { ...parsed, owners, limits: too_much });
    const remark_id = over.remarks.size > 0 ? await directory.limitMetricId() : 0;
    const placed: PlacedReport[] = [];
    // parts of one report without a time have the same one
    const given_ms = new Map<number, number>();
    for (const [i, one] of resolved.entries()) {
      const element = owners[i] ?? 0;
      if (one.host === undefined) continue;
      let at_ms = one.report.at_ms;
      if (!one.report.has_own_time) {
        at_ms = given_ms.get(element) ?? one.host.timeGiven(clock.now());
        given_ms.set(element, at_ms);
      }
      const batch = queue.open();
      const message = over.remarks.get(one);
      if (message !== undefined) {
        batch.annotate({ host_id: one.host.id, metric_id: remark_id, at_ms, message });
      }
      if (!over.empty.has(one)) placed.push({ ...this.#place(one, { batch, at_ms }), element });
      queue.appended();
    }
    this.#learn(body, elements, resolved);
    return await this.#answered(placed, {
      reports: elements.length,
      refused: [...refused, ...over.refused],
    });
  }

  /** Reports whose metrics are kept for different times, as one for each of these. */
  #divided(elements: readonly ParsedReport[]): readonly ParsedReport[] {
    const { classOf } = this.#options;
    if (classOf === undefined) return elements;
    return elements.map((element) => ({
      ...element,
      reports: element.reports.flatMap((report) => divideReport(report, classOf)),
    }));
  }

  /** Writes one resolved report into the batch. */
  #place(one: ResolvedReport, { batch, at_ms }: { batch: Batch; at_ms: number }): Placed {
    const { directory } = this.#options;
    const { report, host, shape, columns } = one;
    const first = batch.rows.rows;
    if (shape !== undefined) {
      const row = batch.rows.add(shape.prototype, host.id, at_ms);
      for (const [i, value] of report.values.entries()) {
        batch.rows.setValue(row, columns[i] ?? 0, value);
      }
    }
    for (const { name, message } of report.annotations) {
      const metric_id = directory.metricId(name);
      batch.annotate({ host_id: host.id, metric_id, at_ms, message });
    }
    return { batch, first, count: batch.rows.rows - first };
  }

  /** Makes templates of what was just accepted, for the next time. */
  #learn(
    body: Uint8Array,
    elements: readonly ParsedReport[],
    resolved: readonly (ResolvedReport | StrangerReport)[],
  ): void {
    const { directory } = this.#options;
    let at = 0;
    for (const { reports, scanned } of elements) {
      const one = resolved[at];
      at += reports.length;
      if (one?.host === undefined || one.shape === undefined || one.left_out.length > 0) continue;
      if (reports.length !== 1 || scanned === undefined) continue;
      const { host, shape, report } = one;
      if (!host.may_learn || report.annotations.length > 0) continue;
      if (!this.#name.read(body, scanned.start) || !host.hasName(body, this.#name)) continue;
      const template = learn(body, { report: scanned, name_end: this.#name.end, shape });
      if (template !== undefined) directory.addTemplate(host, template);
    }
  }

  /** The answer to reports of which some have been placed, some perhaps not. */
  async #answered(
    placed: readonly PlacedReport[],
    { reports, refused }: { reports: number; refused: readonly Refusal[] },
  ): Promise<IngestReply> {
    const stored = new Set(placed.map(({ element }) => element)).size;
    this.counters.received += reports - stored;
    this.counters.refused += reports - stored;
    if (stored === 0) throw allRefused([...refused]);
    return await this.#settle(placed, stored, refused);
  }

  /** Waits for the commits and counts. `reports` are those accepted. */
  async #settle(
    placed: readonly PlacedReport[],
    reports: number,
    refused: readonly Refusal[],
  ): Promise<IngestReply> {
    this.counters.received += reports;
    // a report with several times is several rows; it is a duplicate when all of them are
    const fresh = new Set<number>();
    const repeated = new Set<number>();
    try {
      for (const { batch, first, count, element } of placed) {
        const found = countWithin(await batch.committed, first, count);
        (count > 0 && found === count ? repeated : fresh).add(element);
      }
    } catch (error) {
      this.counters.failed += reports;
      throw error;
    }
    const reply = this.#counted(reports, repeated.difference(fresh).size);
    return refused.length === 0 ? reply : { ...reply, refused: [...refused] };
  }
}
