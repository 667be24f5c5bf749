/**
 * From a script's file to the one text its Worker runs. The Worker gets no file to import: trusted
 * code reads it, removes the types and refuses every import that is left (imports.ts says why).
 *
 * Relative imports are to be linked here: their text read, stripped and joined to one module.
 */
import { importLine } from "./imports.ts";
import { firstLines, type TypeStripper } from "./strip.ts";

/** A collector is a page or two; this is fifty of them. */
export const SCRIPT_BYTES_MAX = 128 * 1024;

export interface LinkedScript {
  /** JavaScript, one module without imports. */
  text: string;
  /** SHA-256 of the file, as hex: what an approval can be pinned to. */
  hash: string;
}

/** A script that cannot be run at all. The message is for its author. */
export class LinkError extends Error {
  override readonly name = "LinkError";
}

/** Reads a script and makes it ready to run. Throws LinkError. */
export async function linkScript(
  file: string | URL,
  options: { stripper: TypeStripper },
): Promise<LinkedScript> {
  let bytes: Uint8Array<ArrayBuffer>;
  try {
    bytes = await Deno.readFile(file);
  } catch (error) {
    throw new LinkError(`cannot be read: ${firstLines(error)}`);
  }
  if (bytes.length > SCRIPT_BYTES_MAX) {
    throw new LinkError(
      `must have at most ${SCRIPT_BYTES_MAX / 1024} kB: it has ${
        Math.ceil(bytes.length / 1024)
      } kB`,
    );
  }
  const source = new TextDecoder().decode(bytes);
  const stripped = /\.m?js$/.test(String(file))
    ? { text: source }
    : await options.stripper.strip(source);
  if ("fault" in stripped) throw new LinkError(`is not valid TypeScript: ${stripped.fault}`);
  const line = importLine(stripped.text);
  if (line !== undefined) {
    throw new LinkError(`must be one file without imports (import type is fine): see line ${line}`);
  }
  const digest = await crypto.subtle.digest("SHA-256", bytes);
  return { text: stripped.text, hash: new Uint8Array(digest).toHex() };
}
