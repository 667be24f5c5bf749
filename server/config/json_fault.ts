/**
 * Where a text stops being JSON. The engine's own message leaves the place out in the most common
 * cases, and quotes the text around it, which in a configuration may be a password.
 */

/** One token at the front of the rest: punctuation, a string, a number, or a word. */
const TOKEN =
  // deno-lint-ignore no-control-regex -- JSON forbids control characters inside strings
  /[{}[\],:]|"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.])|\b(?:true|false|null)\b/y;

interface Place {
  line: number;
  column: number;
  /** What would have been right there. */
  wanted: string;
}

class Scanner {
  #text: string;
  offset = 0;
  constructor(text: string) {
    this.#text = text;
  }
  /** The next token without taking it; "" at the end, undefined where there is none. */
  peek(): string | undefined {
    while (/[ \t\r\n]/.test(this.#text[this.offset] ?? "")) this.offset++;
    if (this.offset >= this.#text.length) return "";
    TOKEN.lastIndex = this.offset;
    return TOKEN.exec(this.#text)?.[0];
  }
  take(token: string): boolean {
    if (this.peek() !== token) return false;
    this.offset += token.length;
    return true;
  }
}

/** Takes `item` separated by commas up to `end`; returns what was wanted where that fails. */
function list(scanner: Scanner, end: string, item: () => string | undefined): string | undefined {
  if (scanner.take(end)) return undefined;
  while (true) {
    const fault = item();
    if (fault !== undefined) return fault;
    if (scanner.take(end)) return undefined;
    if (!scanner.take(",")) return `a comma or ${end}`;
  }
}

function value(scanner: Scanner): string | undefined {
  if (scanner.take("{")) return list(scanner, "}", () => member(scanner));
  if (scanner.take("[")) return list(scanner, "]", () => value(scanner));
  const token = scanner.peek();
  if (!token || /^[}\],:]$/.test(token)) return "a value (texts in double quotes)";
  scanner.take(token);
  return undefined;
}

function member(scanner: Scanner): string | undefined {
  const key = scanner.peek();
  if (!key?.startsWith('"')) return "a name in double quotes";
  scanner.take(key);
  return scanner.take(":") ? value(scanner) : "a colon";
}

/** Undefined when `text` is JSON. Lines and columns count from 1. */
export function jsonFault(text: string): Place | undefined {
  const scanner = new Scanner(text);
  const wanted = value(scanner) ?? (scanner.peek() === "" ? undefined : "the end of the file");
  if (wanted === undefined) return undefined;
  const before = text.slice(0, scanner.offset).split("\n");
  return { line: before.length, column: (before.at(-1) ?? "").length + 1, wanted };
}
