import assert from "node:assert/strict";
import fc from "fast-check";
import { copyOut } from "../../db/copy_out.ts";
import { CopyRowReader, type HotRow } from "../../db/copy_rows.ts";
import { isConnectionFailure } from "../../db/sqlstate.ts";
import { transaction } from "../../db/transaction.ts";
import { RowBuffer, rowPrototype } from "../../server/ingest/rows.ts";
import { testDatabase } from "../support/test_database.ts";

/** 8 MB: more than all buffers on the way together. */
const ROWS = 100_000;

async function drain(chunks: AsyncIterable<Uint8Array>): Promise<number> {
  let bytes = 0;
  for await (const chunk of chunks) bytes += chunk.length;
  return bytes;
}

Deno.test("copyOut() hands out everything to a consumer that keeps PostgreSQL waiting", async () => {
  await using database = await testDatabase({ empty: true });
  await transaction(database.sql, async (tx) => {
    let bytes = 0;
    const query = tx`copy (select repeat('x', 79) from generate_series(1, ${
      tx.unsafe(String(ROWS))
    })) to stdout`;
    for await (const chunk of copyOut(query)) {
      // another connection's answer takes long enough for the buffers to fill
      if (bytes % 8_000 === 0 && bytes < 400_000) await database.sql`select 1`;
      bytes += chunk.length;
    }
    assert.equal(bytes, ROWS * 80);
    // the connection goes on, and its transaction too
    assert.deepEqual([...await tx`select 2 as two`], [{ two: 2 }]);
  });
});

Deno.test("copyOut() left early gives the connection back as it was", async () => {
  await using database = await testDatabase({ empty: true, connections_max: 1 });
  for (const pieces of [0, 1, 3]) {
    await transaction(database.sql, async (tx) => {
      let seen = 0;
      const query = tx`copy (select repeat('x', 79) from generate_series(1, ${
        tx.unsafe(String(ROWS))
      })) to stdout`;
      for await (const _ of copyOut(query)) if (seen++ >= pieces) break;
      assert.deepEqual([...await tx`select 2 as two`], [{ two: 2 }]);
    });
  }
  assert.deepEqual([...await database.sql`select 3 as three`], [{ three: 3 }]);
});

Deno.test("copyOut() throws what PostgreSQL says, before the first row and after it", async () => {
  await using database = await testDatabase({ empty: true });
  const failing = (text: string) =>
    transaction(database.sql, (tx) => drain(copyOut(tx`${tx.unsafe(text)}`)));
  await assert.rejects(failing("copy nothing to stdout"), { code: "42P01" });
  await assert.rejects(
    failing("copy (select 1 / (50000 - n) from generate_series(1, 100000) n) to stdout"),
    { code: "22012" },
  );
  assert.deepEqual([...await database.sql`select 3 as three`], [{ three: 3 }]);
});

Deno.test("copyOut() throws when the connection is lost in the middle", async () => {
  await using database = await testDatabase({ empty: true });
  const { sql } = database;
  const lost = transaction(sql, async (tx) => {
    const [{ pid } = { pid: 0 }] = await tx<{ pid: number }[]>`select pg_backend_pid() as pid`;
    let killed = false;
    const query = tx`copy (select repeat('x', 79) from generate_series(1, 10000000)) to stdout`;
    for await (const _ of copyOut(query)) {
      if (!killed) await sql`select pg_terminate_backend(${pid})`;
      killed = true;
    }
  });
  await assert.rejects(lost, (error) => isConnectionFailure(error) || /57P0/.test(String(error)));
  assert.deepEqual([...await sql`select 3 as three`], [{ three: 3 }]);
});

const reports = fc.array(
  fc.record({
    host_id: fc.integer({ min: 1, max: 2 ** 31 - 1 }),
    shape_id: fc.integer({ min: 1, max: 2 ** 31 - 1 }),
    at_ms: fc.integer({ min: 1, max: Date.UTC(9999, 0) }),
    values: fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }), { maxLength: 5 })
      .map((values) => Float64Array.from(values)),
  }),
  { maxLength: 10 },
);

function readInPieces(bytes: Uint8Array, cuts: readonly number[]): HotRow[] {
  const reader = new CopyRowReader();
  const borders = [0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length]
    .sort((a, b) => a - b);
  const rows = borders.flatMap((border, i) => reader.push(bytes.slice(border, borders[i + 1])));
  reader.end();
  return rows;
}

Deno.test("CopyRowReader reads what RowBuffer writes, in pieces of any size", () => {
  fc.assert(fc.property(reports, fc.array(fc.nat(2_000)), (given, cuts) => {
    const buffer = new RowBuffer();
    for (const { host_id, shape_id, at_ms, values } of given) {
      const row = buffer.add(rowPrototype(shape_id, values.length), host_id, at_ms);
      values.forEach((value, i) => buffer.setValue(row, i, value));
    }
    // fast-check makes records without a prototype
    assert.deepEqual(readInPieces(buffer.copyData(), cuts), given.map((row) => ({ ...row })));
  }));
});

Deno.test("CopyRowReader reads what PostgreSQL writes, empty arrays included", async () => {
  await using database = await testDatabase();
  const rows = await transaction(database.sql, async (tx) => {
    const reader = new CopyRowReader();
    const found: HotRow[] = [];
    const query = tx`copy (values
      (1, 2, timestamptz '2025-01-15 12:00:00.123Z', '{1.5,-0,5e-324}'::float8[]),
      (3, 4, timestamptz '1999-12-31 23:59:59.999Z', '{}'::float8[])
    ) to stdout (format binary)`;
    for await (const chunk of copyOut(query)) found.push(...reader.push(chunk));
    reader.end();
    return found;
  });
  assert.deepEqual(rows, [
    {
      ...{ host_id: 1, shape_id: 2, at_ms: Date.UTC(2025, 0, 15, 12, 0, 0, 123) },
      values: Float64Array.of(1.5, -0, 5e-324),
    },
    {
      ...{ host_id: 3, shape_id: 4, at_ms: Date.UTC(1999, 11, 31, 23, 59, 59, 999) },
      values: new Float64Array(),
    },
  ]);
});

Deno.test("CopyRowReader.end() sees that something is missing", () => {
  const reader = new CopyRowReader();
  const buffer = new RowBuffer();
  buffer.add(rowPrototype(1, 1), 1, 0);
  reader.push(buffer.copyData().slice(0, -2));
  assert.throws(() => reader.end(), /BUG/);
});
