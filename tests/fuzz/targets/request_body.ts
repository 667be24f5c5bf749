/** Request bodies with and without compression: server/http/body.ts. */
import { systemClock } from "../../../clock.ts";
import assert from "node:assert/strict";
import * as zlib from "node:zlib";
import { BodyTooLargeError, BodyUnreadableError, withBody } from "../../../server/http/body.ts";
import { Turns } from "../../../server/http/turns.ts";
import type { Rng } from "../rng.ts";
import type { Target } from "../target.ts";
import { json } from "../words.ts";

const BYTES_MAX = 64 * 1024;
const TURNS = new Turns(systemClock.monotonic);
const ENCODINGS = [
  "gzip",
  "zstd",
  "deflate",
  "identity",
  "x-gzip",
  "br",
  "gzip, gzip",
  "__proto__",
];

/** What the first byte of an input says, and the others are: the encoding and the body. */
function packed(rng: Rng): Uint8Array {
  const plain = new TextEncoder().encode(
    rng.chance(0.1) ? json(rng, 2).repeat(rng.int(1, 2_000)) : json(rng, 3),
  );
  const kind = rng.below(ENCODINGS.length);
  const body = kind === 0 || kind === 4
    ? zlib.gzipSync(plain)
    : kind === 1
    ? zlib.zstdCompressSync(plain)
    : kind === 2
    ? zlib.deflateSync(plain)
    : plain;
  return new Uint8Array([kind, ...body]);
}

const bomb = zlib.gzipSync(new Uint8Array(8 * 1024 * 1024));

export const target: Target = {
  seeds: [
    new Uint8Array([0, ...zlib.gzipSync("{}")]),
    new Uint8Array([1, ...zlib.zstdCompressSync("{}")]),
    new Uint8Array([2, ...zlib.deflateSync("{}")]),
    new Uint8Array([0, ...bomb]),
    new Uint8Array([1, ...zlib.zstdCompressSync(new Uint8Array(8 * 1024 * 1024))]),
    "\u0003{}",
  ],
  make: packed,
  async check(input) {
    const [kind = 0] = input;
    const encoding = ENCODINGS[kind % ENCODINGS.length] ?? "gzip";
    let [held, held_max] = [0, 0];
    const room = {
      reserve: (bytes: number) => {
        held += bytes;
        held_max = Math.max(held_max, held);
      },
      release: (bytes: number) => void (held -= bytes),
    };
    const request = new Request("http://host/metrics", {
      method: "POST",
      body: new Uint8Array(input.subarray(1)),
      headers: { "content-encoding": encoding },
    });
    try {
      const options = { bytes_max: BYTES_MAX, room, clock: systemClock, turns: TURNS };
      await withBody(request, options, (body) => {
        assert.ok(body.length <= BYTES_MAX, "more than is allowed");
        if (encoding === "identity") assert.deepEqual(body, input.subarray(1));
        return Promise.resolve();
      });
    } catch (error) {
      if (!(error instanceof BodyTooLargeError || error instanceof BodyUnreadableError)) {
        throw error;
      }
      assert.match(error.message, /^Cannot /);
    }
    assert.equal(held, 0, "room was not given back");
    assert.ok(held_max <= 2 * BYTES_MAX, "more room than two bodies");
  },
};
