import assert from "node:assert/strict";
import { type StoredBlock, upsertBlocks } from "../../../db/blocks.ts";
import { decodeRawBlock, encodeRawBlock } from "../../../db/codec/raw_block.ts";
import { decodeRollupBlock, encodeRollupBlock } from "../../../db/codec/rollup_block.ts";
import { DAY_MS, HOUR_MS, type Tier } from "../../../db/tiers.ts";
import { type Difference, verifyHistory } from "../../../server/aggregate/verify.ts";
import { type TestDatabase, testDatabase } from "../../support/test_database.ts";
import { aggregate, blocksOf, makeShape, store } from "./stored.ts";

const MIDNIGHT = Date.UTC(2025, 0, 15);

/** Two hosts, six hours of a day, a gauge; all of it aggregated. */
async function withHistory(): Promise<TestDatabase> {
  const database = await testDatabase();
  const shape_id = await makeShape(database.sql, { wave: "gauge" });
  const reports = Array.from({ length: 6 * 60 }, (_, minute) =>
    [1, 2].map((host_id) => ({
      ...{ host_id, at_ms: MIDNIGHT + minute * 60_000, values: [minute % 50] },
    }))).flat();
  await store(database.sql, shape_id, reports);
  await aggregate(database.sql, MIDNIGHT + 2 * DAY_MS);
  return database;
}

async function change(
  database: TestDatabase,
  tier: Tier,
  edit: (block: StoredBlock) => Pick<StoredBlock, "head" | "offsets" | "data">,
): Promise<void> {
  const [block] = await blocksOf(database.sql, tier);
  if (block === undefined) throw new Error(`there is no block of ${tier}`);
  await upsertBlocks(database.sql, tier, [{ ...block, ...edit(block) }]);
}

async function differences({ sql }: TestDatabase): Promise<string[]> {
  const found = await verifyHistory({ sql, sample: 100 });
  assert.equal(found.days_checked, 2);
  return found.differences.map((one: Difference) =>
    one.what === "block"
      ? `${one.tier} ${one.host_id}: ${one.problem}`
      : `${one.tier} ${one.host_id} ${(one.bucket_ms - MIDNIGHT) / HOUR_MS} h: ${one.what} ` +
        `is ${one.found}, must be ${one.expected}`
  );
}

for (const tier of ["5m", "1h", "1d"] as const) {
  Deno.test(`verifyHistory() sees a value of ${tier} that is another one`, async () => {
    await using database = await withHistory();
    assert.deepEqual(await differences(database), []);
    await change(database, tier, (block) => {
      const rollups = decodeRollupBlock(block);
      const [series] = rollups.series;
      series?.max.fill(77, 0, 1);
      return encodeRollupBlock(rollups);
    });
    const must_be = { "5m": 4, "1h": 49, "1d": 49 }[tier];
    const told = await differences(database);
    assert.equal(told[0], `${tier} 1 0 h: max is 77, must be ${must_be}`);
    // what is made of it is not what it should be made of, up to the tier where it was made before
    const coarser = { "5m": ["1h"], "1h": ["1d"], "1d": [] }[tier];
    assert.deepEqual(told.slice(1).map((line) => line.slice(0, 2)), coarser);
  });
}

Deno.test("verifyHistory() sees samples that are other ones, or of another hour", async () => {
  await using database = await withHistory();
  await change(database, "raw", (block) => {
    const reports = decodeRawBlock(block);
    reports.columns[0]?.fill(-5, 0, 1);
    return encodeRawBlock(reports);
  });
  assert.deepEqual(await differences(database), [
    "5m 1 0 h: first is 0, must be -5",
    "5m 1 0 h: min is 0, must be -5",
    "5m 1 0 h: sum is 10, must be 5",
  ]);
  await change(database, "raw", (block) => {
    const reports = decodeRawBlock(block);
    return encodeRawBlock({ ...reports, times_ms: reports.times_ms.map((ms) => ms + HOUR_MS) });
  });
  assert.ok((await differences(database)).includes("raw 1: It has times of another hour"));
});

Deno.test("verifyHistory() sees a block that is damaged, or missing", async () => {
  await using database = await withHistory();
  const { sql } = database;
  await sql`update block_raw set data = set_byte(data, 1, get_byte(data, 1) # 1) where host_id = 1`;
  const told = await differences(database);
  assert.equal(told.length, 20, "twenty a day are enough");
  assert.match(told[0] ?? "", /^raw 1: A block's offsets and data do not have their checksum$/);
  await sql`delete from block_5m where host_id = 2`;
  assert.ok(
    (await differences(database)).some((line) => /^5m 2 .* bucket is undefined/.test(line)),
  );
});

Deno.test("verifyHistory() leaves alone what is pending, and what lost its source to retention", async () => {
  await using database = await withHistory();
  const { sql } = database;
  const [block] = await blocksOf(sql, "raw");
  await sql`insert into pending_hour values (${block?.host_id ?? 0}, ${block?.shape_id ?? 0},
    ${new Date(MIDNIGHT)})`;
  await change(database, "raw", (raw) => {
    const reports = decodeRawBlock(raw);
    reports.columns[0]?.fill(-5, 0, 1);
    return encodeRawBlock(reports);
  });
  assert.deepEqual(await differences(database), []);
  await sql`drop table block_raw_20250115`;
  assert.deepEqual(await differences(database), []);
});
