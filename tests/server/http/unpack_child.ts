/**
 * Unpacks what is damaged, again and again; prints by how many bytes the process grows in a round of it.
 * The least of several: an allocator takes more at once now and then, what is kept is kept in each.
 */
import * as zlib from "node:zlib";
import { unpack } from "../../../server/http/unpack.ts";

/** Of one-call functions 10,000 keep 250 MB (gzip) and 70 MB (zstd). */
const TIMES = 10_000;
const PACK = { gzip: zlib.gzipSync, zstd: zlib.zstdCompressSync };

async function sizeAfter(encoding: keyof typeof PACK): Promise<number> {
  const packed = new Uint8Array(PACK[encoding](new Uint8Array(2_000)));
  packed[2] = 0xff;
  for (let i = 0; i < TIMES; i++) {
    await unpack(packed, { encoding, bytes_max: 65_536 }).catch(() => {});
  }
  // V8 is started with --expose-gc
  (globalThis as { gc?: () => void }).gc?.();
  return Deno.memoryUsage().rss;
}

if (import.meta.main) {
  const grown = [];
  for (const encoding of ["gzip", "zstd"] as const) {
    const sizes: number[] = [];
    for (let round = 0; round < 4; round++) sizes.push(await sizeAfter(encoding));
    const later = sizes.slice(1);
    grown.push(Math.min(...later.map((size, i) => size - (sizes[i] ?? 0))));
  }
  Deno.stdout.writeSync(new TextEncoder().encode(JSON.stringify(grown)));
}
