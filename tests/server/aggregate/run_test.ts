import assert from "node:assert/strict";
import { DAY_MS, HOUR_MS, startOf } from "../../../db/tiers.ts";
import { RunLockLostError, tryRunLock } from "../../../db/aggregation_lock.ts";
import { connect, type Sql } from "../../../db/connect.ts";
import { planRun, RUN_CONNECTIONS, runAggregation } from "../../../server/aggregate/run.ts";
import { verifyHistory } from "../../../server/aggregate/verify.ts";
import { silentLogger } from "../../../log.ts";
import { testDatabase } from "../../support/test_database.ts";
import {
  aggregate,
  blocksOf,
  done,
  GRACE_MS,
  hotState,
  makeShape,
  rawSamples,
  RETENTION,
  rollupsOf,
  store,
  type StoredReport,
} from "./stored.ts";

const MIDNIGHT = Date.UTC(2025, 0, 15);
const MINUTE_MS = 60_000;

/** Two hosts, every `step_ms`; a wave and a counter that begins anew now and then. */
function makeReports(from_ms: number, to_ms: number, step_ms = 30_000): StoredReport[] {
  const reports: StoredReport[] = [];
  for (let at_ms = from_ms; at_ms < to_ms; at_ms += step_ms) {
    for (const host_id of [1, 2]) {
      const n = Math.floor(at_ms / step_ms);
      const wave = Math.round(1000 * Math.sin(n / 20 + host_id)) / 100;
      reports.push({ host_id, at_ms, values: [n % 97 * 3, wave] });
    }
  }
  return reports;
}

function byKey(shape_id: number, reports: readonly StoredReport[]): Map<string, number[]> {
  return new Map(
    reports.map(({ host_id, at_ms, values }) => [`${host_id} ${shape_id} ${at_ms}`, values]),
  );
}

function sorted(samples: Map<string, number[]>): [string, number[]][] {
  return [...samples].sort(([a], [b]) => a < b ? -1 : 1);
}

/** Every bucket of a tier, made from the reports themselves with loops anybody can read. */
function naive(reports: readonly StoredReport[], bucket_ms: number) {
  const buckets = new Map<string, StoredReport[]>();
  for (const report of reports.toSorted((a, b) => a.at_ms - b.at_ms)) {
    const start_ms = Math.floor(report.at_ms / bucket_ms) * bucket_ms;
    const key = `${report.host_id} ${start_ms}`;
    buckets.set(key, [...buckets.get(key) ?? [], report]);
  }
  return [...buckets].sort(([a], [b]) => a < b ? -1 : 1).map(([key, rows]) => {
    const series = [0, 1].map((metric) => rows.map(({ values }) => values[metric] ?? NaN));
    const [counter = [], wave = []] = series;
    const lost = counter.reduce(
      (sum, value, i) => i > 0 && value < (counter[i - 1] ?? 0) ? sum + (counter[i - 1] ?? 0) : sum,
      0,
    );
    const hundredths = wave.reduce((sum, value) => sum + Math.round(value * 100), 0);
    return {
      key,
      count: rows.length,
      times: [rows.at(0)?.at_ms, rows.at(-1)?.at_ms],
      first: series.map((values) => values.at(0)),
      last: series.map((values) => values.at(-1)),
      min: series.map((values) => Math.min(...values)),
      max: series.map((values) => Math.max(...values)),
      lost,
      sum: hundredths / 100,
    };
  });
}

/** The same of what is stored. */
async function stored(
  sql: Parameters<typeof rollupsOf>[0],
  tier: "5m" | "1h" | "1d",
) {
  const all = (await rollupsOf(sql, tier)).flatMap(({ host_id, buckets, series }) =>
    [...buckets.start_ms].map((start_ms, row) => {
      const of = (name: "first" | "last" | "min" | "max") =>
        series.map((rollup) => rollup[name][row]);
      const [counter, wave] = series;
      assert.deepEqual([counter?.sum, wave?.lost], [undefined, undefined]);
      return {
        key: `${host_id} ${start_ms}`,
        count: buckets.count[row],
        times: [buckets.first_ms[row], buckets.last_ms[row]],
        ...{ first: of("first"), last: of("last"), min: of("min"), max: of("max") },
        lost: counter?.lost?.[row],
        sum: wave?.sum?.[row],
      };
    })
  );
  return all.sort((a, b) => a.key < b.key ? -1 : 1);
}

