import assert from "node:assert/strict";
import type { AnySql, Sql } from "../../db/connect.ts";
import type { HotRow } from "../../db/copy_rows.ts";
import {
  countLateRows,
  deleteExpiredLateRows,
  deleteLateRows,
  dropSlot,
  type HotKey,
  readLateRows,
  readSlotRows,
  selectSlots,
} from "../../db/hot_rows.ts";
import { ensurePartitions, ensureSlot, HOT_MS, SLOTS_MAX } from "../../db/partitions.ts";
import { DAY_MS, HOUR_MS } from "../../db/tiers.ts";
import { transaction } from "../../db/transaction.ts";
import { testDatabase } from "../support/test_database.ts";

const NOON = Date.UTC(2025, 0, 15, 12);
const MINUTE_MS = 60_000;

async function insert(sql: Sql, host_id: number, at_ms: number): Promise<void> {
  await sql`insert into report values (${host_id}, 1, ${new Date(at_ms)}, '{1}')`;
}

type Reader = (tx: AnySql) => AsyncIterable<HotRow[]>;

async function read(sql: Sql, reader: Reader): Promise<string[]> {
  return await transaction(sql, async (tx) => {
    const rows: string[] = [];
    for await (const piece of reader(tx)) {
      for (const row of piece) rows.push(`${row.host_id} ${(row.at_ms - NOON) / MINUTE_MS}`);
    }
    return rows;
  });
}

Deno.test("ensureSlot() makes the partition of a past time, by any number of servers", async () => {
  await using database = await testDatabase();
  const { sql } = database;
  const made = await Promise.all(Array.from({ length: 6 }, () => ensureSlot(sql, NOON)));
  // whoever waited too long for the others says so, and finds it the next time
  assert(made.includes(true));
  assert.equal(await ensureSlot(sql, NOON), true);
  await insert(sql, 1, NOON);
  assert.deepEqual((await selectSlots(sql)).map(({ start_ms }) => start_ms), [NOON]);
  assert.deepEqual(await read(sql, (tx) => readSlotRows(tx, [NOON])), ["1 0"]);
});

Deno.test("ensureSlot() leaves times alone that have late rows", async () => {
  await using database = await testDatabase();
  const { sql } = database;
  await insert(sql, 1, NOON + MINUTE_MS);
  assert.equal(await ensureSlot(sql, NOON), false);
  assert.equal(await ensureSlot(sql, NOON + HOT_MS), true);
});

Deno.test("ensureSlot() gives up when late rows are being read", async () => {
  await using database = await testDatabase();
  const { sql } = database;
  await sql.begin(async (reader) => {
    await reader`lock table report_late in access share mode`;
    assert.equal(await ensureSlot(sql, NOON), false);
  });
  assert.equal(await ensureSlot(sql, NOON), true);
});

Deno.test("ensureSlot() stops at its limit, and tells of those that are there", async () => {
  await using database = await testDatabase();
  const { sql } = database;
  for (let i = 1; i < SLOTS_MAX; i++) {
    const from = new Date(NOON - i * DAY_MS).toISOString();
    const to = new Date(NOON - i * DAY_MS + 1).toISOString();
    await sql.unsafe(`create table filler_${i} partition of report
      for values from ('${from}') to ('${to}')`);
  }
  assert.equal(await ensureSlot(sql, NOON), false);
  await sql`drop table filler_1`;
  assert.equal(await ensureSlot(sql, NOON), true);
  assert.equal(await ensureSlot(sql, NOON), true);
  assert.equal(await ensureSlot(sql, NOON + HOT_MS), false);
});

Deno.test("slots and late rows are read by host and time, late rows in pages", async () => {
  await using database = await testDatabase();
  const { sql } = database;
  await ensurePartitions(sql, NOON);
  for (const minute of [25, 5, 15, -65, -5, -70]) {
    for (const host_id of [2, 1]) await insert(sql, host_id, NOON + minute * MINUTE_MS);
  }
  const starts_ms = [NOON, NOON + HOT_MS, NOON + 2 * HOT_MS];
  const slots = (host_id?: number) => (tx: AnySql) => readSlotRows(tx, starts_ms, host_id);
  assert.deepEqual(await read(sql, slots()), ["1 5", "1 15", "1 25", "2 5", "2 15", "2 25"]);
  assert.deepEqual(await read(sql, slots(2)), ["2 5", "2 15", "2 25"]);
  const late = (rows_max: number, after?: HotKey) => (tx: AnySql) =>
    readLateRows(tx, { from_ms: NOON - 2 * HOUR_MS, before_ms: NOON - 1, after, rows_max });
  const all = ["1 -70", "1 -65", "1 -5", "2 -70", "2 -65", "2 -5"];
  assert.deepEqual(await read(sql, late(6)), all);
  for (const [i, row] of all.entries()) {
    const [host_id = 0, minute = 0] = row.split(" ").map(Number);
    const after = { host_id, shape_id: 1, at_ms: NOON + minute * MINUTE_MS };
    assert.deepEqual(await read(sql, late(2, after)), all.slice(i + 1, i + 3));
    // another shape at the same time comes before or after it
    const before = { ...after, shape_id: 0 };
    assert.deepEqual(await read(sql, late(2, before)), all.slice(i, i + 2));
  }
  assert.deepEqual([...await countLateRows(sql, { before_ms: NOON })], [
    { start_ms: NOON - 2 * HOUR_MS, rows: 4 },
    { start_ms: NOON - HOUR_MS, rows: 2 },
  ]);
});

Deno.test("dropSlot() drops only a slot that has what was read, when nobody uses it", async () => {
  await using database = await testDatabase();
  const { sql } = database;
  await ensureSlot(sql, NOON);
  await insert(sql, 1, NOON);
  assert.equal(await dropSlot(sql, { start_ms: NOON, rows: 0 }), "grown");
  await sql.begin(async (writer) => {
    // has not committed when the drop begins: its row must not be lost
    await writer`insert into report values (2, 1, ${new Date(NOON)}, '{1}')`;
    assert.equal(await dropSlot(sql, { start_ms: NOON, rows: 1 }), "busy");
  });
  assert.equal(await dropSlot(sql, { start_ms: NOON, rows: 1 }), "grown");
  assert.equal(await dropSlot(sql, { start_ms: NOON, rows: 2 }), "dropped");
  assert.deepEqual(await selectSlots(sql), []);
});

Deno.test("deleteLateRows() deletes the given rows and deleteExpiredLateRows() the old ones", async () => {
  await using database = await testDatabase();
  const { sql } = database;
  for (const minute of [0, 1, 2, 3]) await insert(sql, 1, NOON + minute * MINUTE_MS);
  await deleteLateRows(sql, [
    { host_id: 1, shape_id: 1, at_ms: NOON + 2 * MINUTE_MS },
    { host_id: 1, shape_id: 2, at_ms: NOON + 3 * MINUTE_MS },
  ]);
  assert.equal(await deleteExpiredLateRows(sql, NOON + MINUTE_MS), 1);
  assert.deepEqual(
    await read(
      sql,
      (tx) => readLateRows(tx, { from_ms: 0, before_ms: NOON + HOUR_MS, rows_max: 9 }),
    ),
    ["1 1", "1 3"],
  );
});
