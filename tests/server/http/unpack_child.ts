/** Unpacks what is damaged, again and again; prints by how many bytes the process has grown meanwhile. */
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
    grown.push(-await sizeAfter(encoding) + await sizeAfter(encoding));
  }
  Deno.stdout.writeSync(new TextEncoder().encode(JSON.stringify(grown)));
}
