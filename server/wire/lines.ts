/**
 * Bytes to numbered lines, in bounded memory.
 *
 * A line ends with a line feed and with nothing else: U+2028 and a carriage return may stand in a
 * text. A block of whole lines is decoded at once; only where that finds a character it had to
 * replace are the lines looked at one by one, for the replacement may also be what was written.
 */

/** Longer than any line of ours: a name of 1,024 characters and a message of 2,000, all escaped. */
export const LINE_BYTES_MAX = 64 * 1024;

export interface NumberedLine {
  /** From 1. */
  number: number;
  /** Without its line feed; "" for a faulty one. */
  text: string;
  /** Why the line cannot be read. */
  fault?: string;
}

const REPLACEMENT = "\ufffd";
const LINE_FEED = 0x0a;
const BYTE_ORDER_MARK = "\ufeff";

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const strict_decoder = new TextDecoder("utf-8", { ignoreBOM: true, fatal: true });

export class LineSplitter {
  #number = 0;
  /** The beginning of a line whose end has not come. */
  #rest: Uint8Array[] = [];
  #rest_bytes = 0;
  /** The line being skipped is longer than allowed. */
  #skipping = false;

  /** The lines that end within `chunk`. */
  push(chunk: Uint8Array): NumberedLine[] {
    const last = chunk.lastIndexOf(LINE_FEED);
    if (last < 0) {
      this.#keep(chunk);
      return [];
    }
    const lines: NumberedLine[] = [];
    let from = 0;
    if (this.#rest_bytes > 0 || this.#skipping) {
      const first = chunk.indexOf(LINE_FEED);
      this.#keep(chunk.subarray(0, first));
      lines.push(this.#takeRest());
      from = first + 1;
    }
    if (from <= last) this.#split(chunk.subarray(from, last), lines);
    this.#keep(chunk.subarray(last + 1));
    return lines;
  }

  /** The last line, when it has no line feed. */
  end(): NumberedLine[] {
    return this.#rest_bytes > 0 || this.#skipping ? [this.#takeRest()] : [];
  }

  #keep(bytes: Uint8Array): void {
    if (bytes.length === 0 || this.#skipping) return;
    this.#rest_bytes += bytes.length;
    if (this.#rest_bytes > LINE_BYTES_MAX) {
      this.#skipping = true;
      this.#rest = [];
    } else this.#rest.push(bytes.slice());
  }

  #takeRest(): NumberedLine {
    const too_long = this.#skipping;
    const bytes = new Uint8Array(too_long ? 0 : this.#rest_bytes);
    let at = 0;
    for (const piece of this.#rest) {
      bytes.set(piece, at);
      at += piece.length;
    }
    this.#rest = [];
    this.#rest_bytes = 0;
    this.#skipping = false;
    return too_long ? this.#tooLong() : this.#decoded(bytes);
  }

  /** `block` is whole lines without the last line feed. */
  #split(block: Uint8Array, lines: NumberedLine[]): void {
    const text = decoder.decode(block);
    if (!text.includes(REPLACEMENT)) {
      for (const line of text.split("\n")) {
        lines.push(line.length > LINE_BYTES_MAX ? this.#tooLong() : this.#numbered(line));
      }
      return;
    }
    for (let from = 0; from <= block.length;) {
      const found = block.indexOf(LINE_FEED, from);
      const end = found < 0 ? block.length : found;
      const bytes = block.subarray(from, end);
      lines.push(bytes.length > LINE_BYTES_MAX ? this.#tooLong() : this.#decoded(bytes));
      from = end + 1;
    }
  }

  #decoded(bytes: Uint8Array): NumberedLine {
    const text = decoder.decode(bytes);
    if (!text.includes(REPLACEMENT)) return this.#numbered(text);
    try {
      return this.#numbered(strict_decoder.decode(bytes));
    } catch {
      return { ...this.#numbered(""), fault: "the line is not UTF-8" };
    }
  }

  #numbered(text: string): NumberedLine {
    this.#number++;
    const marked = this.#number === 1 && text.startsWith(BYTE_ORDER_MARK);
    return { number: this.#number, text: marked ? text.slice(1) : text };
  }

  #tooLong(): NumberedLine {
    return { ...this.#numbered(""), fault: `the line has more than ${LINE_BYTES_MAX} bytes` };
  }
}
