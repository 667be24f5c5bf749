/** An installation cannot be moved, and what the operator can do about it. */
export class TransferError extends Error {
  override readonly name = "TransferError";
  /** One sentence without a full stop. */
  readonly hint: string;

  constructor(message: string, options: { hint: string; cause?: unknown }) {
    super(message, { cause: options.cause });
    this.hint = options.hint;
  }
}
