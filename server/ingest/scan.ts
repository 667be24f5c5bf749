/**
 * What `JSON.parse` does not tell about a text it accepts: where each report of a batch begins and
 * ends, where its numbers stand, and whether an object names a key twice (`JSON.parse` keeps the
 * last one without a word).
 *
 * The text must have been accepted by `JSON.parse`, so one pass over its bytes is enough: strings
 * are skipped, brackets counted, and nothing needs to be checked again.
 */
import { childPath, type Fault, shown } from "../../report.ts";

/** Byte offsets, end exclusive. */
export interface Span {
  start: number;
  end: number;
}

/** One report of the body: the body itself, or one element of the outermost array. */
export interface ScannedReport extends Span {
  /** Every number inside, in order of appearance. */
  numbers: Span[];
  /** Keys given twice, as faults with their paths. */
  duplicates: Fault[];
}

interface Frame {
  /** Keys seen so far; undefined for an array. */
  keys: Set<string> | undefined;
  /** Key or index of the value being read. */
  at: string | number;
  expects_key: boolean;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const decoder = new TextDecoder();

/** Offset after the string that starts at `start` (its opening quote). */
function stringEnd(bytes: Uint8Array, start: number): number {
  let at = start + 1;
  while (bytes[at] !== QUOTE) at += bytes[at] === BACKSLASH ? 2 : 1;
  return at + 1;
}

function isNumberByte(byte: number | undefined): boolean {
  if (byte === undefined) return false;
  // digits, sign, point, exponent
  return (byte >= 0x30 && byte <= 0x39) || byte === 0x2d || byte === 0x2b || byte === 0x2e ||
    byte === 0x45 || byte === 0x65;
}

function pathOf(stack: readonly Frame[], key: string): string {
  let path = "";
  for (const frame of stack.slice(0, -1)) path = childPath(path, frame.at);
  return childPath(path, key);
}

class Scan {
  readonly reports: ScannedReport[] = [];
  readonly #stack: Frame[] = [];
  #current: ScannedReport | undefined;
  /** Depth at which a report opens: 1 inside the outermost array, else 0. */
  #report_depth = 0;

  constructor(private readonly bytes: Uint8Array) {}

  run(): ScannedReport[] {
    const { bytes } = this;
    for (let at = 0; at < bytes.length;) {
      const byte = bytes[at] ?? 0;
      if (byte === QUOTE) at = this.#string(at);
      else if (byte === 0x7b || byte === 0x5b) at = this.#open(at, byte === 0x7b);
      else if (byte === 0x7d || byte === 0x5d) at = this.#close(at);
      else if (byte === 0x2c) at = this.#comma(at);
      else if (byte === 0x2d || (byte >= 0x30 && byte <= 0x39)) at = this.#number(at);
      else at++;
    }
    return this.reports;
  }

  #string(start: number): number {
    const end = stringEnd(this.bytes, start);
    const frame = this.#stack.at(-1);
    if (frame?.keys !== undefined && frame.expects_key) {
      const raw = decoder.decode(this.bytes.subarray(start + 1, end - 1));
      const key = raw.includes("\\") ? String(JSON.parse(`"${raw}"`)) : raw;
      if (frame.keys.has(key)) {
        this.#current?.duplicates.push({
          path: pathOf(this.#stack, key),
          message: `key ${shown(key)} is given twice in one object`,
        });
      }
      frame.keys.add(key);
      frame.at = key;
      frame.expects_key = false;
    }
    return end;
  }

  #open(at: number, is_object: boolean): number {
    const depth = this.#stack.length;
    if (depth === 0 && !is_object) this.#report_depth = 1;
    if (depth === this.#report_depth && is_object) {
      this.#current = { start: at, end: at, numbers: [], duplicates: [] };
      this.reports.push(this.#current);
    }
    this.#stack.push({
      keys: is_object ? new Set() : undefined,
      at: 0,
      expects_key: is_object,
    });
    return at + 1;
  }

  #close(at: number): number {
    this.#stack.pop();
    if (this.#current !== undefined && this.#stack.length === this.#report_depth) {
      this.#current.end = at + 1;
      this.#current = undefined;
    }
    return at + 1;
  }

  #comma(at: number): number {
    const frame = this.#stack.at(-1);
    if (frame !== undefined) {
      if (frame.keys === undefined) frame.at = Number(frame.at) + 1;
      else frame.expects_key = true;
    }
    return at + 1;
  }

  #number(start: number): number {
    let end = start + 1;
    while (isNumberByte(this.bytes[end])) end++;
    this.#current?.numbers.push({ start, end });
    return end;
  }
}

/**
 * Finds the reports of a body that `JSON.parse` has accepted. Elements of the outermost array that
 * are no objects are left out; whoever parses them refuses them.
 */
export function scanReports(bytes: Uint8Array): ScannedReport[] {
  return new Scan(bytes).run();
}
