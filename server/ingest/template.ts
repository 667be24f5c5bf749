/**
 * The fast way from body to row.
 *
 * A host sends the same text every ten seconds with other numbers in it. So the text between the
 * numbers is remembered: a template is the list of literal pieces and of the slots between
 * them, and for each slot the column of the row its number goes to. Matching a body against it
 * compares bytes and reads numbers; nothing is decoded, no object is made. Whatever does not match
 * to the last byte takes the ordinary way (`parseReport`), which also makes the next template.
 * A template never decides what a text means: it is made by asking `parseReport` (see `learn`), so
 * both ways agree by construction, and tests/server/ingest/template_test.ts holds them together.
 *
 * A template begins after the host's name. It belongs to hosts for which that text has been parsed
 * once and whose facts (alias, tags, …) in it are applied; equal ones are shared between hosts.
 */
import { type ClockLimits, parseReport, type Report } from "../../report.ts";
import { NumberReader } from "./number.ts";
import type { RowBuffer } from "./rows.ts";
import type { ScannedReport, Span } from "./scan.ts";

/** What the columns of a row mean. */
export interface Shape {
  id: number;
  /** Metric names in the order of the row's values. */
  names: readonly string[];
  /** The row without host, time and values (rows.ts). */
  prototype: Uint8Array;
}

export interface Template {
  shape: Shape;
  /** All literal pieces in one run of bytes. */
  literals: Uint8Array;
  /** Where piece k ends in `literals`. There is one piece more than slots. */
  ends: Int32Array;
  /** The column slot k goes to, or TIMESTAMP_SLOT. */
  columns: Int32Array;
  /** Does the report carry its own time? */
  has_timestamp: boolean;
}

export const TIMESTAMP_SLOT = -1;

/** Reads any time: a probe's numbers are no times (see `slotsOf`). */
const NO_LIMITS: ClockLimits = { future_ms_max: Infinity, past_ms_max: Infinity };

const decoder = new TextDecoder();
const encoder = new TextEncoder();

/**
 * Finds out what each number of a text means, without knowing the rules: number k is replaced
 * by k + 1, the text parsed, and where k + 1 turns up is where number k goes. Numbers that turn up
 * nowhere (in a tag, say) are no slots; they stay literal.
 */
function slotsOf(
  bytes: Uint8Array,
  report: ScannedReport,
): { slots: Map<number, string | number>; probe: Report } | undefined {
  let text = "";
  let from = report.start;
  for (const [k, number] of report.numbers.entries()) {
    text += decoder.decode(bytes.subarray(from, number.start)) + String(k + 1);
    from = number.end;
  }
  text += decoder.decode(bytes.subarray(from, report.end));
  const parsed = parseReport(JSON.parse(text), { path: "", now_ms: 0, limits: NO_LIMITS });
  const [probe, ...others] = parsed.reports;
  // values with times of their own or texts make other rows than this one: not for templates
  if (probe === undefined || others.length > 0 || probe.annotations.length > 0) return undefined;
  const slots = new Map<number, string | number>();
  if (probe.at_ms !== 0) slots.set(probe.at_ms / 1000 - 1, TIMESTAMP_SLOT);
  for (const [i, name] of probe.names.entries()) {
    const k = (probe.values[i] ?? 0) - 1;
    // true and false are values without a digit: the text may not change where they stand, but
    // they would be taken for number 0 or -1
    if (slots.has(k) || report.numbers[k] === undefined) return undefined;
    slots.set(k, name);
  }
  return { slots, probe };
}

function hasTrueOrFalse(bytes: Uint8Array, report: ScannedReport): boolean {
  const text = decoder.decode(bytes.subarray(report.start, report.end));
  return /[:[,\s](true|false)[\s,}\]]/.test(text);
}

/**
 * Makes a template of a report's text from `name_end` (after the host's name) on, or returns
 * undefined where a template cannot say it: values with texts, own times, or truth values.
 */
