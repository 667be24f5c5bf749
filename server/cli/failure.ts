/**
 * How the program ends when something goes wrong.
 *
 * Whoever throws decides what the person sees, by the shape of the error; no class has to be
 * imported for it, so that every layer can take part:
 *
 *   `hint: string`       trouble in the world. Three lines: what failed (`message`), why (`cause`),
 *                        what to do (`hint`). Exit code 1.
 *   `exit_code: number`  ends the program with this code. 2 is a wrong command line or
 *                        configuration; its message stands for itself.
 *   neither              a mistake of ours. The stack is always shown. Exit code 1.
 *
 * A stack is never shown for the first two, unless `--verbose` asks for the chain of causes.
 */

/** An error for the person at the terminal, with what to do about it. */
export class CommandError extends Error {
  override name = "CommandError";
  readonly hint: string;
  /** `cause` is told as the reason: an error, or a sentence. */
  constructor(message: string, options: { hint: string; cause?: unknown }) {
    super(message, { cause: options.cause });
    this.hint = options.hint;
  }
}

/** The command line cannot be meant: ends with exit code 2. `message` says what would be right. */
export class UsageError extends Error {
  override name = "UsageError";
  readonly exit_code = 2;
  constructor(message: string) {
    super(`error: ${message}`);
  }
}

interface Failure {
  /** What to write to stderr, newline included; may be empty. */
  text: string;
  exit_code: number;
}

function property(error: Error, key: "hint" | "exit_code"): unknown {
  return key in error ? Reflect.get(error, key) : undefined;
}

function reason(cause: unknown): string | undefined {
  if (cause instanceof Error) return cause.message;
  return cause === undefined || cause === null ? undefined : String(cause);
}

function chain(error: Error): string {
  const lines: string[] = [];
  let at: unknown = error;
  while (at instanceof Error && lines.length < 10) {
    lines.push(at.stack ?? `${at.name}: ${at.message}`);
    at = at.cause;
  }
  return lines.join("\ncaused by: ");
}

/** What to tell about an error that nobody caught, and how to end. */
export function explainFailure(error: unknown, options: { verbose: boolean }): Failure {
  // `monitor latest | head`: the reader has what it wanted
  if (error instanceof Deno.errors.BrokenPipe) return { text: "", exit_code: 0 };
  if (!(error instanceof Error)) {
    return { text: `BUG: something was thrown that is no error: ${error}\n`, exit_code: 1 };
  }
  const hint = property(error, "hint");
  const code = property(error, "exit_code");
  if (typeof hint !== "string" && typeof code !== "number") {
    return {
      text: `BUG: ${chain(error)}\n\nThis is a mistake in monitor, please report it.\n`,
      exit_code: 1,
    };
  }
  const exit_code = typeof code === "number" ? code : 1;
  const why = reason(error.cause);
  const lines = [
    exit_code === 2 ? error.message : `error: ${error.message}`,
    ...(why === undefined ? [] : [`  why: ${why}`]),
    ...(typeof hint === "string" ? [`  try: ${hint}`] : []),
    ...(options.verbose ? ["", chain(error)] : []),
  ];
  return { text: lines.join("\n") + "\n", exit_code };
}
