/** PostgreSQL's binary COPY as it is read back: db/copy_rows.ts. */
import assert from "node:assert/strict";
import { CopyRowReader, type HotRow } from "../../../db/copy_rows.ts";
import { RowBuffer, rowPrototype } from "../../../server/ingest/rows.ts";
import type { Rng } from "../rng.ts";
import type { Target } from "../target.ts";

const SIGNATURE = new Uint8Array([
  ...new TextEncoder().encode("PGCOPY\n"),
  ...[0xff, 13, 10, 0],
  ...[0, 0, 0, 0, 0, 0, 0, 0],
]);

function stream(rng: Rng): Uint8Array {
  const buffer = new RowBuffer();
  rng.list(0, 12, (i) => {
    const columns = rng.below(5);
    const row = buffer.add(rowPrototype(7, columns), i, 1.7e12 + i);
    for (let k = 0; k < columns; k++) buffer.setValue(row, k, rng.u32() / 3);
  });
  return new Uint8Array([...SIGNATURE, ...buffer.copyData(), 0xff, 0xff]);
}

function readAll(input: Uint8Array, ends: readonly number[]): HotRow[] | string {
  const reader = new CopyRowReader();
  let from = 0;
  try {
    const rows = ends.flatMap((end) => {
      const piece = input.slice(from, end);
      from = end;
      return reader.push(piece);
    });
    reader.end();
    return rows;
  } catch (error) {
    if (error instanceof Error && error.message.startsWith("BUG: ")) return error.message;
    throw error;
  }
}

export const target: Target = {
  seeds: [new Uint8Array([...SIGNATURE, 0xff, 0xff])],
  make: stream,
  check(input, rng) {
    const cuts = rng.list(0, 5, () => rng.below(input.length + 1)).sort((a, b) => a - b);
    const whole = readAll(input, [input.length]);
    const pieces = readAll(input, [...cuts, input.length]);
    assert.deepEqual(pieces, whole, "cut elsewhere");
    if (typeof whole === "string") return;
    for (const { values } of whole) assert.ok(values.length * 8 <= input.length);
  },
};
