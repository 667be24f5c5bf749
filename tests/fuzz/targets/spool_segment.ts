/** Segments of the agent's spool after anything: agent/spool/record.ts, state.ts. */
import assert from "node:assert/strict";
import {
  encodeReport,
  encodeState,
  isForeignSegment,
  readSegment,
  SEGMENT_HEAD,
  type SpooledReport,
  spooledReport,
} from "../../../agent/spool/record.ts";
import { SpoolState } from "../../../agent/spool/state.ts";
import type { Rng } from "../rng.ts";
import type { Target } from "../target.ts";
import { json, word } from "../words.ts";

/** The texts of reports carry their own number, so that what comes back can be told from garbage. */
function report(rng: Rng, seq: number): SpooledReport {
  const text = `{"seq":${seq},"x":${JSON.stringify(word(rng).toWellFormed())}}`;
  return { seq, at_ms: 1.7e12 + seq, samples: rng.below(100), text };
}

function segment(rng: Rng): Uint8Array {
  const first = rng.int(1, 1_000);
  const records = rng.list(
    0,
    20,
    (i) => rng.chance(0.85) ? encodeReport(report(rng, first + i)) : encodeState(json(rng, 2)),
  );
  const parts = [SEGMENT_HEAD, ...records];
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

export const target: Target = {
  seeds: ["MSPOOL1\n", "MSPOOL2\nxyz"],
  make: segment,
  dictionary: ["MSPOOL1\n", '{"next":1,"settled":[[1,2]]}'],
  check(input) {
    isForeignSegment(input);
    const { reports, state, end, damaged_bytes } = readSegment(input);
    assert.ok(end <= input.length && damaged_bytes >= 0 && damaged_bytes <= input.length);
    for (const found of reports) {
      const read = spooledReport(found);
      // a checksum stands for each: nothing may come back that was not written
      assert.equal(JSON.parse(read?.text ?? "").seq, found.seq);
    }
    const parsed = state === undefined ? undefined : SpoolState.parse(state);
    if (parsed !== undefined) {
      parsed.firstWaiting();
      assert.notEqual(SpoolState.parse(parsed.json(10)), undefined, "its own text is not read");
    }
  },
};
