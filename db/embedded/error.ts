/** The errors of the embedded PostgreSQL. All carry a `hint`: what the operator can do about it. */

/** PostgreSQL could not be unpacked, initialised, started or stopped. */
export class EmbeddedError extends Error {
  override readonly name = "EmbeddedError";
  /** What to do, as one sentence without a full stop. */
  readonly hint: string;
  /** The message without its beginning. */
  readonly reason: string;

  constructor(reason: string, options: { hint: string; cause?: unknown }) {
    super(`Cannot start PostgreSQL: ${reason}`, { cause: options.cause });
    this.reason = reason;
    this.hint = options.hint;
  }
}

/** Another live `monitor` owns the data directory. */
export class DataDirectoryInUse extends Error {
  override readonly name = "DataDirectoryInUse";
  readonly data_dir: string;
  /** The process that owns it; undefined when it has not written its id yet. */
  readonly pid: number | undefined;
  readonly hint: string;

  constructor(data_dir: string, pid: number | undefined) {
    const owner = pid === undefined ? "another monitor" : `monitor with process id ${pid}`;
    super(`Cannot use data directory "${data_dir}": ${owner} is running on it`);
    this.data_dir = data_dir;
    this.pid = pid;
    this.hint = "stop the other one, or give this one a directory of its own with --data";
  }
}

/** The text of anything thrown. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
