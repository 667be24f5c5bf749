/**
 * YAML (and JSON, which is YAML) with the place of each fault: what the syntax says is wrong, and what
 * a schema says of the value at a path, both as line and column.
 */
import { type Document, isCollection, LineCounter, parseDocument, visit } from "yaml";
import type { z } from "zod";

export interface Place {
  /** From 1. */
  line: number;
  column: number;
}

export interface PlacedFault extends Place {
  message: string;
}

/** A file that cannot be used; the message has a line for each fault: `name:line:column: …`. */
export class PlacedError extends Error {
  override readonly name: string = "PlacedError";
  /** A wrong file is a wrong configuration: the message says what is wrong with it. */
  readonly exit_code = 2;
  readonly faults: readonly PlacedFault[];

  constructor(file: string, faults: readonly PlacedFault[]) {
    super(
      faults.map(({ line, column, message }) => `${file}:${line}:${column}: ${message}`)
        .join("\n"),
    );
    this.faults = faults;
  }
}

export interface Yaml {
  /** What stands there, as plain data. */
  value: unknown;
  placeOf(path: readonly PropertyKey[]): Place;
}

/**
 * Reads a text.
 *
 * @param options.first_line where the text begins in its file, from 1
 * @throws PlacedError when it is no YAML
 */
export function readYaml(text: string, options: { file: string; first_line?: number }): Yaml {
  const { file, first_line = 1 } = options;
  const lines = new LineCounter();
  const document = parsed(text, lines, file);
  const at = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1) + first_line - 1, column: Math.max(col, 1) };
  };
  if (document.errors.length > 0) {
    throw new PlacedError(
      file,
      document.errors.map(({ pos: [offset], message }) => ({ ...at(offset), message })),
    );
  }
  return {
    value: valueOf(document, file),
    placeOf: (path) => {
      // of a key that is missing, where it would stand: in the thing around it
      for (let length = path.length; length >= 0; length--) {
        const node = document.getIn(path.slice(0, length), true);
        if (typeof node !== "object" || node === null || !("range" in node)) continue;
        const [offset = 0] = Array.isArray(node.range) ? node.range : [];
        return at(offset);
      }
      const range = isCollection(document.contents) ? document.contents.range : undefined;
      return at(range?.[0] ?? 0);
    },
  };
}

/** What is wrong with a whole file stands at its beginning. */
function wholeFault(file: string, message: string): PlacedError {
  return new PlacedError(file, [{ line: 1, column: 1, message }]);
}

function parsed(text: string, lineCounter: LineCounter, file: string): Document.Parsed {
  try {
    return parseDocument(text, { lineCounter, prettyErrors: false });
  } catch (error) {
    // deeper than the parser's own stack
    if (error instanceof RangeError) throw wholeFault(file, "must not be nested that deep");
    throw error instanceof Error ? wholeFault(file, error.message) : error;
  }
}

/** Aliases can make a value that is endless, or far larger than its text. */
function valueOf(document: Document.Parsed, file: string): unknown {
  try {
    // before the value is made: that takes the longer the more often it refers to itself
    if (refersToItself(document)) {
      throw wholeFault(file, "must not contain an alias (*name) of what it is a part of");
    }
    return document.toJS();
  } catch (error) {
    if (error instanceof RangeError) throw wholeFault(file, "must not be nested that deep");
    if (error instanceof PlacedError || !(error instanceof Error)) throw error;
    // what the parser says of a text: an alias of nothing, more than would fit, a name of odd signs
    throw wholeFault(file, error.message);
  }
}

/** An alias names what stands before it, so it can only close a circle with what it stands in. */
function refersToItself(document: Document.Parsed): boolean {
  let found = false;
  visit(document, {
    Alias(_, { source }, path) {
      found = path.some((around) => isCollection(around) && around.anchor === source);
      return found ? visit.BREAK : undefined;
    },
  });
  return found;
}

/**
 * What a schema makes of it.
 *
 * @throws PlacedError with every fault
 */
export function readPlaced<T>(yaml: Yaml, schema: z.ZodType<T>, file: string): T {
  const parsed = schema.safeParse(yaml.value);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.flatMap((issue) => {
    if (issue.code !== "unrecognized_keys") {
      const message = [pathText(issue.path), issue.message].filter((text) => text !== "").join(" ");
      return [{ ...yaml.placeOf(issue.path), message }];
    }
    return issue.keys.map((key) => ({
      ...yaml.placeOf([...issue.path, key]),
      message: `${pathText([...issue.path, key])} is no setting there is`,
    }));
  });
  throw new PlacedError(file, faults);
}

function pathText(path: readonly PropertyKey[]): string {
  return path.reduce<string>(
    (text, key) =>
      typeof key === "number"
        ? `${text}[${key}]`
        : text === ""
        ? String(key)
        : `${text}.${String(key)}`,
    "",
  );
}
