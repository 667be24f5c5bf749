/**
 * What schema api says about history is what db/codec makes of the same samples, bit for bit, however
 * far the server has come with storing and rolling them up.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import type { RollupKind } from "../../db/codec/rollup.ts";
import { exactSum } from "../../db/codec/sum.ts";
import type { Sql } from "../../db/connect.ts";
import { testDatabase } from "../support/test_database.ts";
import {
  anyHost,
  type HostData,
  insertHost,
  prepare,
  rollupOf,
  type Sample,
  type ShapeData,
  type Tier,
  TIERS,
} from "./sql_hosts.ts";

interface Row {
  at_ms: number;
  count: number;
  min: number;
  max: number;
  avg: number | null;
  sum: number | null;
  first: number;
  last: number;
  increase: number | null;
}

interface Bucket extends Row {
  first_ms: number;
  last_ms: number;
  lost: number;
}

function bucketsOf({ samples }: ShapeData, kind: RollupKind, tier: Tier): Bucket[] {
  const values = Float64Array.from(samples, ([, value]) => value);
  const { buckets, series: [rollup] } = rollupOf([values], samples, kind, tier);
  assert.ok(rollup !== undefined);
  return [...buckets.start_ms].map((at_ms, i) => ({
    at_ms,
    count: buckets.count[i] ?? NaN,
    first_ms: buckets.first_ms[i] ?? NaN,
    last_ms: buckets.last_ms[i] ?? NaN,
    min: rollup.min[i] ?? NaN,
    max: rollup.max[i] ?? NaN,
    avg: null,
    sum: rollup.sum?.[i] ?? null,
    first: rollup.first[i] ?? NaN,
    last: rollup.last[i] ?? NaN,
    lost: rollup.lost?.[i] ?? 0,
    increase: null,
  }));
}

/** One bucket of two of different shapes; `a` begins first. */
function joined(a: Bucket, b: Bucket): Bucket {
  const border = b.first < a.last ? a.last : 0;
  return {
    ...a,
    count: a.count + b.count,
    last_ms: Math.max(a.last_ms, b.last_ms),
    min: Math.min(a.min, b.min),
    max: Math.max(a.max, b.max),
    sum: a.sum === null || b.sum === null ? null : exactSum(Float64Array.of(a.sum, b.sum)),
    first: a.first_ms < b.first_ms ? a.first : Math.max(a.first, b.first),
    last: a.last_ms === b.last_ms
      ? Math.max(a.last, b.last)
      : a.last_ms > b.last_ms
      ? a.last
      : b.last,
    lost: b.first_ms <= a.last_ms
      ? Math.max(a.lost, b.lost)
      : exactSum(Float64Array.of(a.lost, b.lost, border)),
  };
}

function expectedRollup({ kind, shapes }: HostData, tier: Tier, range: Range): Row[] {
  const all = shapes.flatMap((shape) => bucketsOf(shape, kind, tier))
    .sort((a, b) => a.at_ms - b.at_ms || a.first_ms - b.first_ms);
  const joint = [...Map.groupBy(all, ({ at_ms }) => at_ms).values()]
    .map((same) => same.reduce(joined));
  return joint.map((bucket, i): Row => {
    const { first_ms: _, last_ms: __, lost, ...row } = bucket;
    const before = joint[i - 1]?.last ?? row.first;
    const base = row.first < before ? 0 : before;
    return {
      ...row,
      avg: row.sum === null ? null : row.sum / row.count,
      increase: kind === "gauge" ? null : exactSum(Float64Array.of(row.last, -base, lost)),
    };
  }).filter(({ at_ms }) => at_ms >= range.since_ms && at_ms <= range.until_ms);
}

function expectedSamples({ shapes }: HostData, { since_ms, until_ms }: Range): Sample[] {
  // of two values of one time, the larger one counts
  const by_time = new Map<number, number>();
  for (const [at_ms, value] of shapes.flatMap(({ samples }) => samples)) {
    by_time.set(at_ms, Math.max(value, by_time.get(at_ms) ?? value));
  }
  return [...by_time].filter(([at_ms]) => at_ms >= since_ms && at_ms <= until_ms)
    .sort(([a], [b]) => a - b);
}

interface Range {
  since_ms: number;
  until_ms: number;
}

