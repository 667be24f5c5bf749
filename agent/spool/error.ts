/** Why a spool cannot be used. */

/** Another agent has it. */
export class SpoolInUse extends Error {
  override readonly name = "SpoolInUse";
  readonly hint =
    "Stop that agent, or give this one a directory of its own: --data DIR or spool.dir";

  constructor(dir: string, pid: number | undefined) {
    const process = pid === undefined ? "another agent" : `another agent, process ${pid},`;
    super(`Cannot use the spool ${JSON.stringify(dir)}: ${process} uses it`);
  }
}

/** Its segments are of a newer program. */
export class SpoolForeign extends Error {
  override readonly name = "SpoolForeign";

  constructor() {
    super("it was written by a newer version of monitor");
  }
}

/** The system's reason, without number and path. */
export function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.replace(/ \(os error \d+\).*$/s, "");
}

/** The file is not there any more, or the disk cannot read it: asking again does not help. */
export function isGone(error: unknown): boolean {
  if (error instanceof Deno.errors.NotFound) return true;
  return error instanceof Error && Reflect.get(error, "code") === "EIO";
}
