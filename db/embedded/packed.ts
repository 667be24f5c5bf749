/**
 * PostgreSQL's program files as a compiled program brings them. It starts itself once more to unpack
 * them: what is unpacked passes through memory that is not given back, 60 MB, and a server runs for
 * months.
 */
import { join } from "node:path";
import { EmbeddedError } from "./error.ts";
import { PACKED_FOLDER, readDescription } from "./archive.ts";
import type { PostgresFiles } from "./files.ts";

/** With this argument and a directory, a compiled program unpacks its archive and ends. */
export const UNPACK_ARGUMENT = "--unpack-postgres";

/** What that process says on stdout when it fails. */
interface Failure {
  reason: string;
  hint: string;
}

const FOLDER = join(import.meta.dirname ?? "", PACKED_FOLDER);

/** The archive this program was compiled with. Throws `EmbeddedError` when there is none. */
export async function packedPostgresFiles(): Promise<PostgresFiles> {
  const { id } = await readDescription(FOLDER);
  return { id, unpackInto: unpackInProcess };
}

async function unpackInProcess(target: string, signal?: AbortSignal): Promise<void> {
  const output = await new Deno.Command(Deno.execPath(), {
    args: [UNPACK_ARGUMENT, target],
    stdin: "null",
    signal,
  }).output();
  signal?.throwIfAborted();
  if (output.success) return;
  const failure = readFailure(new TextDecoder().decode(output.stdout));
  if (failure !== undefined) throw new EmbeddedError(failure.reason, failure);
  const words = new TextDecoder().decode(output.stderr).trim();
  throw new EmbeddedError(`its files were not unpacked: ${words || output.signal || output.code}`, {
    hint: "start monitor again",
  });
}

function readFailure(text: string): Failure | undefined {
  try {
    // written by unpackForParent(), or cut short
    return JSON.parse(text) as Failure;
  } catch {
    return undefined;
  }
}

/** The other side: does it, and resolves to the exit code. */
export async function unpackForParent(target: string): Promise<number> {
  const { unpackArchive } = await import("./unpack.ts");
  try {
    await unpackArchive(FOLDER, target);
    return 0;
  } catch (error) {
    if (!(error instanceof EmbeddedError)) throw error;
    const failure: Failure = { reason: error.reason, hint: error.hint };
    await Deno.stdout.write(new TextEncoder().encode(JSON.stringify(failure)));
    return 1;
  }
}
