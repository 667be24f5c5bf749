/** Metrics that are kept for other times than usual, from the report to the answer. */
import assert from "node:assert/strict";
import { DAY_MS, HOUR_MS } from "../../../db/tiers.ts";
import { silentLogger } from "../../../log.ts";
import { planRun, runAggregation } from "../../../server/aggregate/run.ts";
import { verifyHistory } from "../../../server/aggregate/verify.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { testApp } from "../../support/test_app.ts";
import { testDatabase } from "../../support/test_database.ts";
import { aggregate, GRACE_MS, makeShape, rawSamples, RETENTION, store } from "./stored.ts";

const START_MS = Date.UTC(2025, 0, 15);
const RULES = [{ metrics: ["debug.*"], raw_days: 3 }, { metrics: ["billing"], raw_days: 90 }];

Deno.test("retention by rules: samples of some metrics go earlier, or later, than all others", async () => {
  const clock = new FakeClock(START_MS + 2 * HOUR_MS);
  const retention = { ...RETENTION, rules: RULES };
  await using app = await testApp({ clock, config: { retention } });
  const { sql } = app.database;
  const send = async (from_ms: number, count: number) => {
    const { body } = await app.post(Array.from({ length: count }, (_, i) => ({
      hostname: "a",
      timestamp: (from_ms + i * 60_000) / 1000,
      metrics: { cpu: i, "debug.x": 2 * i, billing: 3 * i },
    })));
    return body;
  };
  const options = () => ({
    ...{ sql, log: silentLogger, now_ms: clock.now(), grace_ms: GRACE_MS, retention },
    clock: { sleep: () => Promise.resolve() },
  });
  const history = async (metric: string, query = "") => {
    const { body } = await app.get(`/fetch/history/a/${metric}?start=${START_MS / 1000}&${query}`);
    return body.length;
  };
  const run = async () => {
    const outcome = await runAggregation(options());
    assert(outcome.state === "done");
    return outcome.counts;
  };

  // one report each, though they are stored in three parts; again is a duplicate
  assert.deepEqual(await send(START_MS, 60), { status: "received", stored: 60, duplicate: 0 });
  assert.deepEqual(await send(START_MS, 60), { status: "received", stored: 0, duplicate: 60 });
  await app.post({ hostname: "b", metrics: { cpu: 1, "debug.x": 2, billing: 3 } });
  const latest = await app.get("/fetch/latest?hostname=b");
  assert.deepEqual(latest.body.b.metrics, { billing: 3, cpu: 1, "debug.x": 2 });
  assert.equal(
    (await sql`select distinct r.at from report r join host h on h.id = host_id
      where hostname = 'b'`).length,
    1,
  );

  await clock.leap(2 * DAY_MS);
  await run();
  for (const metric of ["cpu", "debug.x", "billing"]) assert.equal(await history(metric), 60);

  await clock.leap(3 * DAY_MS);
  const planned = async () =>
    (await planRun(options())).flatMap((step) =>
      "partition" in step && step.partition.table === "block_raw"
        ? [`${step.kind} ${step.partition.name}`]
        : []
    );
  assert.deepEqual(await planned(), ["thin_partition block_raw_20250115"]);
  assert.equal((await run()).partitions_thinned, 1);
  assert.equal((await run()).partitions_thinned, 0);
  assert.equal(await history("debug.x"), 0);
  assert.equal(await history("cpu"), 60);
  assert.equal(await history("billing"), 60);
  // its five-minute values are kept as usual, and are what an answer is made of
  assert.equal(await history("debug.x", "tier=5m"), 12);
  const range = `from=${START_MS / 1000}&to=${START_MS / 1000 + 3_599}&points=60`;
  const of = async (metric: string) =>
    (await app.get(`/api/v1/series?host=a&metric=${metric}&${range}`)).body;
  assert.equal((await of("cpu")).tier, "raw");
  const debug = await of("debug.x");
  assert.deepEqual([debug.tier, debug.series[0].t.length], ["5m", 12]);
  assert.equal(debug.series[0].max.at(-1), 118);

  // late: the others find their hour, these would be all of it
  await send(START_MS + 30_000, 1);
  assert.equal((await run()).late_reports_expired, 1);
  assert.equal(await history("cpu"), 61);
  assert.equal(await history("debug.x"), 0);
  assert.equal((await of("debug.x")).series[0].max.at(-1), 118);

  await clock.leap(30 * DAY_MS);
  assert.equal((await run()).partitions_thinned, 1);
  assert.equal(await history("cpu"), 0);
  assert.equal(await history("billing"), 61);
  await clock.leap(60 * DAY_MS);
  assert.deepEqual(await planned(), ["drop_partition block_raw_20250115"]);
  await run();
  assert.equal(await history("billing"), 0);
  assert.deepEqual((await verifyHistory({ sql, sample: 100 })).differences, []);
});

Deno.test("retention by rules: a day of expired samples alone keeps what its last run merges into it", async () => {
  const retention = { ...RETENTION, rules: RULES };
  for (const slots of [true, false]) {
    await using database = await testDatabase();
    const { sql } = database;
    const short = await makeShape(sql, { "debug.x": "gauge" });
    const usual = await makeShape(sql, { cpu: "gauge" });
    await store(sql, short, [{ host_id: 1, at_ms: START_MS, values: [1] }]);
    await aggregate(sql, START_MS + DAY_MS, { retention });
    const at_ms = START_MS + HOUR_MS;
    await store(sql, usual, [{ host_id: 2, at_ms, values: [42] }], { slots });
    const counts = await aggregate(sql, START_MS + 9 * DAY_MS, { retention });
    assert.deepEqual([...await rawSamples(sql)], [[`2 ${usual} ${at_ms}`, [42]]]);
    assert.deepEqual([counts.partitions_dropped, counts.partitions_thinned], [0, 1]);
    await aggregate(sql, START_MS + 40 * DAY_MS, { retention });
    assert.equal((await rawSamples(sql)).size, 0);
  }
});
