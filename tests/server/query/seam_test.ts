/**
 * Hot rows, blocks and rollups in any state that aggregation can leave them in: whatever is asked, the
 * answer is that of a plain list of samples.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import type { ReportRow } from "../../../db/codec/reports.ts";
import { DAY_MS, HOUR_MS, startOf, type Tier, TIER_NAMES } from "../../../db/tiers.ts";
import { type QueryContext, queryContext } from "../../../server/query/context.ts";
import { history } from "../../../server/query/history.ts";
import { readSeries, type SeriesResult } from "../../../server/query/series.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { type ShapeHistory, storeHistory } from "../../support/stored_history.ts";
import { type TestDatabase, testDatabase } from "../../support/test_database.ts";

const START_MS = Date.UTC(2025, 0, 30, 20);
const KEPT_MS = { raw: Infinity, "5m": Infinity, "1h": Infinity, "1d": Infinity };
const RUNS = 40;
const LIMITS = {
  question_s: 30,
  question_blocks_max: 100_000,
  question_points_max: 500_000,
  questions_waiting_max: 50,
};

function contextOf(database: TestDatabase): QueryContext {
  return queryContext({
    sql: database.sql,
    clock: new FakeClock(),
    keptMs: () => KEPT_MS,
    limits: LIMITS,
  });
}

interface Sample {
  at_ms: number;
  value: number;
}

/** A report and how far it has got. */
interface PlacedReport extends Sample {
  shape: number;
  is_hot: boolean;
  is_raw: boolean;
  is_in_5m: boolean;
  is_in_1h: boolean;
}

/** Three days around the end of a month; a time has one report, whatever its shape. */
const placed = fc.uniqueArray(
  fc.record({
    at_ms: fc.integer({ min: 0, max: 3 * 24 * 180 }).map((step) => START_MS + step * 20_000),
    value: fc.integer({ min: 0, max: 50 }).map((value) => value / 4),
    shape: fc.integer({ min: 0, max: 2 }),
    is_hot: fc.boolean(),
    is_raw: fc.boolean(),
    is_in_5m: fc.boolean(),
    is_in_1h: fc.boolean(),
  }),
  { selector: (report) => report.at_ms, minLength: 1, maxLength: 60 },
).map((reports) =>
  reports.map((report): PlacedReport => {
    // a report moves on step by step: whoever is not in a raw block is hot
    const is_in_5m = report.is_raw && report.is_in_5m;
    const is_in_1h = is_in_5m && report.is_in_1h;
    return { ...report, is_hot: report.is_hot || !report.is_raw, is_in_5m, is_in_1h };
  })
);

/**
 * One shape after the other. Where shapes with the same counter alternate, what their rollups lost at
 * resets is not known exactly: each has seen a part of the samples.
 */
const inTurn = placed.map((reports) =>
  reports.map((report) => ({
    ...report,
    shape: Math.floor((report.at_ms - START_MS) / (DAY_MS + 7 * HOUR_MS + 100_000)),
  }))
);

/** The metric at another place in each shape. */
function shapesOf(reports: readonly PlacedReport[], metric: string): ShapeHistory[] {
  return [[metric], [metric, "zz"], ["aa", metric, "zz"]].map((names, shape) => {
    const own = reports.filter((report) => report.shape === shape);
    const rows = (keep: (report: PlacedReport) => boolean): ReportRow[] =>
      own.filter(keep).map(({ at_ms, value }) => ({
        at_ms,
        values: names.map((name) => name === metric ? value : -1),
      }));
    const starts = (unit: "hour" | "day", keep: (report: PlacedReport) => boolean) => [
      ...new Set(own.filter(keep).map(({ at_ms }) => startOf(unit, at_ms))),
    ];
    return {
      names,
      hot: rows((report) => report.is_hot),
      raw: rows((report) => report.is_raw),
      in_5m: rows((report) => report.is_in_5m),
      in_1h: rows((report) => report.is_in_1h),
      pending_hours: starts("hour", (report) => report.is_raw && !report.is_in_5m),
      pending_days: starts("day", (report) => report.is_in_5m && !report.is_in_1h),
    };
  });
}

const span = fc.tuple(
  fc.integer({ min: -HOUR_MS, max: 3 * DAY_MS }),
  fc.integer({ min: 0, max: 4 * DAY_MS }),
).map(([from_ms, length_ms]) => ({
  from_ms: START_MS + from_ms,
  to_ms: START_MS + from_ms + length_ms,
}));

function ascending(reports: readonly Sample[]): Sample[] {
  return reports.toSorted((a, b) => a.at_ms - b.at_ms);
}

