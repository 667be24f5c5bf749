/** `GET /api/v1/storage` on a real server: sizes, counts, times and shares. */
import assert from "node:assert/strict";
import { encodeRawBlock } from "../../../db/codec/raw_block.ts";
import { ensureBlockPartition } from "../../../db/block_partitions.ts";
import { sampleBlocks, sampleReports, selectWalSize } from "../../../db/storage.ts";
import { storageReport } from "../../../server/query/storage.ts";
import { type StorageAnswer, storageSchema } from "../../../server/wire/storage.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { type TestApp, testApp } from "../../support/test_app.ts";
import { testDatabase } from "../../support/test_database.ts";

const HOUR_MS = Date.UTC(2025, 0, 15, 12);

function emptyApp(): Promise<TestApp> {
  return testApp({ clock: new FakeClock(HOUR_MS + 5_400_000) });
}

async function storage(app: TestApp, query = ""): Promise<StorageAnswer> {
  const { status, body } = await app.get(`/api/v1/storage${query}`);
  assert.equal(status, 200, JSON.stringify(body));
  return storageSchema.strict().parse(body);
}

const tierOf = (answer: StorageAnswer, name: string) => {
  const tier = answer.tiers.find((one) => one.name === name);
  assert.ok(tier !== undefined);
  return tier;
};

/** An hour in a block: reports of `metrics` values every 10 s. */
async function addBlock(app: TestApp, options: { hostname: string; metrics: number }) {
  const { sql } = app.database;
  const start_ms = HOUR_MS - 3_600_000;
  await ensureBlockPartition(sql, "raw", start_ms);
  const block = encodeRawBlock({
    times_ms: Float64Array.from({ length: 360 }, (_, i) => start_ms + i * 10_000),
    columns: Array.from(
      { length: options.metrics },
      (_, metric) => Float64Array.from({ length: 360 }, (_, i) => Math.sin(i * metric)),
    ),
  });
  await sql`
    insert into block_raw (host_id, shape_id, start, head, offsets, data)
    select id, 1, ${
    new Date(start_ms).toISOString()
  }, ${block.head}, ${block.offsets}, ${block.data}
    from host where hostname = ${options.hostname}`;
}

Deno.test("storage of an empty server is an answer, too", async () => {
  await using app = await emptyApp();
  const answer = await storage(app);
  assert.deepEqual(answer.tiers.map((tier) => [tier.name, tier.samples, tier.oldest]), [
    ["hot", 0, null],
    ["raw", 0, null],
    ["5m", 0, null],
    ["1h", 0, null],
    ["1d", 0, null],
  ]);
  assert.deepEqual([answer.host_count, answer.hosts, answer.disk, answer.forecast], [
    0,
    [],
    null,
    null,
  ]);
});

