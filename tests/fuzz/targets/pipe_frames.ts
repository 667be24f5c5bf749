/** What processes that hold collectors say: agent/isolation/frames.ts, agent/sandbox_messages.ts. */
import assert from "node:assert/strict";
import { encodeFrame, FrameError, FrameReader } from "../../../agent/isolation/frames.ts";
import { readFromWorker } from "../../../agent/sandbox_messages.ts";
import { readScriptMetadata } from "../../../agent/script_metadata.ts";
import type { Rng } from "../rng.ts";
import type { Target } from "../target.ts";
import { json, word } from "../words.ts";

function message(rng: Rng): unknown {
  const request = rng.below(10);
  return rng.pick([
    { type: "turn", request },
    { type: "done", request, json: json(rng, 3) },
    { type: "failed", request, message: word(rng) },
    { type: "call", call: 1, request, method: "read", argument: word(rng) },
    { type: "stray", message: word(rng) },
    { type: "console", message: word(rng) },
    { type: "pong" },
    word(rng),
  ]);
}

function joined(frames: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(frames.flatMap((frame) => [...frame]));
}

function readAll(input: Uint8Array, ends: readonly number[]): unknown[] | "refused" {
  const reader = new FrameReader();
  let from = 0;
  try {
    return ends.flatMap((end) => {
      const piece = input.slice(from, end);
      from = end;
      return reader.push(piece);
    });
  } catch (error) {
    if (error instanceof FrameError) return "refused";
    throw error;
  }
}

export const target: Target = {
  seeds: [encodeFrame({ type: "pong" }), encodeFrame({ type: "done", request: 1, json: "{}" })],
  dictionary: ['{"type":"done"', '"request":', '"json":"', '{"type":"failed"', "null"],
  make: (rng) => joined(rng.list(1, 5, () => encodeFrame(message(rng)))),
  check(input, rng) {
    const cuts = rng.list(0, 5, () => rng.below(input.length + 1)).sort((a, b) => a - b);
    const whole = readAll(input, [input.length]);
    assert.deepEqual(readAll(input, [...cuts, input.length]), whole, "cut elsewhere");
    if (whole === "refused") return;
    for (const said of whole) {
      const read = readFromWorker(said);
      if (read?.type === "failed") assert.ok(read.message.length <= 1_000);
      if (read?.type !== "done" || read.json === undefined) continue;
      try {
        readScriptMetadata(read.json);
      } catch (error) {
        assert.ok(error instanceof Error && error.message !== "");
      }
    }
  },
};