async function readSamples(sql: Sql, host: HostData, range: Range): Promise<Sample[]> {
  const rows = await sql<{ at_ms: number; value: number }[]>`
    select (extract(epoch from at) * 1000)::float8 as at_ms, value
    from api.samples(
      ${host.hostname}, ${host.kind},
      to_timestamp(${range.since_ms}::float8 / 1000), to_timestamp(${range.until_ms}::float8 / 1000)
    )`;
  return rows.map(({ at_ms, value }) => [at_ms, value]);
}

async function readRollup(sql: Sql, host: HostData, tier: Tier, range: Range): Promise<Row[]> {
  const rows = await sql<Row[]>`
    select
      (extract(epoch from at) * 1000)::float8 as at_ms,
      count, min, max, avg, sum, first, last, increase
    from api.rollup(
      ${host.hostname}, ${host.kind}, ${tier},
      to_timestamp(${range.since_ms}::float8 / 1000), to_timestamp(${range.until_ms}::float8 / 1000)
    )`;
  return [...rows];
}

/** Anything from nothing to everything, borders of buckets and of samples among it. */
function rangeOf({ shapes }: HostData, [from, to]: [number, number], rounded: boolean): Range {
  const times_ms = shapes.flatMap(({ samples }) => samples.map(([at_ms]) => at_ms))
    .sort((a, b) => a - b);
  const place = (share: number) => times_ms[Math.floor(share * times_ms.length)] ?? 0;
  const edge = (at_ms: number) => rounded ? Math.round(at_ms / 300_000) * 300_000 : at_ms;
  return { since_ms: edge(place(from)), until_ms: edge(place(to)) };
}

const anyRange = fc.record({
  shares: fc.tuple(
    fc.oneof(fc.constant(0), fc.double({ min: 0, max: 0.999, noNaN: true })),
    fc.oneof(fc.constant(0.999), fc.double({ min: 0, max: 0.999, noNaN: true })),
  ),
  rounded: fc.boolean(),
});

const same = (actual: unknown, expected: unknown) => assert.deepEqual(actual, expected);

Deno.test("api.samples() gives each sample once, in order, wherever it is stored", async () => {
  await using db = await testDatabase();
  await prepare(db.sql);
  await fc.assert(
    fc.asyncProperty(
      anyHost,
      fc.array(anyRange, { minLength: 3, maxLength: 3 }),
      async (host, ranges) => {
        await insertHost(db.sql, host);
        for (const { shares, rounded } of ranges) {
          const range = rangeOf(host, shares, rounded);
          same(await readSamples(db.sql, host, range), expectedSamples(host, range));
        }
      },
    ),
    { numRuns: 60 },
  );
});

Deno.test("api.rollup() is the rollup of the samples, whatever is still to be rolled up", async () => {
  await using db = await testDatabase();
  await prepare(db.sql);
  await fc.assert(
    fc.asyncProperty(anyHost, anyRange, async (host, { shares, rounded }) => {
      await insertHost(db.sql, host);
      const range = rangeOf(host, shares, rounded);
      for (const tier of TIERS) {
        same(await readRollup(db.sql, host, tier, range), expectedRollup(host, tier, range));
      }
    }),
    { numRuns: 60 },
  );
});

const HOUR_MS = 3_600_000;
const T0 = Date.UTC(2026, 10, 22);

/** A host with one shape whose hours are all in blocks and rolled up. */
function calmHost(hostname: string, kind: RollupKind, samples: Sample[]): HostData {
  const shape: ShapeData = {
    shape_id: 1,
    samples,
    stateOf: () => ({ place: "block", rollup: "done" }),
    isOldDay: () => false,
  };
  return { hostname, kind, shapes: [shape] };
}

Deno.test("api.samples() takes the larger of two values of one time and shape", async () => {
  await using db = await testDatabase();
  await prepare(db.sql);
  const host = calmHost("a", "gauge", [[T0, 1], [T0 + 1_000, 5], [T0 + 2_000, 3]]);
  await insertHost(db.sql, host);
  await db.sql`
    insert into report (host_id, shape_id, at, vals)
    select 1, 1, to_timestamp(t.at_ms / 1000), array[0, t.value, 0]
    from unnest(
      ${[T0, T0 + 1_000, T0 + 4_000]}::float8[], ${[2, 4, 9]}::float8[]
    ) as t (at_ms, value)`;
  const range = { since_ms: T0, until_ms: T0 + HOUR_MS };
  assert.deepEqual(await readSamples(db.sql, host, range), [
    [T0, 2],
    [T0 + 1_000, 5],
    [T0 + 2_000, 3],
    [T0 + 4_000, 9],
  ]);
});