Deno.test("storage counts samples, says how old they are, and shares the bytes among hosts", async () => {
  await using app = await emptyApp();
  await app.post(
    ["a", "b"].flatMap((hostname, host) =>
      Array.from({ length: 10 * (host + 1) }, (_, i) => ({
        hostname,
        timestamp: HOUR_MS / 1000 + i,
        metrics: { x: i, y: { value: i, message: "text" }, z: 1 },
      }))
    ),
  );
  await addBlock(app, { hostname: "b", metrics: 50 });
  const answer = await storage(app);
  const hot = tierOf(answer, "hot");
  assert.deepEqual(
    [hot.rows, hot.samples, hot.samples_are_exact, hot.oldest, hot.newest],
    [30, 90, true, HOUR_MS / 1000, HOUR_MS / 1000 + 19],
  );
  const raw = tierOf(answer, "raw");
  assert.deepEqual(
    [raw.rows, raw.samples, raw.partitions, raw.oldest, raw.newest],
    [1, 18_000, 1, HOUR_MS / 1000 - 3_600, HOUR_MS / 1000],
  );
  assert.equal(raw.bytes, raw.heap_bytes + raw.toast_bytes + raw.index_bytes);
  assert.ok(raw.toast_bytes > raw.heap_bytes, "the data of a block is out of line");
  assert.equal(raw.bytes_per_sample, raw.bytes / 18_000);
  assert.equal(raw.growth_bytes_per_day, raw.bytes * 24);
  assert.equal(raw.retention_days, 30);
  const [size] = await app.database.sql<{ bytes: number }[]>`
    select sum(pg_total_relation_size(inhrelid))::float8 as bytes
    from pg_inherits where inhparent = 'report'::regclass`;
  assert.equal(hot.bytes, size?.bytes);
  assert.deepEqual(answer.hosts.map((host) => [host.hostname, host.samples]), [
    ["b", 18_060],
    ["a", 30],
  ]);
  const shared = answer.hosts.reduce((sum, host) => sum + host.bytes, 0);
  assert.ok(Math.abs(shared - hot.bytes - raw.bytes) <= 2, `${shared}`);
  const listed = [...answer.tiers, ...answer.other].reduce((sum, one) => sum + one.bytes, 0);
  assert.ok(answer.database_bytes > listed, "the catalogs weigh something, too");
  assert.ok((answer.other.find((table) => table.name === "annotation")?.bytes ?? 0) > 0);
  assert.equal((await storage(app, "?hosts=1")).hosts.length, 1);
  assert.equal((await app.get("/api/v1/storage?hosts=some")).status, 400);
});

Deno.test("storage knows the disk of a data directory, and when it is full", async () => {
  await using app = await emptyApp();
  await app.post({ hostname: "a", timestamp: HOUR_MS / 1000, metrics: { x: 1 } });
  await addBlock(app, { hostname: "a", metrics: 50 });
  const report = await storageReport(app.database.sql, {
    primary: app.database.sql,
    retention: { raw_days: 30, five_minutes_days: 180, one_hour_days: 1_000, one_day_days: null },
    data_dir: Deno.cwd(),
    now_ms: HOUR_MS,
    hosts_max: 0,
  });
  const { disk, forecast } = report;
  assert.ok(disk !== null && disk.free_bytes > 0 && disk.free_bytes <= disk.size_bytes);
  const raw = report.tiers.find((tier) => tier.name === "raw");
  assert.equal(forecast?.growth_bytes_per_day, raw?.growth_bytes_per_day);
  const to_come = (raw?.growth_bytes_per_day ?? 0) * (30 - 1 / 24);
  assert.ok(Math.abs((forecast?.still_to_come_bytes ?? 0) - to_come) < 1);
});

Deno.test("a part of the pages holds about that part of the rows", async () => {
  await using database = await testDatabase();
  const { sql } = database;
  await sql`
    insert into report (host_id, shape_id, at, vals)
    select i % 10, 1, timestamptz '2025-01-15' + i * interval '1 second', array[1, 2, 3]::float8[]
    from generate_series(1, 50000) as i`;
  const total = async (percent: number) => {
    const hosts = await sampleReports(sql, percent);
    return hosts.reduce((sum, host) => sum + host.samples, 0);
  };
  assert.equal(await total(100), 150_000);
  const part = await total(25);
  assert.ok(part > 0.2 * 150_000 && part < 0.3 * 150_000, `${part} samples in a quarter`);
  assert.equal((await sampleBlocks(sql, "block_5m", 10)).length, 0);
});

Deno.test("the size of the log is unknown to a user who may not look at it", async () => {
  await using database = await testDatabase({ connections_max: 1 });
  const { sql } = database;
  assert.ok((await selectWalSize(sql) ?? 0) > 0);
  const role = `reader_${crypto.randomUUID().replaceAll("-", "")}`;
  await sql.unsafe(`create role ${role}`);
  try {
    await sql.unsafe(`set role ${role}`);
    assert.equal(await selectWalSize(sql), undefined);
  } finally {
    await sql.unsafe("reset role");
    await sql.unsafe(`drop role ${role}`);
  }
});
