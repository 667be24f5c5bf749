/** A backup cannot be taken, read or restored, and what the operator can do about it. */
export class BackupError extends Error {
  override readonly name = "BackupError";
  /** One sentence without a full stop. */
  readonly hint: string;

  constructor(message: string, options: { hint: string; cause?: unknown }) {
    super(message, { cause: options.cause });
    this.hint = options.hint;
  }
}