/** Ends the connection of whoever is the one runner. */
async function endRunLock(sql: Sql): Promise<void> {
  await sql`select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory'
    and objid = ${0x61676772} and granted and pid <> pg_backend_pid()
    and database = (select oid from pg_database where datname = current_database())`;
}

async function expectNoDifference(sql: Parameters<typeof rollupsOf>[0]): Promise<void> {
  const { days_checked, differences } = await verifyHistory({ sql, sample: 10_000 });
  assert.ok(days_checked > 0);
  assert.deepEqual(differences, []);
}

Deno.test("runAggregation() makes blocks and rollups that are the reports, however often it runs", async () => {
  await using database = await testDatabase();
  const { sql } = database;
  const shape_id = await makeShape(sql, { bytes_total: "counter", wave: "gauge" });
  // over a year's border, with a gap of two hours and an empty day
  const from_ms = Date.UTC(2024, 11, 31, 20);
  const reports = makeReports(from_ms, from_ms + 7 * HOUR_MS).filter(({ at_ms }) =>
    at_ms < from_ms + 2 * HOUR_MS || at_ms >= from_ms + 4 * HOUR_MS
  ).concat(makeReports(from_ms + 48 * HOUR_MS, from_ms + 49 * HOUR_MS));
  const chunks = Map.groupBy(reports, ({ at_ms }) => startOf("hour", at_ms));
  for (const [hour_ms, chunk] of chunks) {
    await store(sql, shape_id, chunk);
    // not always in time, and in the middle of hours
    if (hour_ms % (2 * HOUR_MS) === 0) await aggregate(sql, hour_ms + HOUR_MS / 2);
  }
  const end_ms = from_ms + 4 * DAY_MS;
  await aggregate(sql, end_ms);
  assert.deepEqual(sorted(await rawSamples(sql)), sorted(byKey(shape_id, reports)));
  assert.deepEqual(await stored(sql, "5m"), naive(reports, 5 * MINUTE_MS));
  assert.deepEqual(await stored(sql, "1h"), naive(reports, HOUR_MS));
  assert.deepEqual(await stored(sql, "1d"), naive(reports, DAY_MS));
  assert.deepEqual(await hotState(sql), { slots: [], late: 0 });
  assert.equal((await blocksOf(sql, "1d")).length, 4, "a block a host and year");
  await expectNoDifference(sql);
  const again = await aggregate(sql, end_ms);
  assert.deepEqual([again.steps, done(again)], [0, {}]);
});

Deno.test("runAggregation() takes late reports into blocks and rollups, and deletes them", async () => {
  await using database = await testDatabase();
  const { sql } = database;
  const shape_id = await makeShape(sql, { bytes_total: "counter", wave: "gauge" });
  const reports = makeReports(MIDNIGHT, MIDNIGHT + 4 * HOUR_MS);
  const late = reports.filter((_, i) => i % 7 === 0);
  const end_ms = MIDNIGHT + 2 * DAY_MS;
  await store(sql, shape_id, reports.filter((_, i) => i % 7 !== 0));
  await aggregate(sql, end_ms);
  const before = await stored(sql, "1d");
  await store(sql, shape_id, late, { slots: false });
  // a report sent again, with the slot it was in long gone, is the same report
  const again = reports.filter((_, i) => i % 70 === 1);
  await store(sql, shape_id, again, { slots: false });
  const counts = await aggregate(sql, end_ms);
  assert.equal(counts.late_reports_merged, late.length + again.length);
  assert.deepEqual(sorted(await rawSamples(sql)), sorted(byKey(shape_id, reports)));
  assert.deepEqual(await stored(sql, "5m"), naive(reports, 5 * MINUTE_MS));
  assert.deepEqual(await stored(sql, "1d"), naive(reports, DAY_MS));
  assert.notDeepEqual(await stored(sql, "1d"), before);
  assert.deepEqual((await hotState(sql)).late, 0);
  await expectNoDifference(sql);
  assert.deepEqual(done(await aggregate(sql, end_ms)), {});
});