export function learn(
  bytes: Uint8Array,
  options: { report: ScannedReport; name_end: number; shape: Shape },
): Template | undefined {
  const { report, name_end, shape } = options;
  if (hasTrueOrFalse(bytes, report)) return undefined;
  const found = slotsOf(bytes, report);
  if (found === undefined || found.slots.size < shape.names.length) return undefined;
  const columnOf = new Map(shape.names.map((name, column) => [name, column]));
  const literals: Uint8Array[] = [];
  const ends: number[] = [];
  const columns: number[] = [];
  let from = name_end;
  let length = 0;
  const addLiteral = (span: Span) => {
    literals.push(bytes.subarray(span.start, span.end));
    length += span.end - span.start;
    ends.push(length);
  };
  for (const [k, number] of report.numbers.entries()) {
    const slot = found.slots.get(k);
    if (slot === undefined) continue;
    // a number before the name: the name is not the first member
    if (number.start < name_end) return undefined;
    const column = typeof slot === "string" ? columnOf.get(slot) : slot;
    if (column === undefined) return undefined;
    addLiteral({ start: from, end: number.start });
    columns.push(column);
    from = number.end;
  }
  addLiteral({ start: from, end: report.end });
  return {
    shape,
    literals: concat(literals, length),
    ends: Int32Array.from(ends),
    columns: Int32Array.from(columns),
    has_timestamp: found.probe.at_ms !== 0,
  };
}

function concat(pieces: readonly Uint8Array[], length: number): Uint8Array {
  const all = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}

/** A text that is equal for equal templates, so that hosts can share them. */
export function templateKey(template: Template): string {
  return `${template.shape.id}:${template.ends.join()}:${template.columns.join()}:` +
    decoder.decode(template.literals);
}

const OPENING = encoder.encode('{"hostname":"');

/** Finds the host's name at the start of a report. */
export class NameReader {
  /** Offsets of the name last found, and its hash. */
  start = 0;
  end = 0;
  hash = 0;

  /** Is there `{"hostname": "name"` at `at`, with a name that needs no unescaping? */
  read(bytes: Uint8Array, at: number): boolean {
    let from = at;
    // as many senders write it: one space after the colon
    const spaced = bytes[from + 12] === 0x20;
    for (let i = 0; i < 12; i++) if (bytes[from + i] !== OPENING[i]) return false;
    from += spaced ? 13 : 12;
    if (bytes[from] !== 0x22) return false;
    from++;
    let hash = 0x811c9dc5;
    let to = from;
    // FNV-1a over the bytes of the name
    for (; to < bytes.length; to++) {
      const byte = bytes[to] ?? 0;
      if (byte === 0x22) break;
      if (byte === 0x5c || byte < 0x20) return false;
      hash = Math.imul(hash ^ byte, 0x01000193);
    }
    if (to >= bytes.length) return false;
    this.start = from;
    this.end = to;
    this.hash = hash;
    return true;
  }
}

/** Matches texts against templates and writes their numbers as rows. */
export class Matcher {
  /** Offset after the report matched last. */
  end = 0;
  readonly #number = new NumberReader();

  /**
   * Does the text at `start` (after the host's name) match? Then its row stands at the end of
   * `rows`, with the time `at_ms` unless the text has its own; otherwise `rows` is as before.
   */
  match(
    bytes: Uint8Array,
    start: number,
    into: {
      template: Template;
      rows: RowBuffer;
      host_id: number;
      at_ms: number;
      at_ms_min: number;
      at_ms_max: number;
    },
  ): boolean {
    const { template, rows } = into;
    const { literals, ends, columns } = template;
    const bytes_before = rows.bytes;
    const rows_before = rows.rows;
    const number = this.#number;
    const row = rows.add(template.shape.prototype, into.host_id, into.at_ms);
    let at = start;
    let literal = 0;
    const slots = columns.length;
    for (let k = 0; k <= slots; k++) {
      const end = ends[k] ?? 0;
      // beyond the end of bytes the comparison is with undefined, hence unequal
      while (literal < end && bytes[at] === literals[literal]) {
        at++;
        literal++;
      }
      if (literal < end) break;
      if (k === slots) {
        this.end = at;
        return true;
      }
      const value = number.read(bytes, at);
      if (value !== value) break;
      at = number.end;
      const column = columns[k] ?? 0;
      if (column >= 0) rows.setValue(row, column, value);
      else {
        const at_ms = Math.round(value * 1000);
        if (at_ms < into.at_ms_min || at_ms > into.at_ms_max) break;
        rows.setAt(row, at_ms);
      }
    }
    rows.truncate(bytes_before, rows_before);
    return false;
  }
}
