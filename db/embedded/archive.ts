/**
 * The archive with PostgreSQL's program files in a compiled program. Nothing of it is read before it
 * is unpacked: an agent, or a server with a PostgreSQL of its operator's, pays no memory for it.
 *
 * It lies inside the program as a file, or in the program's own file at a known place before what
 * Deno reads at the start. A description beside it says where, and its SHA-256.
 */
import { join } from "node:path";
import { EmbeddedError } from "./error.ts";

/** Inside a compiled program, in the folder of this module. */
export const PACKED_FOLDER = "packed";
export const ARCHIVE_NAME = "postgres.tar.zst";
export const DESCRIPTION_NAME = "postgres.json";

export interface ArchiveDescription {
  /** Of the `PostgresFiles` it was packed from. */
  id: string;
  /** Of the archive as it is, hexadecimal. */
  sha256: string;
  bytes: number;
  /** Where it begins in the program's own file. Without it there is a file beside the description. */
  offset?: number;
}

/** Throws `EmbeddedError` when there is no archive. */
export async function readDescription(folder: string): Promise<ArchiveDescription> {
  try {
    // written by tools/compile/stage.ts into the same program
    return JSON.parse(
      await Deno.readTextFile(join(folder, DESCRIPTION_NAME)),
    ) as ArchiveDescription;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    const { os, arch } = Deno.build;
    throw new EmbeddedError(`this program was built without it, for ${os} on ${arch}`, {
      hint: 'set "database" in server_config.json to a PostgreSQL of your own',
      cause: error,
    });
  }
}
