/**
 * The format does not change by accident: every example of docs/block-format.md is encoded and decoded.
 */
import assert from "node:assert/strict";
import { type Block } from "../../../db/codec/block.ts";
import { groupReports } from "../../../db/codec/buckets.ts";
import { decodeColumn, encodeColumn } from "../../../db/codec/column.ts";
import { decodeRawBlock, encodeRawBlock } from "../../../db/codec/raw_block.ts";
import { rollupSamples } from "../../../db/codec/rollup.ts";
import { decodeRollupBlock, encodeRollupBlock } from "../../../db/codec/rollup_block.ts";
import { assertSameDoubles } from "./values.ts";

const page = await Deno.readTextFile(new URL("../../../docs/block-format.md", import.meta.url));

function columnExamples(): { values: Float64Array; hex: string }[] {
  const [, table = ""] = page.split(/\| values +\| column, hexadecimal +\|\n\|[-| ]+\n/);
  const [rows = ""] = table.split("\n\n");
  return rows.split("\n").map((row) => {
    const [, values = "", hex = ""] = row.split("|");
    return { values: Float64Array.from(values.split(","), Number), hex: hex.trim() };
  });
}

function blockExamples(): Block[] {
  const blocks = page.matchAll(/^head ([ 0-9a-f]+)\noffsets ([ 0-9a-f]+)\ndata ([ 0-9a-f]+)$/gm);
  return [...blocks].map(([, ...parts]) => {
    const [head, offsets, data] = parts.map((part) => Uint8Array.fromHex(part.replaceAll(" ", "")));
    assert.ok(head !== undefined && offsets !== undefined && data !== undefined);
    return { head, offsets, data };
  });
}

Deno.test("docs/block-format.md shows columns as they are", () => {
  const examples = columnExamples();
  assert.ok(examples.length >= 13);
  for (const { values, hex } of examples) {
    assert.equal(encodeColumn(values).toHex(), hex, values.join());
    assertSameDoubles(decodeColumn(Uint8Array.fromHex(hex), values.length), values);
  }
});

Deno.test("docs/block-format.md shows blocks as they are", () => {
  const [raw, rollup] = blockExamples();
  assert.ok(raw !== undefined && rollup !== undefined);
  const reports = {
    times_ms: Float64Array.of(1795330240000, 1795330250000, 1795330260000),
    columns: [[0, 0, 0], [1.5, 1.5, 1.5], [10, 11, 9]].map((values) => Float64Array.from(values)),
  };
  assert.deepEqual(encodeRawBlock(reports), raw);
  assert.deepEqual(decodeRawBlock(raw), reports);
  const grouping = groupReports(Float64Array.of(0, 10_000, 300_000, 310_000), 300_000);
  const rollups = {
    buckets: grouping.buckets,
    series: [
      rollupSamples(Float64Array.of(1, 2, 3, 5), grouping, "counter"),
      rollupSamples(Float64Array.of(20, 20, 20, 20), grouping, "gauge"),
    ],
  };
  assert.deepEqual(encodeRollupBlock(rollups), rollup);
  assert.deepEqual(decodeRollupBlock(rollup), rollups);
});
