/** Packs PostgreSQL's program files for a platform into the archive db/embedded/unpack.ts unpacks. */
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { constants, zstdCompressSync } from "node:zlib";
import type { ArchiveDescription } from "../../db/embedded/archive.ts";
import { npmPostgresFiles } from "../../db/embedded/npm_package.ts";
import { writeTar } from "./tar.ts";
import type { Target } from "./target.ts";

/** Half a minute for 16.7 MB; level 12 makes it 2 MB more. The result is kept. */
const ZSTD_LEVEL = 19;

export interface PackedPostgres extends ArchiveDescription {
  /** Where the archive lies on this machine. */
  path: string;
}

/** Makes the archive in `cache_dir`, unless one of the same files is there. */
export async function packPostgres(target: Target, cache_dir: string): Promise<PackedPostgres> {
  const files = npmPostgresFiles(target);
  const tar = await tarOf((dir) => files.unpackInto(dir));
  // named by what is in it: a change of what is packed makes another archive
  const content = createHash("sha256").update(tar).digest("hex").slice(0, 16);
  const path = join(cache_dir, `postgres-${files.id}-${content}.tar.zst`);
  const archive = await readIfThere(path) ?? await compress(tar, path);
  const sha256 = createHash("sha256").update(archive).digest("hex");
  return { id: files.id, sha256, bytes: archive.length, path };
}

async function tarOf(fill: (dir: string) => Promise<void>): Promise<Uint8Array> {
  const dir = await Deno.makeTempDir({ prefix: "monitor-postgres-" });
  try {
    await fill(dir);
    return Buffer.concat(await Array.fromAsync(writeTar(dir)));
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

async function compress(tar: Uint8Array, path: string): Promise<Uint8Array> {
  const params = {
    [constants.ZSTD_c_compressionLevel]: ZSTD_LEVEL,
    [constants.ZSTD_c_checksumFlag]: 1,
  };
  const archive = zstdCompressSync(tar, { params });
  // a killed attempt must not leave half an archive under this name
  await Deno.writeFile(`${path}.part`, archive);
  await Deno.rename(`${path}.part`, path);
  return archive;
}

async function readIfThere(path: string): Promise<Uint8Array | undefined> {
  try {
    return await Deno.readFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
