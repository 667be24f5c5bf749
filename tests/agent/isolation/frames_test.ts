/** Messages over a pipe: whatever the pieces, and whoever is at the other end. */
import assert from "node:assert/strict";
import fc from "fast-check";
import {
  encodeFrame,
  FRAME_BYTES_MAX,
  FrameError,
  FrameReader,
} from "../../../agent/isolation/frames.ts";

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}

Deno.test("FrameReader reads what encodeFrame() wrote, cut anywhere", () => {
  const message = fc.jsonValue({ maxDepth: 2 }).map((value) => JSON.parse(JSON.stringify(value)));
  fc.assert(fc.property(
    fc.array(message, { maxLength: 8 }),
    fc.array(fc.nat(), { maxLength: 20 }),
    (messages, cuts) => {
      const stream = joined(messages.map(encodeFrame));
      const places = [0, ...cuts.map((cut) => cut % (stream.length + 1)), stream.length]
        .sort((a, b) => a - b);
      const reader = new FrameReader();
      const read = places.slice(1).flatMap((end, index) =>
        reader.push(stream.subarray(places[index], end))
      );
      assert.deepEqual(read, messages);
    },
  ));
});

Deno.test("FrameReader refuses a frame that is too long, before it is there", () => {
  const head = new Uint8Array(4);
  new DataView(head.buffer).setUint32(0, FRAME_BYTES_MAX + 1, true);
  assert.throws(() => new FrameReader().push(head), FrameError);
});

Deno.test("FrameReader refuses what is no JSON, or no text", () => {
  for (const body of [[0x7b], [0xff, 0xfe], []]) {
    const frame = new Uint8Array([body.length, 0, 0, 0, ...body]);
    assert.throws(() => new FrameReader().push(frame), /no JSON/);
  }
});

Deno.test("encodeFrame() refuses what cannot be sent", () => {
  const ring: Record<string, unknown> = {};
  ring.ring = ring;
  assert.throws(() => encodeFrame(ring), /cannot be sent: .*circular/i);
  assert.throws(() => encodeFrame(1n), FrameError);
  assert.throws(() => encodeFrame("x".repeat(FRAME_BYTES_MAX)), /too long/);
});
