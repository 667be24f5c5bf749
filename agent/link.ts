/**
 * From a script's file to the one text its Worker runs. The Worker gets no file to import: trusted
 * code reads the script and its own files, removes the types, and puts each imported file in the
 * place of its name, as a `data:` URL. That is a module as any other, with the bindings of the
 * language; what is left to import is only what is in the text already (imports.ts says why).
 *
 * Own files are those in the script's folder and below it. The agent may read more of the machine
 * than a script may, so that nothing outside, and nothing a link leads to outside, is read for one.
 * A URL within a URL is encoded once more, which lengthens it a little with every level.
 */
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { type OwnImport, ownImports } from "./imports.ts";
import { firstLines, type TypeStripper } from "./strip.ts";

/** A collector is a page or two; this is fifty of them. With all its own files. */
export const SCRIPT_BYTES_MAX = 128 * 1024;
/** Of the linked text: a file that is imported in several places stands in each of them. */
const LINKED_CHARS_MAX = 2 * 1024 * 1024;
/** How deep files may import files. */
const DEPTH_MAX = 8;

export interface LinkOptions {
  stripper: TypeStripper;
  /** JavaScript of one line, put in front of each file. Default: nothing. */
  prelude?: string;
}

export interface LinkedScript {
  /** JavaScript, one module that needs no other file. */
  text: string;
  /** SHA-256 of the text, as hex: what an approval can be pinned to. */
  hash: string;
  /** The files it was made of, the script's first. */
  files: string[];
}

/** A script that cannot be run at all. The message is for its author. */
export class LinkError extends Error {
  override readonly name = "LinkError";
}

/** Reads a script and makes it ready to run. Throws LinkError. */
export async function linkScript(
  file: string | URL,
  options: LinkOptions,
): Promise<LinkedScript> {
  const path = file instanceof URL ? fileURLToPath(file) : file;
  const linker = new Linker({ ...options, folder: dirname(path) });
  const text = await linker.link(path, []);
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return { text, hash: new Uint8Array(digest).toHex(), files: [...linker.files] };
}

class Linker {
  readonly files = new Set<string>();
  readonly #stripper: TypeStripper;
  readonly #prelude: string;
  readonly #folder: string;
  readonly #linked = new Map<string, string>();
  #bytes = 0;

  constructor(options: LinkOptions & { folder: string }) {
    this.#stripper = options.stripper;
    this.#prelude = options.prelude ?? "";
    this.#folder = options.folder;
  }

  /** The text of a file and of all it imports. `above` are the files that lead to it. */
  async link(path: string, above: readonly string[]): Promise<string> {
    const known = this.#linked.get(path);
    if (known !== undefined) return known;
    const text = await this.#read(path);
    const found = ownImports(text);
    if ("refused" in found) {
      throw new LinkError(
        `may import nothing but own files, as in import { x } from "./lib/x.ts" ` +
          `(import type is fine): see ${this.#place(path, found.refused)}`,
      );
    }
    let linked = this.#prelude;
    let done = 0;
    for (const own of found.imports) {
      const target = await this.#target(own, [...above, path]);
      const url = moduleUrl(target.name, await this.link(target.path, [...above, path]));
      linked += `${text.slice(done, own.from)}"${url}"`;
      done = own.to;
      if (linked.length > LINKED_CHARS_MAX) throw tooLong();
    }
    linked += text.slice(done);
    if (linked.length > LINKED_CHARS_MAX) throw tooLong();
    this.#linked.set(path, linked);
    return linked;
  }

  /** The file that an import means, if it may be read. */
  async #target(own: OwnImport, above: readonly string[]): Promise<{ path: string; name: string }> {
    const importer = above.at(-1) ?? "";
    const path = join(dirname(importer), own.specifier);
    const wrong = (why: string) =>
      new LinkError(`imports "${own.specifier}", ${why}: see ${this.#place(importer, own.line)}`);
    if (!/\.(ts|js|mjs)$/.test(path)) throw wrong("which must end in .ts, .js or .mjs");
    if (above.includes(path)) throw wrong("which imports this file in turn");
    if (above.length > DEPTH_MAX) throw wrong(`which is more than ${DEPTH_MAX} files deep`);
    const name = path.slice(join(this.#folder, "/").length);
    const outside = wrong("which is outside of the script's folder");
    if (join(this.#folder, name) !== path) throw outside;
    try {
      const [inner, outer] = await Promise.all([Deno.realPath(path), Deno.realPath(this.#folder)]);
      if (!inner.startsWith(join(outer, "/"))) throw outside;
    } catch (error) {
      if (error instanceof LinkError) throw error;
      throw wrong(
        error instanceof Deno.errors.NotFound ? "which does not exist" : "which cannot be read",
      );
    }
    return { path, name };
  }

  /** Its text, without types. */
  async #read(path: string): Promise<string> {
    const where = this.#place(path);
    this.files.add(path);
    let bytes: Uint8Array<ArrayBuffer>;
    try {
      // Of a pipe the end would never come.
      if (!(await Deno.stat(path)).isFile) throw new Error("it is not a file");
      bytes = await Deno.readFile(path);
    } catch (error) {
      throw new LinkError(`cannot be read${where && ` (${where})`}: ${firstLines(error)}`);
    }
    this.#bytes += bytes.length;
    if (this.#bytes > SCRIPT_BYTES_MAX) {
      const has = Math.ceil(this.#bytes / 1024);
      throw new LinkError(
        `must have at most ${SCRIPT_BYTES_MAX / 1024} kB, with all it imports: it has ${has} kB`,
      );
    }
    const source = new TextDecoder().decode(bytes);
    const stripped = /\.m?js$/.test(path) ? { text: source } : await this.#stripper.strip(source);
    if (!("fault" in stripped)) return stripped.text;
    throw new LinkError(`is not valid TypeScript: ${stripped.fault}${where && ` of ${where}`}`);
  }

  /** "line 3", "line 3 of lib/x.ts"; of the script's own file only the line. */
  #place(path: string, line?: number): string {
    const [script] = this.files;
    const name = path === script || script === undefined
      ? ""
      : path.slice(join(this.#folder, "/").length);
    return [line === undefined ? "" : `line ${line}`, name].filter(Boolean).join(" of ");
  }
}

function tooLong(): LinkError {
  return new LinkError(
    `must have at most ${LINKED_CHARS_MAX / 1024 / 1024} MB when all it imports is put together`,
  );
}

/**
 * Stands in quotes where a name stood, also when those are within a comment or another text: so it
 * holds no quote and no end of a comment. Its beginning, which is all that stacks show, is the
 * file's name.
 */
function moduleUrl(name: string, text: string): string {
  const encoded = encodeURIComponent(text).replaceAll("'", "%27");
  return `data:text/javascript,%2F*${encodeURIComponent(name)}*%2F${encoded}`;
}
