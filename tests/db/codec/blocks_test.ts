import assert from "node:assert/strict";
import { crc32 } from "node:zlib";
import fc from "fast-check";
import {
  type Block,
  cellRange,
  CONTENT_SAMPLES,
  openHead,
  packBlock,
  unpackBlock,
} from "../../../db/codec/block.ts";
import { CodecError } from "../../../db/codec/error.ts";
import {
  decodeRawBlock,
  decodeRawCell,
  encodeRawBlock,
  rawCell,
} from "../../../db/codec/raw_block.ts";
import { mergeReports, type Reports, reportsFromRows } from "../../../db/codec/reports.ts";
import { anyReports, assertSameDoubles } from "./values.ts";

const METRICS = 3;

function assertSameReports(actual: Reports, expected: Reports): void {
  assertSameDoubles(actual.times_ms, expected.times_ms);
  assert.equal(actual.columns.length, expected.columns.length);
  expected.columns.forEach((column, i) => {
    assertSameDoubles(actual.columns[i] ?? new Float64Array(), column);
  });
}

Deno.test("decodeRawBlock() gives back what encodeRawBlock() was given", () => {
  fc.assert(fc.property(anyReports(METRICS), (reports) => {
    assertSameReports(decodeRawBlock(encodeRawBlock(reports)), reports);
  }));
});

Deno.test("decodeRawCell() reads one metric with the head and its cell alone", () => {
  fc.assert(fc.property(anyReports(METRICS), fc.nat(METRICS - 1), (reports, metric) => {
    const block = encodeRawBlock(reports);
    const { times_ms, values } = decodeRawCell(block.head, rawCell(block, metric));
    assertSameDoubles(times_ms, reports.times_ms);
    assertSameDoubles(values, reports.columns[metric] ?? new Float64Array());
  }));
});

Deno.test("packBlock() takes wider offsets for more data", () => {
  for (
    const [data_bytes, width] of [[65_535, 2], [65_536, 3], [2 ** 24 - 1, 3], [2 ** 24, 4]] as const
  ) {
    const cells = [new Uint8Array(data_bytes - 1), Uint8Array.of(7), new Uint8Array()];
    const block = packBlock({ content: CONTENT_SAMPLES, rows: 0, axes: [], cells });
    const head = openHead(block.head);
    assert.equal(head.offset_bytes, width);
    assert.deepEqual(cellRange(head, block.offsets, 1), { start: data_bytes - 1, end: data_bytes });
    assert.deepEqual(cellRange(head, block.offsets, 2), { start: data_bytes, end: data_bytes });
    assert.deepEqual(unpackBlock(block).slices[1], cells[1]);
  }
});

Deno.test("encodeRawBlock() stores regular times in a few bytes", () => {
  const times_ms = Float64Array.from({ length: 360 }, (_, i) => 1_795_330_240_000 + i * 10_000);
  assert.ok(encodeRawBlock({ times_ms, columns: [] }).head.length <= 32);
});

Deno.test("encodeRawBlock() refuses what is not in order", () => {
  const columns = [Float64Array.of(1, 2)];
  for (const times of [[2, 1], [1, 1], [0.5, 1], [1, NaN], [1], [1, 2, 3]]) {
    const times_ms = Float64Array.from(times);
    assert.throws(() => encodeRawBlock({ times_ms, columns }), RangeError);
  }
});

Deno.test("decodeRawBlock() finds every changed byte and every cut", () => {
  const part = fc.constantFrom("head" as const, "offsets" as const, "data" as const);
  const change = fc.integer({ min: 1, max: 255 });
  fc.assert(
    fc.property(anyReports(METRICS), part, fc.nat(), change, (reports, part, place, change) => {
      const block = encodeRawBlock(reports);
      const bytes = block[part];
      fc.pre(bytes.length > 0);
      const at = place % bytes.length;
      const damaged = bytes.slice();
      damaged[at] = (damaged[at] ?? 0) ^ change;
      for (const wrong of [damaged, bytes.subarray(0, at), Uint8Array.of(...bytes, 0)]) {
        assert.throws(() => decodeRawBlock({ ...block, [part]: wrong }), CodecError);
      }
    }),
    { numRuns: 500 },
  );
});

/** The block with its checksums made right, as a writer with a bug would leave it. */
function sealed({ head, offsets, data }: Block): Block {
  const sealed_head = head.slice();
  const words = new DataView(sealed_head.buffer);
  words.setUint32(12, crc32(data, crc32(offsets)));
  words.setUint32(16, crc32(sealed_head.subarray(20), crc32(sealed_head.subarray(0, 16))));
  return { head: sealed_head, offsets, data };
}

Deno.test("decodeRawBlock() refuses offsets that contradict the data, checksum or not", () => {
  const times_ms = Float64Array.of(1);
  const block = encodeRawBlock({ times_ms, columns: [Float64Array.of(1), Float64Array.of(1)] });
  assert.deepEqual([...block.offsets], [0, 0, 0, 2, 0, 4]);
  assert.equal(decodeRawBlock(sealed(block)).columns.length, 2);
  const wrong = [[0, 2, 0, 2, 0, 4], [0, 0, 0, 5, 0, 4], [0, 0, 0, 0, 0, 2], [0, 0, 0, 2, 0, 5]];
  for (const offsets of wrong) {
    const damaged = sealed({ ...block, offsets: Uint8Array.from(offsets) });
    assert.throws(() => decodeRawBlock(damaged), CodecError, offsets.join());
  }
  const longer = sealed({ ...block, data: Uint8Array.of(...block.data, 0) });
  assert.throws(() => decodeRawBlock(longer), CodecError);
});

