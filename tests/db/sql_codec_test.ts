/**
 * Schema codec decodes what db/codec encodes, bit for bit: random columns and every corner of the
 * format, many a statement.
 */
import assert from "node:assert/strict";
import { crc32 } from "node:zlib";
import fc from "fast-check";
import { decodeColumn, encodeColumn } from "../../db/codec/column.ts";
import { encodeRawBlock } from "../../db/codec/raw_block.ts";
import { POWERS_OF_TEN, scaleOf } from "../../db/codec/scale.ts";
import { exactSum } from "../../db/codec/sum.ts";
import type { Sql } from "../../db/connect.ts";
import { testDatabase } from "../support/test_database.ts";
import { anyColumn, assertSameDoubles } from "./codec/values.ts";

interface Column {
  bytes: Uint8Array;
  rows: number;
}

async function decodeInSql(sql: Sql, columns: readonly Column[]): Promise<Float64Array[]> {
  const rows = await sql<{ decoded: number[] }[]>`
    select codec.column_values(decode(c.bytes, 'hex'), c.rows) as decoded
    from unnest(
      ${columns.map(({ bytes }) => bytes.toHex())}::text[],
      ${columns.map(({ rows }) => rows)}::integer[]
    ) with ordinality as c (bytes, rows, place)
    order by c.place`;
  return rows.map(({ decoded }) => Float64Array.from(decoded));
}

async function assertDecodes(sql: Sql, columns: readonly Float64Array[]): Promise<void> {
  const encoded = columns.map((values) => ({ bytes: encodeColumn(values), rows: values.length }));
  const decoded = await decodeInSql(sql, encoded);
  assert.equal(decoded.length, columns.length);
  columns.forEach((values, i) => assertSameDoubles(decoded[i] ?? new Float64Array(), values));
}

Deno.test("codec.column_values() gives back what encodeColumn() was given", async () => {
  await using db = await testDatabase();
  const columns = fc.array(anyColumn(), { minLength: 1, maxLength: 40 });
  await fc.assert(
    fc.asyncProperty(columns, (columns) => assertDecodes(db.sql, columns)),
    { numRuns: 60 },
  );
});

Deno.test("codec.column_values() knows every scale, in formats 0 and 1", async () => {
  await using db = await testDatabase();
  const mantissas = [1, -1, 7, 333, -987_654_321, 2 ** 52 + 1, -(2 ** 53), 2 ** 53];
  const columns: Column[] = [];
  const expected: Float64Array[] = [];
  for (let scale = 0; scale <= 57; scale++) {
    for (const format of [0, 1]) {
      // columns by hand: of most of these the encoder would not choose the scale
      for (const mantissa of mantissas) {
        const bytes = encodeColumn(Float64Array.of(mantissa));
        if (bytes[0] !== 0) continue;
        bytes[0] = format << 6 | scale;
        columns.push({ bytes, rows: 3 });
      }
      columns.push({ bytes: Uint8Array.of(format << 6 | scale, 0x14, 2, 1, 0xd1, 0x70), rows: 40 });
      columns.push({ bytes: Uint8Array.of(format << 6 | scale, 0x15, 0, 0x87, 9, 0x7e), rows: 9 });
    }
  }
  for (const { bytes, rows } of columns) expected.push(decodeColumn(bytes, rows));
  const decoded = await decodeInSql(db.sql, columns);
  expected.forEach((values, i) => assertSameDoubles(decoded[i] ?? new Float64Array(), values));
  const scales = new Set(columns.map(({ bytes }) => (bytes[0] ?? 0) & 63));
  assert.equal(scales.size, 58);
  // the powers that SQL uses are those of TypeScript
  const [row] = await db.sql<{ values: number[] }[]>`
    select array(
      select (codec.scales(s))[1] / (codec.scales(s))[2] / (codec.scales(s))[3]
      from generate_series(0, 57) as s
      order by s
    ) as values`;
  assertSameDoubles(
    Float64Array.from(row?.values ?? []),
    Float64Array.from({ length: 58 }, (_, scale) => scaleOf(scale)(1)),
  );
});

Deno.test("codec.column_values() makes every power of two, down to the smallest", async () => {
  await using db = await testDatabase();
  const exponents = Array.from({ length: 2098 }, (_, i) => i - 1074);
  const signs = [1, -1];
  await assertDecodes(
    db.sql,
    signs.flatMap((sign) => [
      // XOR of neighbours: every exponent changes into the next, and back to 1/3
      Float64Array.from(exponents, (exponent) => sign * 2 ** exponent),
      Float64Array.from(exponents.flatMap((exponent) => [sign * 2 ** exponent, sign / 3])),
      // all bits of the fraction set
      Float64Array.from(
        exponents,
        (exponent) =>
          sign * (exponent < -1022 ? 2 ** (exponent + 1) - 5e-324 : (2 - 2 ** -52) * 2 ** exponent),
      ),
    ]),
  );
});