Deno.test("runAggregation() leaves late reports alone whose time is not closed", async () => {
  await using database = await testDatabase();
  const { sql } = database;
  const shape_id = await makeShape(sql, { bytes_total: "counter", wave: "gauge" });
  await store(sql, shape_id, makeReports(MIDNIGHT, MIDNIGHT + HOUR_MS), { slots: false });
  await aggregate(sql, MIDNIGHT + 30 * MINUTE_MS + GRACE_MS);
  assert.equal((await rawSamples(sql)).size, 2 * 60);
  assert.equal((await hotState(sql)).late, 2 * 60);
});

Deno.test("runAggregation() keeps a slot that got reports meanwhile, and merges them next", async () => {
  await using database = await testDatabase();
  const { sql } = database;
  const shape_id = await makeShape(sql, { bytes_total: "counter", wave: "gauge" });
  const reports = makeReports(MIDNIGHT, MIDNIGHT + 10 * MINUTE_MS);
  await store(sql, shape_id, reports.slice(2));
  let added: Promise<void> | undefined;
  const first = await aggregate(sql, MIDNIGHT + HOUR_MS, {
    // told after the blocks are written and before the slot is dropped
    onProgress: ({ reports: merged }) => {
      if (merged > 0) added ??= store(sql, shape_id, reports.slice(0, 2), { slots: false });
    },
    clock: { sleep: () => Promise.resolve() },
  });
  await added;
  // who is first is a matter of chance; nothing may be lost either way
  if (first.slots_kept === 0) assert.deepEqual((await hotState(sql)).late, 2);
  const second = await aggregate(sql, MIDNIGHT + HOUR_MS);
  assert.equal(first.slots_dropped + second.slots_dropped, 1);
  assert.deepEqual(sorted(await rawSamples(sql)), sorted(byKey(shape_id, reports)));
  assert.deepEqual(await hotState(sql), { slots: [], late: 0 });
});

Deno.test("runAggregation() keeps a slot that somebody reads, and drops it next", async () => {
  await using database = await testDatabase();
  const { sql } = database;
  const shape_id = await makeShape(sql, { bytes_total: "counter", wave: "gauge" });
  const reports = makeReports(MIDNIGHT, MIDNIGHT + 10 * MINUTE_MS);
  await store(sql, shape_id, reports);
  await sql.begin(async (reader) => {
    await reader`select count(*) from report`;
    const counts = await aggregate(sql, MIDNIGHT + HOUR_MS);
    assert.deepEqual([counts.slots_dropped, counts.slots_kept], [0, 1]);
  });
  assert.equal((await hotState(sql)).slots.length, 1);
  const counts = await aggregate(sql, MIDNIGHT + HOUR_MS);
  assert.deepEqual([counts.slots_dropped, counts.raw_blocks_written], [1, 0]);
  assert.deepEqual(sorted(await rawSamples(sql)), sorted(byKey(shape_id, reports)));
});

Deno.test("runAggregation() of one host, then up to a time, leaves the rest for later", async () => {
  await using database = await testDatabase();
  const { sql } = database;
  const shape_id = await makeShape(sql, { bytes_total: "counter", wave: "gauge" });
  const reports = makeReports(MIDNIGHT, MIDNIGHT + 4 * HOUR_MS);
  await store(sql, shape_id, reports);
  const now_ms = MIDNIGHT + 2 * DAY_MS;
  await aggregate(sql, now_ms, { host_id: 2 });
  assert.deepEqual(
    new Set((await blocksOf(sql, "5m")).map(({ host_id }) => host_id)),
    new Set([2]),
  );
  await aggregate(sql, now_ms, { until_ms: MIDNIGHT + HOUR_MS });
  assert.equal((await blocksOf(sql, "raw")).length, 4 + 1);
  assert.equal((await hotState(sql)).slots.length, 24);
  await aggregate(sql, now_ms);
  assert.deepEqual(sorted(await rawSamples(sql)), sorted(byKey(shape_id, reports)));
  assert.deepEqual(await stored(sql, "1d"), naive(reports, DAY_MS));
});

Deno.test("runAggregation() lets one run at a time do the work", async () => {
  await using database = await testDatabase();
  const { sql } = database;
  const options = {
    ...{ sql, log: silentLogger, now_ms: MIDNIGHT, grace_ms: GRACE_MS, retention: RETENTION },
    clock: { sleep: () => Promise.resolve() },
  };
  {
    await using held = await tryRunLock(sql);
    assert.notEqual(held, undefined);
    assert.deepEqual(await runAggregation(options), { state: "busy" });
  }
  assert.equal((await runAggregation(options)).state, "done");
});

