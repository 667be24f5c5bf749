import assert from "node:assert/strict";
import { writeTransaction } from "../../../db/aggregation_lock.ts";
import { connect, type Sql } from "../../../db/connect.ts";
import { ensurePartitions } from "../../../db/partitions.ts";
import { DAY_MS, HOUR_MS } from "../../../db/tiers.ts";
import { testDatabase } from "../../support/test_database.ts";
import { aggregate, hotState, makeShape, rawSamples, store, type StoredReport } from "./stored.ts";

const MIDNIGHT = Date.UTC(2025, 0, 15);
const NOW_MS = MIDNIGHT + 2 * DAY_MS;
const LATE = { slots: false };

interface Series {
  host_id: number;
  from_ms?: number;
  step_ms: number;
  count: number;
  width?: number;
}

function series({ host_id, from_ms = MIDNIGHT, step_ms, count, width = 1 }: Series) {
  return Array.from({ length: count }, (_, i): StoredReport => ({
    host_id,
    at_ms: from_ms + i * step_ms,
    values: Array.from({ length: width }, (_, metric) => i + metric),
  }));
}

/** Resolves when a transaction of this database waits for its turn to write blocks. */
async function isWaitingToWrite(sql: Sql): Promise<void> {
  for (let waiting = 0; waiting === 0;) {
    const [row] = await sql<{ waiting: number }[]>`
      select count(*) as waiting from pg_locks
      where locktype = 'advisory' and objid = ${0x61676777} and not granted
        and database = (select oid from pg_database where datname = current_database())`;
    waiting = row?.waiting ?? 0;
  }
}

Deno.test("while late rows are merged, partitions are made, and neither waits for the other", async () => {
  await using database = await testDatabase();
  const { sql } = database;
  const shape_id = await makeShape(sql, { cpu: "gauge" });
  const hours = [0, 1, 2].map((hour) => MIDNIGHT + hour * HOUR_MS);
  for (const from_ms of hours) {
    await store(sql, shape_id, series({ host_id: 1, from_ms, step_ms: 10_000, count: 5 }), LATE);
  }
  const others = connect(database.address, { connections_max: 2 });
  const run = await writeTransaction(others, async () => {
    const merged = aggregate(sql, NOW_MS);
    await isWaitingToWrite(others);
    assert.notEqual((await ensurePartitions(others, NOW_MS)).length, 0);
    return { merged };
  });
  assert.equal((await run.merged).late_reports_merged, 15);
  assert.equal((await hotState(sql)).late, 0);
  assert.equal((await rawSamples(sql)).size, 15);
  await others.end();
});

Deno.test("late rows of an hour are merged once each, in however many batches, but for damaged blocks", async () => {
  await using database = await testDatabase();
  const { sql } = database;
  const names = Array.from({ length: 1_000 }, (_, i) => [`m${i}`, "gauge" as const]);
  const wide = await makeShape(sql, Object.fromEntries(names));
  const narrow = await makeShape(sql, { cpu: "gauge" });
  const first = series({ host_id: 3, step_ms: 60_000, count: 2 });
  await store(sql, narrow, first, LATE);
  await aggregate(sql, NOW_MS);
  await sql`update block_raw set head = set_byte(head, 5, 7) where host_id = 3`;
  // more values than a batch, more rows than are read at once, and some that cannot be merged
  await store(sql, wide, series({ host_id: 1, step_ms: 7_000, count: 410, width: 1_000 }), LATE);
  await store(sql, narrow, series({ host_id: 2, step_ms: 3_000, count: 1_100 }), LATE);
  await store(sql, narrow, series({ host_id: 3, step_ms: 7_000, count: 300 }), LATE);
  await store(sql, narrow, series({ host_id: 4, step_ms: 7_000, count: 300 }), LATE);
  const counts = await aggregate(sql, NOW_MS);
  assert.equal(counts.late_reports_merged, 410 + 1_100 + 300);
  assert.equal(counts.failures, 1);
  assert.equal((await hotState(sql)).late, 300);
  await sql`delete from block_raw where host_id = 3`;
  assert.equal((await aggregate(sql, NOW_MS)).late_reports_merged, 300);
  assert.equal((await rawSamples(sql)).size, 410 + 1_100 + 300 + 300);
});
