/**
 * Writes a tar archive (POSIX ustar) of a directory: files and symbolic links, sorted, without
 * owners and times, so that the same files make the same archive. db/embedded/tar.ts reads it.
 */
import { join } from "node:path";
import { TAR_BLOCK } from "../../db/embedded/tar.ts";

const NAME_BYTES_MAX = 100;

interface Member {
  path: string;
  /** "0": a file, "2": a symbolic link. */
  type: "0" | "2";
  executable: boolean;
  link: string;
  content: Uint8Array;
}

/** The archive in pieces. */
export async function* writeTar(dir: string): AsyncGenerator<Uint8Array> {
  for (const path of (await pathsBelow(dir)).sort()) {
    const member = await readMember(dir, path);
    yield header(member);
    yield member.content;
    yield new Uint8Array(-member.content.length & (TAR_BLOCK - 1));
  }
  // two empty blocks are the end
  yield new Uint8Array(2 * TAR_BLOCK);
}

async function pathsBelow(dir: string, prefix = ""): Promise<string[]> {
  const paths: string[] = [];
  for await (const entry of Deno.readDir(join(dir, prefix))) {
    const path = prefix + entry.name;
    if (entry.isDirectory) paths.push(...await pathsBelow(dir, `${path}/`));
    else paths.push(path);
  }
  return paths;
}

async function readMember(dir: string, path: string): Promise<Member> {
  const file = join(dir, path);
  const { isSymlink, mode } = await Deno.lstat(file);
  return {
    path,
    type: isSymlink ? "2" : "0",
    executable: ((mode ?? 0) & 0o100) !== 0,
    link: isSymlink ? await Deno.readLink(file) : "",
    content: isSymlink ? new Uint8Array(0) : await Deno.readFile(file),
  };
}

function header(member: Member): Uint8Array {
  const block = new Uint8Array(TAR_BLOCK);
  const put = (text: string, start: number) => block.set(new TextEncoder().encode(text), start);
  const octal = (value: number, digits: number) => `${value.toString(8).padStart(digits, "0")}\0`;
  const { prefix, name } = splitPath(member.path);
  put(name, 0);
  put(octal(member.executable ? 0o755 : 0o644, 7), 100);
  put(octal(0, 7), 108);
  put(octal(0, 7), 116);
  put(octal(member.content.length, 11), 124);
  put(octal(0, 11), 136);
  put(" ".repeat(8), 148);
  put(member.type, 156);
  put(member.link, 157);
  put("ustar\x0000", 257);
  put(prefix, 345);
  put(`${octal(block.reduce((sum, byte) => sum + byte, 0), 6)} `, 148);
  return block;
}

/** A name has room for 100 bytes; what is longer is cut in two at a `/`. */
function splitPath(path: string): { prefix: string; name: string } {
  const bytes = (text: string) => new TextEncoder().encode(text).length;
  if (bytes(path) <= NAME_BYTES_MAX) return { prefix: "", name: path };
  const cut = path.indexOf("/", path.length - NAME_BYTES_MAX - 1);
  const [prefix, name] = [path.slice(0, cut), path.slice(cut + 1)];
  if (cut === -1 || bytes(name) > NAME_BYTES_MAX || bytes(prefix) > 155) {
    throw new Error(`BUG: "${path}" is too long for this archive`);
  }
  return { prefix, name };
}
