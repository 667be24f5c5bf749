import assert from "node:assert/strict";
import { writeTransaction } from "../../db/aggregation_lock.ts";
import { ensureBlockPartition, selectPartitions } from "../../db/block_partitions.ts";
import { upsertBlocks } from "../../db/blocks.ts";
import { connect, type Sql } from "../../db/connect.ts";
import { PARTITION_LOCK } from "../../db/partitions.ts";
import { selectPartitionShapes, thinPartition } from "../../db/thin_partition.ts";
import { testDatabase } from "../support/test_database.ts";

const START_MS = Date.UTC(2025, 0, 15);

function block(shape_id: number) {
  const bytes = Uint8Array.of(1, 2, 3);
  return { host_id: 1, shape_id, start_ms: START_MS, head: bytes, offsets: bytes, data: bytes };
}

/** How many transactions of this database wait for an advisory lock. */
async function waiting(sql: Sql): Promise<number> {
  const [row] = await sql<{ waiting: number }[]>`
    select count(*) as waiting from pg_locks
    where locktype = 'advisory' and not granted
      and database = (select oid from pg_database where datname = current_database())`;
  return row?.waiting ?? 0;
}

Deno.test("thinPartition() loses no block that another run writes meanwhile", async () => {
  await using database = await testDatabase();
  const { sql } = database;
  await ensureBlockPartition(sql, "raw", START_MS);
  await upsertBlocks(sql, "raw", [block(1), block(2)]);
  const [partition] = await selectPartitions(sql);
  assert(partition !== undefined);
  const others = connect(database.address, { connections_max: 3 });
  const begun = await others.begin(async (tx) => {
    // holds up the exchange, with the copy made
    await tx`select pg_advisory_xact_lock(${PARTITION_LOCK})`;
    let is_over = false;
    const thinned = thinPartition(sql, partition, [1]).finally(() => is_over = true);
    while (!is_over && await waiting(others) === 0);
    const written = writeTransaction(others, (tx) => upsertBlocks(tx, "raw", [block(3)]))
      .finally(() => is_over = true);
    while (!is_over && await waiting(others) < 2);
    return { thinned, written };
  });
  await begun.written;
  // it had to wait, and may have given up
  if (!await begun.thinned) assert.ok(await thinPartition(sql, partition, [1]));
  assert.deepEqual(
    await selectPartitionShapes(sql, [partition]),
    new Map([[partition.name, [2, 3]]]),
  );
  await others.end();
});