/** Samples by the step they are in, and what a counter had before the first of each. */
function steps(all: readonly Sample[], step_ms: number, from_ms: number, before_ms: number) {
  const read = all.filter(({ at_ms }) => at_ms >= from_ms - step_ms && at_ms < before_ms);
  const grouped = Map.groupBy(read, ({ at_ms }) => Math.floor(at_ms / step_ms) * step_ms);
  return [...grouped].filter(([start_ms]) => start_ms >= from_ms).map(([start_ms, samples]) => {
    const at = read.indexOf(samples[0] ?? { at_ms: 0, value: 0 });
    return { start_ms, samples, before: read[at - 1] };
  });
}

function rateOf({ samples, before }: { samples: Sample[]; before?: Sample }): number | null {
  const all = before === undefined ? samples : [before, ...samples];
  let increase = 0;
  for (let i = 1; i < all.length; i++) {
    const [previous, value] = [all[i - 1]?.value ?? 0, all[i]?.value ?? 0];
    increase += value < previous ? value : value - previous;
  }
  const seconds = ((all.at(-1)?.at_ms ?? 0) - (all[0]?.at_ms ?? 0)) / 1000;
  return seconds === 0 ? null : increase / seconds;
}

function near(found: number | null | undefined, expected: number | null, text: string): void {
  if (expected === null || found === null || found === undefined) {
    assert.equal(found, expected, text);
  } else assert.ok(Math.abs(found - expected) <= 1e-9 * (1 + Math.abs(expected)), text);
}

let hosts = 0;

Deno.test("history() gives the newest samples, each once, wherever they are", async () => {
  await using database = await testDatabase();
  const limits = fc.integer({ min: 1, max: 70 });
  await fc.assert(
    fc.asyncProperty(
      placed,
      fc.array(fc.tuple(span, limits), { minLength: 4, maxLength: 4 }),
      async (reports, questions) => {
        const hostname = `history-${hosts++}`;
        await storeHistory(database.sql, hostname, shapesOf(reports, "m"));
        const context = contextOf(database);
        for (const [range, limit] of questions) {
          const expected = ascending(reports).reverse()
            .filter(({ at_ms }) => at_ms >= range.from_ms && at_ms <= range.to_ms).slice(0, limit)
            .map(({ at_ms, value }) => [at_ms, value]);
          const found = await history(context, { hostname, metric: "m", limit, ...range });
          assert.deepEqual(found, expected);
        }
      },
    ),
    { numRuns: RUNS, interruptAfterTimeLimit: 60_000 },
  );
});

function requireSeries(result: SeriesResult, expected: ReturnType<typeof steps>): void {
  assert.deepEqual(result.t, expected.map(({ start_ms }) => start_ms / 1000));
  expected.forEach((step, i) => {
    const values = step.samples.map(({ value }) => value);
    const text = `step ${i} of ${JSON.stringify(result)}, expected ${JSON.stringify(expected)}`;
    if (result.kind === "counter") {
      near(result.last?.[i], values.at(-1) ?? null, text);
      near(result.rate?.[i], rateOf(step), text);
    } else {
      near(result.avg?.[i], values.reduce((a, b) => a + b) / values.length, text);
      near(result.min?.[i], Math.min(...values), text);
      near(result.max?.[i], Math.max(...values), text);
    }
  });
}

for (const metric of ["m", "m_total"]) {
  const kind = metric === "m" ? "gauge" : "counter";
  const stored = kind === "gauge" ? placed : inTurn;
  Deno.test(`readSeries() gives the steps of a ${kind} from every tier without a seam`, async () => {
    await using database = await testDatabase();
    const question = fc.tuple(
      span,
      fc.integer({ min: 2, max: 400 }),
      fc.option(fc.constantFrom<Tier>(...TIER_NAMES), { nil: undefined }),
    );
    await fc.assert(
      fc.asyncProperty(
        stored,
        fc.array(question, { minLength: 8, maxLength: 8 }),
        async (reports, questions) => {
          const hostname = `${metric}-${hosts++}`;
          await storeHistory(database.sql, hostname, shapesOf(reports, metric));
          const context = contextOf(database);
          const selection = {
            host: (host: { hostname: string }) => host.hostname === hostname,
            metric: (name: string) => name === metric,
          };
          for (const [range, points, tier] of questions) {
            const { resolution, series } = await readSeries(context, {
              selection,
              points,
              tier,
              ...range,
            });
            const { step_ms, from_ms, before_ms } = resolution;
            assert.ok(resolution.steps <= points);
            const [result] = series;
            assert.ok(result !== undefined && series.length === 1);
            requireSeries(result, steps(ascending(reports), step_ms, from_ms, before_ms));
          }
        },
      ),
      { numRuns: RUNS, interruptAfterTimeLimit: 60_000 },
    );
  });
}
