/** Why bytes could not be read back. */
export type CodecFault =
  /** They end before they should. */
  | "truncated"
  /** They contradict themselves or their checksum. */
  | "corrupt"
  /** They are of a version or format this program does not know. */
  | "unsupported";

/**
 * Stored bytes cannot be decoded. Never thrown for what a caller passes to an encoder: that is a
 * `RangeError`.
 */
export class CodecError extends Error {
  override readonly name = "CodecError";
  readonly fault: CodecFault;

  constructor(fault: CodecFault, message: string) {
    super(message);
    this.fault = fault;
  }
}