Deno.test("runAggregation() twice at once, as after a lost lock, loses and doubles nothing", async () => {
  await using database = await testDatabase();
  const { sql } = database;
  const shape_id = await makeShape(sql, { bytes_total: "counter", wave: "gauge" });
  const reports = makeReports(MIDNIGHT, MIDNIGHT + 6 * HOUR_MS);
  const now_ms = MIDNIGHT + 2 * DAY_MS;
  await store(sql, shape_id, reports.filter((_, i) => i % 3 !== 0));
  await store(sql, shape_id, reports.filter((_, i) => i % 3 === 0), { slots: false });
  const other = async () => {
    for (let i = 0; i < 200; i++) {
      // not all the time: a run that has lost its lock ends soon
      if (i < 5) await endRunLock(sql);
      await aggregate(sql, now_ms).catch(() => {});
      if ((await hotState(sql)).slots.length === 0) return;
    }
  };
  await Promise.allSettled([other(), other()]);
  // a connection that was ended says so before its lock is free
  const again = () =>
    aggregate(sql, now_ms).catch((error) => assert.match(String(error), /under way/));
  while (await again() === undefined);
  assert.deepEqual(sorted(await rawSamples(sql)), sorted(byKey(shape_id, reports)));
  assert.deepEqual(await stored(sql, "1d"), naive(reports, DAY_MS));
  await expectNoDifference(sql);
});

Deno.test("runAggregation() ends when its lock is lost, and the next run goes on", async () => {
  await using database = await testDatabase({ connections_max: RUN_CONNECTIONS });
  const { sql } = database;
  const shape_id = await makeShape(sql, { bytes_total: "counter", wave: "gauge" });
  const reports = makeReports(MIDNIGHT, MIDNIGHT + 3 * HOUR_MS);
  await store(sql, shape_id, reports);
  const now_ms = MIDNIGHT + 2 * DAY_MS;
  const others = connect(database.address, { connections_max: 2 });
  let is_lost = false;
  const sleep = async () => {
    if (is_lost) return;
    is_lost = true;
    await endRunLock(others);
    // all of the pool at once: the lock's connection is known to be gone
    const all = Array.from({ length: RUN_CONNECTIONS }, () => Promise.withResolvers<void>());
    await Promise.all(all.map(({ resolve }) =>
      sql.begin(async (tx) => {
        await tx`select`;
        resolve();
        await Promise.all(all.map(({ promise }) => promise));
      })
    ));
  };
  await others.begin(async (reader) => {
    // the run pauses, since it cannot drop the first slot
    await reader`select count(*) from report_202501150000`;
    await assert.rejects(aggregate(sql, now_ms, { clock: { sleep } }), RunLockLostError);
  });
  assert.ok((await rawSamples(sql)).size < reports.length);
  await aggregate(sql, now_ms);
  assert.deepEqual(sorted(await rawSamples(sql)), sorted(byKey(shape_id, reports)));
  await others.end();
});

Deno.test("runAggregation() makes the day anew when a metric turns out to be a counter", async () => {
  await using database = await testDatabase();
  const { sql } = database;
  const shape_id = await makeShape(sql, { bytes: undefined, wave: "gauge" });
  const reports = makeReports(MIDNIGHT, MIDNIGHT + 6 * HOUR_MS);
  const morning = reports.filter(({ at_ms }) => at_ms < MIDNIGHT + 3 * HOUR_MS);
  await store(sql, shape_id, morning);
  await aggregate(sql, MIDNIGHT + 4 * HOUR_MS);
  assert.notEqual((await rollupsOf(sql, "5m"))[0]?.series[0]?.sum, undefined);
  await makeShape(sql, { bytes: "counter", wave: "gauge" });
  await store(sql, shape_id, reports.filter((report) => !morning.includes(report)));
  await aggregate(sql, MIDNIGHT + 2 * DAY_MS);
  assert.deepEqual(await stored(sql, "5m"), naive(reports, 5 * MINUTE_MS));
  assert.deepEqual(await stored(sql, "1d"), naive(reports, DAY_MS));
  await expectNoDifference(sql);
});