Deno.test("openHead() refuses impossible sizes, checksum or not", () => {
  const block = encodeRawBlock({ times_ms: Float64Array.of(1), columns: [Float64Array.of(1)] });
  for (const [at, byte] of [[2, 1], [2, 5], [3, 255], [4, 255], [8, 255]] as const) {
    const head = block.head.slice();
    head[at] = byte;
    assert.throws(() => openHead(sealed({ ...block, head }).head), CodecError);
  }
});

Deno.test("openHead() makes a head or a CodecError of any bytes", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
      assert.throws(() => openHead(Uint8Array.of(1, ...bytes)), CodecError);
    }),
    { numRuns: 1000 },
  );
});

Deno.test("unpackBlock() refuses a version to come", () => {
  const block = encodeRawBlock({ times_ms: Float64Array.of(1), columns: [Float64Array.of(1)] });
  const head = block.head.slice();
  head[0] = 2;
  assert.throws(
    () => unpackBlock({ ...block, head }),
    (error) => error instanceof CodecError && error.fault === "unsupported",
  );
});

Deno.test("cellRange() refuses cells that are not there", () => {
  const block = encodeRawBlock({ times_ms: Float64Array.of(1), columns: [Float64Array.of(1)] });
  const head = openHead(block.head);
  for (const cell of [-1, 1, 0.5, NaN]) {
    assert.throws(() => cellRange(head, block.offsets, cell), RangeError);
  }
});

/** Reports with times so close that two of them have many in common. */
const overlapping = anyReports(METRICS).map(({ times_ms, columns }): Reports => ({
  times_ms: times_ms.map((_, i) => i * 2 + (times_ms[0] ?? 0) % 3),
  columns,
}));

function bytesOf(reports: Reports): Block {
  return encodeRawBlock(reports);
}

Deno.test("mergeReports() is the same block in any order and number of repeats", () => {
  fc.assert(fc.property(overlapping, overlapping, overlapping, (a, b, c) => {
    const block = bytesOf(mergeReports(mergeReports(a, b), c));
    assert.deepEqual(bytesOf(mergeReports(a, mergeReports(b, c))), block);
    assert.deepEqual(bytesOf(mergeReports(mergeReports(c, b), a)), block);
    assert.deepEqual(bytesOf(mergeReports(decodeRawBlock(block), b)), block);
    const rows = [a, b, c, a].flatMap(({ times_ms, columns }) =>
      [...times_ms].map((at_ms, i) => ({ at_ms, values: columns.map((column) => column[i] ?? 0) }))
    );
    assert.deepEqual(bytesOf(reportsFromRows(rows, METRICS)), block);
    assert.deepEqual(bytesOf(reportsFromRows(rows.reverse(), METRICS)), block);
  }));
});

Deno.test("mergeReports() keeps each time of either, and every value of one that is alone", () => {
  fc.assert(fc.property(overlapping, overlapping, (a, b) => {
    const merged = mergeReports(a, b);
    const times = new Set([...a.times_ms, ...b.times_ms]);
    assert.deepEqual([...merged.times_ms], [...times].sort((one, other) => one - other));
    a.times_ms.forEach((at_ms, row) => {
      if (b.times_ms.includes(at_ms)) return;
      const merged_row = merged.times_ms.indexOf(at_ms);
      a.columns.forEach((column, metric) => {
        assert.ok(Object.is(merged.columns[metric]?.[merged_row], column[row]));
      });
    });
  }));
});

Deno.test("mergeReports() keeps one whole report of two with the same time", () => {
  const times_ms = Float64Array.of(1000);
  const a = { times_ms, columns: [Float64Array.of(1), Float64Array.of(9)] };
  const b = { times_ms, columns: [Float64Array.of(2), Float64Array.of(3)] };
  for (const merged of [mergeReports(a, b), mergeReports(b, a)]) {
    assert.deepEqual(merged.columns.map(([value]) => value), [2, 3]);
  }
  const zero = { times_ms, columns: [Float64Array.of(0)] };
  const minus = { times_ms, columns: [Float64Array.of(-0)] };
  for (const merged of [mergeReports(zero, minus), mergeReports(minus, zero)]) {
    assert.ok(Object.is(merged.columns[0]?.[0], 0));
  }
  const rows = [{ at_ms: 1000, values: [0] }, { at_ms: 1000, values: [-0] }];
  for (const order of [rows, rows.toReversed()]) {
    assert.ok(Object.is(reportsFromRows(order, 1).columns[0]?.[0], 0));
  }
});

Deno.test("mergeReports() and reportsFromRows() refuse other shapes", () => {
  const one: Reports = { times_ms: new Float64Array(), columns: [new Float64Array()] };
  const none: Reports = { times_ms: new Float64Array(), columns: [] };
  assert.throws(() => mergeReports(one, none), RangeError);
  assert.throws(() => reportsFromRows([{ at_ms: 1, values: [1, 2] }], 1), RangeError);
});
