/** Newest reports that are in blocks only, and those that are not. */
import assert from "node:assert/strict";
import { DAY_MS, HOUR_MS } from "../../../db/tiers.ts";
import { NotFoundError } from "../../../server/query/context.ts";
import { LatestReports } from "../../../server/query/latest.ts";
import { ownShapes, seenMeanwhile } from "../../support/own_shapes.ts";
import { storeHistory } from "../../support/stored_history.ts";
import { type TestDatabase, testDatabase } from "../../support/test_database.ts";

const NOW_MS = Date.UTC(2025, 0, 15, 12);

const row = (at_ms: number, ...values: number[]) => ({ at_ms, values });

/** `/fetch/latest` as a server that has just started answers it. */
async function latestOf(database: TestDatabase, hostname: string) {
  const latest = new LatestReports(database.sql);
  await latest.load();
  return JSON.parse(await latest.json(hostname))[hostname];
}

Deno.test("LatestReports knows hosts whose newest report is in a raw block", async () => {
  await using database = await testDatabase();
  const at_ms = NOW_MS - 5 * HOUR_MS;
  await storeHistory(database.sql, "quiet", [{
    names: ["cpu", "mem"],
    raw: [row(at_ms - 10_000, 1, 2), row(at_ms, 3, 4), row(at_ms - 3 * HOUR_MS, 5, 6)],
  }]);
  await storeHistory(database.sql, "alive", [{ names: ["cpu"], hot: [row(NOW_MS, 7)] }]);
  const quiet = await latestOf(database, "quiet");
  assert.deepEqual(quiet.metrics, { cpu: 3, mem: 4 });
  assert.equal(quiet.timestamp, at_ms / 1000);
  assert.deepEqual((await latestOf(database, "alive")).metrics, { cpu: 7 });
});

Deno.test("LatestReports finds the last values of a host whose samples are dropped", async () => {
  await using database = await testDatabase();
  const at_ms = NOW_MS - 60 * DAY_MS;
  await storeHistory(database.sql, "gone", [{
    names: ["cpu"],
    in_5m: [row(at_ms, 1.5), row(at_ms - DAY_MS, 9)],
    in_1h: [row(at_ms, 1.5), row(at_ms - DAY_MS, 9)],
  }]);
  const gone = await latestOf(database, "gone");
  assert.deepEqual(gone.metrics, { cpu: 1.5 });
  assert.equal(gone.timestamp, at_ms / 1000);
});

Deno.test("LatestReports leaves out shapes that a host has not used for long", async () => {
  await using database = await testDatabase();
  await storeHistory(database.sql, "a", [
    { names: ["cpu", "old"], raw: [row(NOW_MS - 3 * DAY_MS, 1, 1)] },
    { names: ["cpu", "recent"], raw: [row(NOW_MS - 2 * HOUR_MS, 2, 2)] },
    { names: ["cpu"], raw: [row(NOW_MS - HOUR_MS, 3)] },
  ]);
  assert.deepEqual((await latestOf(database, "a")).metrics, { cpu: 3, recent: 2 });
});

Deno.test("LatestReports prefers a block to a hot row that came late", async () => {
  await using database = await testDatabase();
  await storeHistory(database.sql, "late", [{
    names: ["cpu"],
    hot: [row(NOW_MS - 7 * HOUR_MS, 1)],
    raw: [row(NOW_MS - 5 * HOUR_MS, 2)],
  }]);
  await storeHistory(database.sql, "alive", [{ names: ["cpu"], hot: [row(NOW_MS, 7)] }]);
  assert.deepEqual((await latestOf(database, "late")).metrics, { cpu: 2 });
});

Deno.test("LatestReports answers for all others when a block is damaged", async () => {
  await using database = await testDatabase();
  await storeHistory(database.sql, "broken", [{ names: ["cpu"], raw: [row(NOW_MS, 1)] }]);
  await storeHistory(database.sql, "sound", [{ names: ["cpu"], raw: [row(NOW_MS, 2)] }]);
  await database.sql`
    update block_raw set data = 'x'
    where host_id = (select id from host where hostname = 'broken')`;
  assert.deepEqual((await latestOf(database, "broken")).metrics, {});
  assert.deepEqual((await latestOf(database, "sound")).metrics, { cpu: 2 });
});

Deno.test("LatestReports refuses a host that does not exist", async () => {
  await using database = await testDatabase();
  await assert.rejects(latestOf(database, "nobody"), NotFoundError);
});

Deno.test("LatestReports shows shapes that come while the names of others are being read", async () => {
  await using database = await testDatabase();
  const { sql } = database;
  const shapes = await ownShapes(sql, 500, NOW_MS);
  const latest = new LatestReports(sql);
  await latest.load();
  await latest.ready();
  const empty: string[] = [];
  const look = async () => {
    const found: Record<string, { timestamp: number | null; metrics: Record<string, number> }> =
      JSON.parse(await latest.json());
    const seen = Object.entries(found).filter(([, { timestamp }]) => timestamp !== null);
    // the one metric of each is called as the host
    empty.push(...seen.flatMap(([name, { metrics }]) => metrics[name] === 7 ? [] : [name]));
    return seen.length;
  };
  await seenMeanwhile(shapes, {
    see: (shape) => latest.observe({ ...shape, at_ms: NOW_MS, length: 1, value: () => 7 }),
    work: look,
  });
  assert.equal(await look(), 500);
  assert.deepEqual(empty, []);
});
