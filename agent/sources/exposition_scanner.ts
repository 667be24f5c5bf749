/**
 * One sample line of Prometheus text or OpenMetrics, from left to right:
 *
 *   name{label="value",other="a \"b\""} 12.5 1700000000000 # {trace_id="x"} 0.5
 *
 * Also the form of Prometheus 3, in which a name that needs quotes stands among the labels:
 * `{"my.name",label="value"} 1`. Faults are thrown as LineFault and caught by exposition.ts.
 */
import type { Label } from "./series_name.ts";

/** What stands before the value. */
export interface SeriesHead {
  readonly metric: string;
  readonly labels: readonly Label[];
}

export interface SampleLine {
  head: SeriesHead;
  /** May be NaN or infinite. */
  value: number;
  /** As written: milliseconds in Prometheus text, seconds in OpenMetrics. */
  timestamp?: number;
}

/** What is wrong with a line, and where: columns are counted from 1. */
export class LineFault extends Error {
  override readonly name = "LineFault";
  readonly column: number;
  constructor(message: string, at: number) {
    super(message);
    this.column = at + 1;
  }
}

const NAME = /[a-zA-Z_:][a-zA-Z0-9_:]*/y;
const SPACES = /[ \t]*/y;
const WORD = /[^ \t]+/y;
const STRING = /"(?:[^"\\]|\\.)*"/y;
const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
const SPECIAL: Record<string, number> = {
  nan: NaN,
  inf: Infinity,
  infinity: Infinity,
};

/** A number as Go writes it; undefined when it is none. */
export function readNumber(text: string): number | undefined {
  if (NUMBER.test(text)) return Number(text);
  const [, sign = "", word = ""] = /^([+-]?)([a-zA-Z]+)$/.exec(text) ?? [];
  const key = word.toLowerCase();
  const special = Object.hasOwn(SPECIAL, key) ? SPECIAL[key] : undefined;
  return special === undefined ? undefined : sign === "-" ? -special : special;
}

export function unescapedLabel(text: string): string {
  if (!text.includes("\\")) return text;
  return text.replaceAll(/\\(.)/g, (_, char: string) => char === "n" ? "\n" : char);
}

export class LineScanner {
  at = 0;
  constructor(readonly line: string) {}

  /** What a sticky pattern matches here, or "". */
  take(pattern: RegExp): string {
    pattern.lastIndex = this.at;
    const text = pattern.exec(this.line)?.[0] ?? "";
    this.at += text.length;
    return text;
  }

  takeChar(char: string): boolean {
    this.take(SPACES);
    if (this.line[this.at] !== char) return false;
    this.at++;
    return true;
  }

  /** Name and labels. */
  series(): SeriesHead {
    let metric = this.take(NAME);
    const labels: Label[] = [];
    const name_end = this.at;
    if (!this.takeChar("{")) {
      this.at = name_end;
      if (metric === "") throw new LineFault("here must be the name of a metric", this.at);
      return { metric, labels };
    }
    while (!this.takeChar("}")) {
      const start = this.at;
      const quoted_name = this.take(STRING);
      const name = quoted_name === "" ? this.take(NAME) : unescapedLabel(quoted_name.slice(1, -1));
      if (name === "") throw new LineFault("here must be the name of a label", this.at);
      if (this.takeChar("=")) labels.push([name, this.#labelValue(labels, name)]);
      else if (quoted_name !== "" && metric === "") metric = name;
      else throw new LineFault("here must be =", quoted_name === "" ? this.at : start);
      if (!this.takeChar(",") && this.line[this.at] !== "}") {
        throw new LineFault("here must be a comma or }", this.at);
      }
    }
    if (metric === "") throw new LineFault("here must be the name of a metric", 0);
    return { metric, labels };
  }

  #labelValue(labels: readonly Label[], name: string): string {
    this.take(SPACES);
    const value = this.take(STRING);
    if (value === "") throw new LineFault("here must be a value in double quotes", this.at);
    if (labels.some(([other]) => other === name)) {
      throw new LineFault(`label ${name} is given twice`, this.at - value.length);
    }
    return unescapedLabel(value.slice(1, -1));
  }

  /** The value, perhaps a time, and for OpenMetrics perhaps an exemplar, which is passed over. */
  numbers(options: { exemplars: boolean }): { value: number; timestamp?: number } {
    this.take(SPACES);
    const value = this.#number("a value");
    this.take(SPACES);
    if (this.#over(options)) return { value };
    const timestamp = this.#number("a time");
    this.take(SPACES);
    if (this.#over(options)) return { value, timestamp };
    throw new LineFault("here must be the end of the line", this.at);
  }

  #number(what: string): number {
    const start = this.at;
    const number = readNumber(this.take(WORD));
    if (number === undefined) throw new LineFault(`here must be ${what}`, start);
    return number;
  }

  #over({ exemplars }: { exemplars: boolean }): boolean {
    return this.at === this.line.length || (exemplars && this.line[this.at] === "#");
  }
}

/**
 * Reads a whole sample line. Throws LineFault. An exporter shows the same heads every time: what
 * `known` has of them by their text is not read again, which is four fifths of the work.
 */
export function readSampleLine(
  line: string,
  options: { exemplars: boolean; known: Map<string, SeriesHead> },
): SampleLine {
  const { known } = options;
  const scanner = new LineScanner(line);
  // A guess. Only whole heads are known, and whatever begins with one is read as that one.
  const brace = line.lastIndexOf("}");
  const end = brace === -1 ? line.indexOf(" ") : brace + 1;
  let head = end > 0 ? known.get(line.slice(0, end)) : undefined;
  if (head === undefined) {
    const read = scanner.series();
    const text = line.slice(0, scanner.at);
    // the guess was wrong, and it may be known all the same: a series has one head
    head = known.get(text) ?? read;
    known.set(text, head);
  } else scanner.at = end;
  return { head, ...scanner.numbers(options) };
}
