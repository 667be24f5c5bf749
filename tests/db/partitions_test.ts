import assert from "node:assert/strict";
import { ensurePartitions, ensureSlot, partitionName } from "../../db/partitions.ts";
import { connect } from "../../db/connect.ts";
import { copyReports } from "../../db/reports.ts";
import { RowBuffer, rowPrototype } from "../../server/ingest/rows.ts";
import { testDatabase } from "../support/test_database.ts";

const NOON = Date.UTC(2025, 0, 15, 12);
const MINUTE = 60_000;

function oneRow(host_id: number, at_ms: number): Uint8Array {
  const rows = new RowBuffer();
  rows.add(rowPrototype(1, 1), host_id, at_ms);
  return rows.copyData();
}

async function partitions(sql: Awaited<ReturnType<typeof testDatabase>>["sql"]): Promise<string[]> {
  const rows = await sql<{ name: string }[]>`
    select inhrelid::regclass::text as name from pg_inherits
    where inhparent in ('report'::regclass, 'annotation'::regclass) order by 1`;
  return rows.map(({ name }) => name);
}

Deno.test("partitionName() tells the start in UTC", () => {
  assert.equal(partitionName("report", NOON + 20 * MINUTE, 10 * MINUTE), "report_202501151220");
  assert.equal(partitionName("annotation", NOON, 86_400_000), "annotation_20250115");
});

Deno.test("ensurePartitions() makes those from now to two hours ahead, and a second time none", async () => {
  await using database = await testDatabase();
  const made = await ensurePartitions(database.sql, NOON + 12 * MINUTE);
  assert.equal(made[0], "report_202501151210");
  assert.equal(made.filter((name) => name.startsWith("report")).at(-1), "report_202501151410");
  assert.ok(made.includes("annotation_20250115"));
  assert.deepEqual(await ensurePartitions(database.sql, NOON + 12 * MINUTE), []);
  assert.equal((await partitions(database.sql)).length, made.length + 2);
});

Deno.test("ensurePartitions() over midnight makes the next day's annotations", async () => {
  await using database = await testDatabase();
  const made = await ensurePartitions(database.sql, Date.UTC(2025, 11, 31, 23, 30));
  assert.ok(made.includes("annotation_20251231"));
  assert.ok(made.includes("annotation_20260101"));
  assert.ok(made.includes("report_202601010120"));
});

Deno.test("rows go to the partition of their time, others to the late one", async () => {
  await using database = await testDatabase();
  const { sql } = database;
  await ensurePartitions(sql, NOON);
  const times = [NOON, NOON + 10 * MINUTE, NOON - 1, NOON - 86_400_000].map((ms) => new Date(ms));
  for (const at of times) await sql`insert into report values (1, 1, ${at}, '{1}')`;
  const rows = await sql<{ name: string }[]>`
    select tableoid::regclass::text as name from report order by at`;
  assert.deepEqual(rows.map(({ name }) => name), [
    "report_late",
    "report_late",
    "report_202501151200",
    "report_202501151210",
  ]);
});

Deno.test("ensurePartitions() leaves times alone that have late rows already", async () => {
  await using database = await testDatabase();
  const { sql } = database;
  await sql`insert into report values (1, 1, ${new Date(NOON + 15 * MINUTE)}, '{1}')`;
  const made = await ensurePartitions(sql, NOON);
  assert.ok(!made.includes("report_202501151210"));
  assert.ok(made.includes("report_202501151220"));
  const [row] = await sql<{ n: number }[]>`select count(*) as n from report`;
  assert.equal(row?.n, 1);
});

Deno.test("ensurePartitions() gives up when late rows are being read, each table for itself", async () => {
  await using database = await testDatabase();
  const { sql } = database;
  await sql.begin(async (reader) => {
    await reader`lock table annotation_late in access share mode`;
    await assert.rejects(ensurePartitions(sql, NOON), { code: "55P03" });
  });
  assert.ok((await partitions(sql)).includes("report_202501151400"));
  assert.deepEqual(await ensurePartitions(sql, NOON), ["annotation_20250115"]);
});

Deno.test("ensurePartitions() may run on any number of servers at once", async () => {
  await using database = await testDatabase();
  const made = await Promise.all(
    Array.from({ length: 8 }, () => ensurePartitions(database.sql, NOON)),
  );
  assert.equal(made.flat().length, new Set(made.flat()).size);
  assert.equal((await partitions(database.sql)).length, made.flat().length + 2);
});

Deno.test("ensureSlot() and late reports of the same time do not disturb each other", async () => {
  await using database = await testDatabase();
  const { sql } = database;
  // one connection for each writer, as in the server
  const writers = [1, 2, 3].map((host_id) => ({
    host_id,
    own: connect(database.address, { connections_max: 1 }),
  }));
  for (let start = NOON - 10 * MINUTE; start > NOON - 150 * MINUTE; start -= 10 * MINUTE) {
    await Promise.all([
      ensureSlot(sql, start),
      ...writers.map(({ own, host_id }) => copyReports(own, [oneRow(host_id, start + MINUTE)])),
    ]);
  }
  await Promise.all(writers.map(({ own }) => own.end()));
  const [row] = await sql<{ n: number }[]>`select count(*) as n from report`;
  assert.equal(row?.n, 14 * 3);
});
