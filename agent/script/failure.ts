/** How commands about collectors end when something is wrong; the program tells it. */

/** The command line cannot be meant: exit code 2. */
export class ScriptUsageError extends Error {
  override readonly name = "ScriptUsageError";
  readonly exit_code = 2;

  constructor(message: string) {
    super(`error: ${message}`);
  }
}

/** It was tried, and did not work: exit code 1. */
export class ScriptFailure extends Error {
  override readonly name = "ScriptFailure";
  readonly hint: string;

  constructor(message: string, options: { hint: string; cause?: unknown }) {
    super(message, { cause: options.cause });
    this.hint = options.hint;
  }
}