Deno.test("runAggregation() leaves a damaged block and its reports, and goes on with the others", async () => {
  await using database = await testDatabase();
  const { sql } = database;
  const shape_id = await makeShape(sql, { bytes_total: "counter", wave: "gauge" });
  const reports = makeReports(MIDNIGHT, MIDNIGHT + 2 * HOUR_MS);
  await store(sql, shape_id, reports.filter(({ at_ms }) => at_ms < MIDNIGHT + 30 * MINUTE_MS));
  await aggregate(sql, MIDNIGHT + HOUR_MS / 2 + GRACE_MS);
  await sql`update block_raw set head = set_byte(head, 5, 7) where host_id = 1`;
  await store(sql, shape_id, reports.filter(({ at_ms }) => at_ms >= MIDNIGHT + 30 * MINUTE_MS));
  const counts = await aggregate(sql, MIDNIGHT + 2 * DAY_MS);
  assert.ok(counts.failures >= 1);
  // three slots of the hour have reports that are in no block
  assert.equal((await hotState(sql)).slots.length, 3);
  const found = new Map(
    (await stored(sql, "5m").catch(() => [])).map((bucket) => [bucket.key, bucket]),
  );
  for (const bucket of naive(reports.filter(({ host_id }) => host_id === 2), 5 * MINUTE_MS)) {
    assert.deepEqual(found.get(bucket.key), bucket);
  }
  const { differences } = await verifyHistory({ sql, sample: 100 });
  assert.ok(differences.some((one) => one.what === "block" && one.host_id === 1));
});

Deno.test("runAggregation() drops what is past its retention, and planRun() says so before", async () => {
  await using database = await testDatabase();
  const { sql } = database;
  const shape_id = await makeShape(sql, { bytes_total: "counter", wave: "gauge" });
  const reports = makeReports(MIDNIGHT, MIDNIGHT + HOUR_MS);
  await store(sql, shape_id, reports);
  await aggregate(sql, MIDNIGHT + 2 * DAY_MS);
  const now_ms = MIDNIGHT + 33 * DAY_MS;
  await store(sql, shape_id, makeReports(MIDNIGHT, MIDNIGHT + 1, 1_000), { slots: false });
  const options = {
    ...{ sql, log: silentLogger, now_ms, grace_ms: GRACE_MS, retention: RETENTION },
    clock: { sleep: () => Promise.resolve() },
  };
  const names = (await planRun(options))
    .flatMap((step) => step.kind === "drop_partition" ? [step.partition.name] : []);
  assert.deepEqual(names, ["block_raw_20250115"]);
  assert.equal((await blocksOf(sql, "raw")).length, 2);
  const counts = await aggregate(sql, now_ms);
  assert.equal(counts.partitions_dropped, 1);
  assert.ok(counts.bytes_dropped > 0);
  assert.equal((await blocksOf(sql, "raw")).length, 0);
  assert.deepEqual(await stored(sql, "5m"), naive(reports, 5 * MINUTE_MS));
  // from now on, what comes for that day has nowhere to go
  await store(sql, shape_id, makeReports(MIDNIGHT, MIDNIGHT + 1, 1_000), { slots: false });
  const next = await aggregate(sql, now_ms);
  assert.deepEqual(done(next), { late_reports_expired: 2 });
  assert.deepEqual(await stored(sql, "5m"), naive(reports, 5 * MINUTE_MS));
});

Deno.test("runAggregation() ends between two transactions when it is asked to, and goes on", async () => {
  await using database = await testDatabase();
  const { sql } = database;
  const shape_id = await makeShape(sql, { bytes_total: "counter", wave: "gauge" });
  const reports = makeReports(MIDNIGHT, MIDNIGHT + 3 * HOUR_MS);
  await store(sql, shape_id, reports);
  const stop = new AbortController();
  const onProgress = ({ index }: { index: number }) => {
    if (index === 1) stop.abort(new Error("enough"));
  };
  const now_ms = MIDNIGHT + 2 * DAY_MS;
  await assert.rejects(aggregate(sql, now_ms, { signal: stop.signal, onProgress }), /enough/);
  await aggregate(sql, now_ms);
  assert.deepEqual(sorted(await rawSamples(sql)), sorted(byKey(shape_id, reports)));
  await expectNoDifference(sql);
});