Deno.test("api.rollup() counts an increase from the last value before, in whatever tier it is", async () => {
  await using db = await testDatabase();
  await prepare(db.sql);
  const host = calmHost("a", "counter", [
    [T0 - 400 * 24 * HOUR_MS, 100],
    [T0 + 7 * HOUR_MS, 160],
    [T0 + 7 * HOUR_MS + 1, 170],
    [T0 + 9 * HOUR_MS, 40],
  ]);
  await insertHost(db.sql, host);
  const range = { since_ms: T0, until_ms: T0 + 24 * HOUR_MS };
  const increase = async () =>
    (await readRollup(db.sql, host, "5m", range)).map(({ increase }) => increase);
  assert.deepEqual(await increase(), [70, 40]);
  // as retention drops the finer tiers, the coarser ones still know
  for (const table of ["block_raw", "block_5m", "block_1h", "block_1d"]) {
    await db.sql`delete from ${db.sql(table)} where start < to_timestamp(${T0}::float8 / 1000)
      and host_id = 1 and start < '2026-01-01'`;
    assert.deepEqual(await increase(), table === "block_1d" ? [10, 40] : [70, 40], table);
  }
});

Deno.test("api.samples() and api.rollup() say what they cannot find", async () => {
  await using db = await testDatabase();
  await prepare(db.sql);
  await insertHost(db.sql, calmHost("a", "gauge", [[T0, 1]]));
  const fails = (query: string, message: string) =>
    assert.rejects(
      () => db.sql.unsafe(query),
      (error: Error & { hint?: string }) => {
        assert.equal(error.message, message);
        assert.ok((error.hint ?? "") !== "");
        return true;
      },
    );
  await fails(`select * from api.samples('b', 'gauge', 'epoch')`, 'Cannot find host "b"');
  await fails(`select * from api.samples(null, 'gauge', 'epoch')`, "Cannot find host null");
  await fails(
    `select * from api.samples('a', 'gaube', 'epoch')`,
    'Cannot find metric "gaube" of host "a"',
  );
  await fails(
    `select * from api.rollup('a', 'gauge', '2m', 'epoch')`,
    'tier must be 5m, 1h or 1d: current value is "2m"',
  );
  // nothing in the range is no error, nor is a range that ends before it begins
  const rows = await db.sql`
    select at from api.samples('a', 'gauge', 'epoch', '1970-01-02')
    union all
    select at from api.rollup('a', 'gauge', '1d', 'infinity', '-infinity')`;
  assert.equal(rows.length, 0);
});

Deno.test("api.samples() and api.rollup() give everything from -infinity to infinity", async () => {
  await using db = await testDatabase();
  await prepare(db.sql);
  await insertHost(db.sql, calmHost("a", "gauge", [[T0, 1], [T0 + 1, 2]]));
  const [row] = await db.sql`
    select
      (select count(*) from api.samples('a', 'gauge', '-infinity')) as samples,
      (select count(*) from api.rollup('a', 'gauge', '5m', '-infinity')) as buckets_5m,
      (select count(*) from api.rollup('a', 'gauge', '1h', '-infinity')) as buckets_1h,
      (select count(*) from api.rollup('a', 'gauge', '1d', '-infinity')) as buckets_1d`;
  assert.deepEqual({ ...row }, { samples: 2, buckets_5m: 1, buckets_1h: 1, buckets_1d: 1 });
});

Deno.test("api.rollup() does not depend on the session's time zone or search path", async () => {
  await using db = await testDatabase({ connections_max: 1 });
  await prepare(db.sql);
  const samples = Array.from({ length: 400 }, (_, i): Sample => [T0 + i * 10 * 60_000, i]);
  const host = calmHost("a", "counter", samples);
  await insertHost(db.sql, host);
  await db.sql`set timezone = 'Asia/Kolkata'`;
  await db.sql`set search_path = 'api'`;
  const range = { since_ms: T0, until_ms: T0 + 48 * HOUR_MS };
  for (const tier of TIERS) {
    assert.deepEqual(
      await readRollup(db.sql, host, tier, range),
      expectedRollup(host, tier, range),
    );
  }
  assert.equal((await readSamples(db.sql, host, range)).length, 48 * 6 + 1);
});

