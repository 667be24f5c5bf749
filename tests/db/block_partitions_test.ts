import assert from "node:assert/strict";
import {
  dropPartition,
  ensureBlockPartition,
  selectPartitions,
} from "../../db/block_partitions.ts";
import {
  blockKey,
  selectBlockKeys,
  selectBlocks,
  type StoredBlock,
  upsertBlocks,
} from "../../db/blocks.ts";
import { ensurePartitions } from "../../db/partitions.ts";
import { DAY_MS, HOUR_MS, TIER_NAMES } from "../../db/tiers.ts";
import { testDatabase } from "../support/test_database.ts";

const NOON = Date.UTC(2025, 11, 31, 12);

function block(host_id: number, start_ms: number, size: number) {
  const bytes = (length: number) => Uint8Array.from({ length }, (_, i) => i * 7 + host_id);
  return { host_id, shape_id: 1, start_ms, head: bytes(30), offsets: bytes(6), data: bytes(size) };
}

Deno.test("ensureBlockPartition() makes partitions as docs/block-format.md wants them", async () => {
  await using database = await testDatabase();
  const { sql } = database;
  const made = await Promise.all(
    TIER_NAMES.flatMap((tier) => [1, 2].map(() => ensureBlockPartition(sql, tier, NOON))),
  );
  assert.equal(made.filter(Boolean).length, 4);
  const found = await sql<{ name: string; options: string[]; storage: string }[]>`
    select c.relname as name, c.reloptions as options,
      string_agg(a.attname || ' ' || a.attstorage::text, ', ' order by a.attnum) as storage
    from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname in ('head', 'offsets', 'data')
    where c.relispartition and c.relkind = 'r' and c.relname like 'block%' group by 1, 2 order by 1`;
  assert.deepEqual(
    found.map(({ name }) => name),
    ["block_1d_2025", "block_1h_2025", "block_5m_202512", "block_raw_20251231"],
  );
  for (const { options, storage } of found) {
    assert.deepEqual(options, ["toast_tuple_target=8160"]);
    assert.equal(storage, "head m, offsets m, data e");
  }
});

Deno.test("selectPartitions() knows what each spans, and leaves out those for late rows", async () => {
  await using database = await testDatabase();
  const { sql } = database;
  await ensurePartitions(sql, NOON);
  for (const tier of TIER_NAMES) await ensureBlockPartition(sql, tier, NOON);
  const spans = (await selectPartitions(sql)).map(({ name, start_ms, end_ms }) =>
    `${name} ${(end_ms - start_ms) / DAY_MS} days from ${
      new Date(start_ms).toISOString().slice(0, 10)
    }`
  );
  assert.deepEqual(spans, [
    "block_1d_2025 365 days from 2025-01-01",
    "block_1h_2025 365 days from 2025-01-01",
    "block_5m_202512 31 days from 2025-12-01",
    "annotation_20251231 1 days from 2025-12-31",
    "block_raw_20251231 1 days from 2025-12-31",
  ]);
});

Deno.test("dropPartition() gives up when somebody reads, and drops when nobody does", async () => {
  await using database = await testDatabase();
  const { sql } = database;
  await ensureBlockPartition(sql, "raw", NOON);
  await sql.begin(async (reader) => {
    await reader`select from block_raw`;
    assert.equal(await dropPartition(sql, "block_raw_20251231"), "busy");
  });
  assert.equal(await dropPartition(sql, "block_raw_20251231"), "dropped");
  assert.equal(await dropPartition(sql, "block_raw_20251231", []), "dropped", "it is gone already");
  assert.deepEqual(await selectPartitions(sql), []);
});

Deno.test("dropPartition() keeps a partition that has blocks of other shapes, committed or not", async () => {
  await using database = await testDatabase();
  const { sql } = database;
  await ensureBlockPartition(sql, "raw", NOON);
  await sql.begin(async (writer) => {
    await upsertBlocks(writer, "raw", [block(1, NOON, 10)]);
    assert.equal(await dropPartition(sql, "block_raw_20251231", []), "busy");
  });
  assert.equal(await dropPartition(sql, "block_raw_20251231", []), "grown");
  assert.equal(await dropPartition(sql, "block_raw_20251231", [2]), "grown");
  assert.equal(await dropPartition(sql, "block_raw_20251231", [2, 1]), "dropped");
});

Deno.test("upsertBlocks() and selectBlocks() keep bytes as they are, small and large", async () => {
  await using database = await testDatabase();
  const { sql } = database;
  await ensureBlockPartition(sql, "raw", NOON);
  const blocks = [block(1, NOON, 0), block(2, NOON, 100_000), block(1, NOON + HOUR_MS, 3_000)];
  await upsertBlocks(sql, "raw", blocks);
  const changed = { ...block(1, NOON, 17), head: new Uint8Array() };
  await upsertBlocks(sql, "raw", [changed]);
  const wanted = [...blocks, { host_id: 9, shape_id: 9, start_ms: NOON }];
  const found = await selectBlocks(sql, "raw", wanted);
  const plain = (one: StoredBlock | undefined) =>
    one && { ...one, head: [...one.head], offsets: [...one.offsets], data: [...one.data] };
  assert.equal(found.size, 3);
  for (const one of [changed, ...blocks.slice(1)]) {
    assert.deepEqual(plain(found.get(blockKey(one))), plain(one));
  }
  const range = { host_id: 1, shape_id: 1, from_ms: NOON, before_ms: NOON + HOUR_MS + 1 };
  assert.deepEqual(
    (await selectBlockKeys(sql, "raw", range)).map(({ start_ms }) => start_ms),
    [NOON, NOON + HOUR_MS],
  );
});
