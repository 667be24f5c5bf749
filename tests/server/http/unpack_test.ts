import assert from "node:assert/strict";
import * as zlib from "node:zlib";
import { isPacking, unpack, UnpackedTooLargeError } from "../../../server/http/unpack.ts";

const TEXT = new TextEncoder().encode(
  Array.from({ length: 50_000 }, (_, i) => `{"n":${Math.sin(i)}}`).join(),
);
const PACK = {
  gzip: zlib.gzipSync,
  "X-GZIP": zlib.gzipSync,
  deflate: zlib.deflateSync,
  zstd: zlib.zstdCompressSync,
};

Deno.test("unpack() gives back what was packed, up to exactly as much as is allowed", async () => {
  for (const [encoding, pack] of Object.entries(PACK)) {
    assert.ok(isPacking(encoding), encoding);
    for (const text of [TEXT, TEXT.subarray(0, 1), new Uint8Array()]) {
      const packed = new Uint8Array(pack(text));
      assert.deepEqual(await unpack(packed, { encoding, bytes_max: text.length }), text, encoding);
    }
    const packed = new Uint8Array(pack(TEXT));
    await assert.rejects(
      unpack(packed, { encoding, bytes_max: TEXT.length - 1 }),
      UnpackedTooLargeError,
    );
  }
  for (const other of ["br", "identity", "gzip, gzip", "__proto__"]) assert.ok(!isPacking(other));
});

Deno.test("unpack() of damaged texts rejects, and keeps nothing of them", async () => {
  for (const [encoding, pack] of Object.entries(PACK)) {
    const packed = new Uint8Array(pack(TEXT.subarray(0, 2_000)));
    packed[2] = 0xff;
    await assert.rejects(unpack(packed, { encoding, bytes_max: 65_536 }), encoding);
  }
  const child = new URL("./unpack_child.ts", import.meta.url).pathname;
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", "--v8-flags=--expose-gc", child],
    stderr: "inherit",
  }).output();
  const grown: number[] = JSON.parse(new TextDecoder().decode(stdout));
  assert.equal(grown.length, 2);
  for (const bytes of grown) assert.ok(bytes < 40e6, `${bytes} bytes more than before`);
});