Deno.test("the views of schema api show hosts, metrics, series and hot rows", async () => {
  await using db = await testDatabase();
  await prepare(db.sql);
  const samples: Sample[] = [[T0, 1], [T0 + 5_000, 2]];
  await insertHost(db.sql, calmHost("blocks", "gauge", samples));
  const hot = calmHost("hot", "gauge", samples);
  hot.shapes[0] = {
    ...hot.shapes[0]!,
    stateOf: () => ({ place: "hot", rollup: "missing" }),
  };
  await insertHost(db.sql, hot);
  await insertHost(db.sql, calmHost("rollups", "gauge", samples));
  await insertHost(db.sql, { hostname: "silent", kind: "gauge", shapes: [] });
  await db.sql`delete from block_raw where host_id = 3`;
  const seen = new Date(T0 + 5_000);
  assert.deepEqual([...await db.sql`select hostname, last_seen from api.host order by 1`], [
    { hostname: "blocks", last_seen: seen },
    { hostname: "hot", last_seen: seen },
    { hostname: "rollups", last_seen: seen },
    { hostname: "silent", last_seen: null },
  ]);
  assert.deepEqual([
    ...await db.sql`select metric from api.series where hostname = 'hot' order by 1`,
  ], [
    { metric: "counter" },
    { metric: "filler" },
    { metric: "gauge" },
  ]);
  assert.deepEqual([
    ...await db.sql`select name, kind from api.metric where unit is null order by 1`,
  ], [
    { name: "counter", kind: "counter" },
    { name: "filler", kind: null },
    { name: "gauge", kind: "gauge" },
  ]);
  assert.deepEqual(
    [
      ...await db
        .sql`select hostname, at, value from api.recent where metric = 'gauge' order by at`,
    ],
    [
      { hostname: "hot", at: new Date(T0), value: 1 },
      { hostname: "hot", at: seen, value: 2 },
    ],
  );
});

Deno.test("api.rollup() does not replace a bucket whose samples are dropped by a late one", async () => {
  await using db = await testDatabase();
  await prepare(db.sql);
  const host = calmHost("a", "gauge", [[T0, 1], [T0 + 1_000, 2], [T0 + HOUR_MS, 5]]);
  await insertHost(db.sql, host);
  await db.sql`delete from block_raw`;
  await db.sql`insert into report values (1, 1, to_timestamp(${
    T0 + 2_000
  }::float8 / 1000), '{0, 9, 0}')`;
  const range = { since_ms: T0, until_ms: T0 + HOUR_MS };
  for (const tier of TIERS) {
    const [row] = await readRollup(db.sql, host, tier, range);
    assert.deepEqual([row?.count, row?.max], tier === "1d" ? [3, 5] : [2, 2], tier);
  }
});

Deno.test("api.rollup() counts a reset once that two alternating shapes have both seen", async () => {
  await using db = await testDatabase();
  await prepare(db.sql);
  const [shape] = calmHost("a", "counter", [[T0, 10], [T0 + 20_000, 30], [T0 + 40_000, 5]]).shapes;
  assert.ok(shape !== undefined);
  const other: Sample[] = [[T0 + 10_000, 20], [T0 + 30_000, 40], [T0 + 50_000, 15]];
  const shapes = [shape, { ...shape, shape_id: 2, samples: other }];
  const host: HostData = { hostname: "a", kind: "counter", shapes };
  await insertHost(db.sql, host);
  for (const tier of TIERS) {
    const [row] = await readRollup(db.sql, host, tier, { since_ms: T0 - 1e9, until_ms: T0 + 1e9 });
    assert.deepEqual([row?.count, row?.increase], [6, 10 + 10 + 10 + 5 + 10]);
  }
});

Deno.test("api.rollup() knows what is new in the evening of a day asked for in the morning", async () => {
  await using db = await testDatabase();
  await prepare(db.sql);
  const host = calmHost("a", "gauge", [[T0, 1], [T0 + 20 * HOUR_MS, 5]]);
  const [shape] = host.shapes;
  assert.ok(shape !== undefined);
  shape.stateOf = (start_ms) => ({ place: "block", rollup: start_ms === T0 ? "done" : "missing" });
  await insertHost(db.sql, host);
  const [row] = await readRollup(db.sql, host, "1d", { since_ms: T0, until_ms: T0 + HOUR_MS });
  assert.deepEqual([row?.count, row?.max], [2, 5]);
});