Deno.test("codec.column_values() fills runs: the same value, the same difference, the end", async () => {
  await using db = await testDatabase();
  const base = [0, 0.1, 1 / 3, -0, 12.5];
  const lengths = [1, 2, 7, 8, 9, 63, 64, 65, 128, 200, 360];
  await assertDecodes(
    db.sql,
    base.flatMap((value) =>
      lengths.flatMap((length) => [
        new Float64Array(length).fill(value),
        Float64Array.from({ length }, (_, i) => value + i),
        Float64Array.of(1, ...new Float64Array(length).fill(value), 2),
        Float64Array.of(1, 5, ...Array.from({ length }, (_, i) => 5 + 3 * i), 5, 5),
      ])
    ),
  );
});

Deno.test("codec.column_values() refuses what is no column", async () => {
  await using db = await testDatabase();
  const refuses = (bytes: number[], rows: number, code: string) =>
    assert.rejects(
      decodeInSql(db.sql, [{ bytes: Uint8Array.from(bytes), rows }]),
      (error: Error & { code?: string }) => error.code === code,
      `${bytes} was decoded`,
    );
  // more values than rows, a run that is too long, bits that end inside an item, too much filling
  await refuses([0x00, 0x14, 0x02, 0x01, 0xd1, 0x70], 4, "XX001");
  await refuses([0x00, 0x14, 0x00, 0x01, 0x80, 0x10], 10, "XX001");
  await refuses([0x00, 0x14, 0x02, 0x01, 0x01], 10, "XX001");
  await refuses([0x00, 0x14, 0x02, 0x01, 0xd0, 0x00, 0x00], 10, "XX001");
  await refuses([0x80, 0x7f, 0xf0, 0, 0, 0, 0, 0, 0], 1, "XX001");
  await refuses([0x80, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0, 1, 0, 0xff], 2, "XX001");
  // formats and scales to come
  await refuses([0xc0, 1], 1, "0A000");
  await refuses([58, 1], 1, "0A000");
  await refuses([0x81, 1], 1, "0A000");
});

Deno.test("codec.exact_sum() is exactSum()", async () => {
  await using db = await testDatabase();
  const huge = fc.array(fc.double({ min: 1e300, noNaN: true, noDefaultInfinity: true }));
  const columns = fc.array(fc.oneof(anyColumn(), huge.map((terms) => Float64Array.from(terms))), {
    minLength: 1,
    maxLength: 40,
  });
  const check = async (columns: readonly Float64Array[]) => {
    const rows = await db.sql<{ sum: number }[]>`
      select codec.exact_sum(t.terms::float8[]) as sum
      from unnest(${columns.map((terms) => `{${terms.join()}}`)}::text[])
        with ordinality as t (terms, place)
      order by t.place`;
    assertSameDoubles(
      Float64Array.from(rows, ({ sum }) => sum),
      Float64Array.from(columns, exactSum),
    );
  };
  await fc.assert(fc.asyncProperty(columns, check), { numRuns: 60 });
  const max = Number.MAX_VALUE;
  await check([
    Float64Array.of(),
    Float64Array.of(-0),
    Float64Array.of(0.1, 0.2),
    Float64Array.of(max, max),
    Float64Array.of(-max, -max, 5e-324),
    Float64Array.of(max, -max, 5e-324, 1),
    Float64Array.of(max, 2 ** 970),
    Float64Array.of(max, 2 ** 969, 5e-324, 2 ** -1011, 2 ** -1010),
    Float64Array.of(1, 1e100, 1, -1e100),
    Float64Array.of(2 ** 51, 0.5),
    Float64Array.of(2 ** 53, 1, 5e-324),
    Float64Array.of(...POWERS_OF_TEN),
  ]);
});

Deno.test("codec.smallest() and codec.largest() know 0 from -0", async () => {
  await using db = await testDatabase();
  const [row] = await db.sql<{ smallest: number; largest: number }[]>`
    select
      codec.smallest('{0,-0,0}') as smallest,
      codec.largest('{-0,0,-0}') as largest`;
  assert.deepEqual(row, { smallest: -0, largest: 0 });
});

Deno.test("codec.crc32() is that of zlib", async () => {
  await using db = await testDatabase();
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 100 }), async (bytes) => {
      const [row] = await db.sql<{ crc: number }[]>`select codec.crc32(${bytes}::bytea) as crc`;
      assert.equal(row?.crc, crc32(bytes));
    }),
    { numRuns: 30 },
  );
});

Deno.test("codec.rows_of() finds every single bit that is wrong in a head", async () => {
  await using db = await testDatabase({ connections_max: 1 });
  const { head } = encodeRawBlock({
    times_ms: Float64Array.of(0, 10_000, 20_000),
    columns: [Float64Array.of(1, 2, 4)],
  });
  const [row] = await db.sql<{ rows: number }[]>`select codec.rows_of(${head}::bytea) as rows`;
  assert.equal(row?.rows, 3);
  for (let bit = 0; bit < head.length * 8; bit++) {
    const wrong = head.slice();
    wrong[bit >> 3] = (wrong[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    await assert.rejects(
      async () => await db.sql`select codec.rows_of(${wrong}::bytea)`,
      /^PostgresError: Cannot decode a block: /,
    );
  }
});
