/**
 * The one door to stdout and stderr. Data goes out, everything else goes to err. What stands on the
 * other side (a person's terminal, a pipe, a file) decides about width and colours.
 */

export interface Terminal {
  /** Writes data. Throws Deno.errors.BrokenPipe when the reader has gone (`| head`). */
  out(text: string): void;
  /** Writes anything a program reading the data must not see. Never throws. */
  err(text: string): void;
  /** Whether a person reads stdout (or stderr). */
  out_is_terminal: boolean;
  err_is_terminal: boolean;
  /** Width of stdout in cells; Infinity when no person reads it, so that nothing is cut. */
  columns: number;
  /** Whether stdout may carry colours: a terminal, and `NO_COLOR` is not set. */
  colours: boolean;
}

/** A terminal of no known width gets what it had in 1978. */
const COLUMNS_DEFAULT = 80;

const encoder = new TextEncoder();

function writeAll(file: { writeSync(bytes: Uint8Array): number }, text: string): void {
  let bytes = encoder.encode(text);
  while (bytes.length > 0) bytes = bytes.subarray(file.writeSync(bytes));
}

function columnsOf(is_terminal: boolean): number {
  if (!is_terminal) return Infinity;
  try {
    return Deno.consoleSize().columns || COLUMNS_DEFAULT;
  } catch {
    return COLUMNS_DEFAULT;
  }
}

/** The terminal this process was started in. */
export function systemTerminal(): Terminal {
  const out_is_terminal = Deno.stdout.isTerminal();
  return {
    out: (text) => writeAll(Deno.stdout, text),
    err: (text) => {
      try {
        writeAll(Deno.stderr, text);
      } catch {
        // nobody reads what goes wrong: nothing to tell and nobody to tell it to
      }
    },
    out_is_terminal,
    err_is_terminal: Deno.stderr.isTerminal(),
    columns: columnsOf(out_is_terminal),
    colours: out_is_terminal && !Deno.noColor && Deno.env.get("TERM") !== "dumb",
  };
}

/** Wraps `text` in an ANSI style, or returns it as it is where colours are not wanted. */
export function styled(
  terminal: Pick<Terminal, "colours">,
  style: "bold" | "dim",
  text: string,
): string {
  if (!terminal.colours) return text;
  return style === "bold" ? `\x1b[1m${text}\x1b[22m` : `\x1b[2m${text}\x1b[22m`;
}

/** How the person at the terminal calls this program: examples must work as they stand. */
export function programName(): string {
  return Deno.build.standalone ? "monitor" : "deno task monitor";
}
