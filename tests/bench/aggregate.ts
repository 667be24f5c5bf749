/**
 * `deno task bench aggregate`: what it costs to turn hot rows into blocks and rollups, beside what it
 * costs PostgreSQL, on the real scrapes. Hours are simulated slot by slot, as they come: the reports
 * of ten minutes are stored (not counted), then a run aggregates them (counted).
 *
 *   deno task bench aggregate [--hosts 20] [--hours 3] [--metrics 812]
 *
 * `core_percent_at_100k` is the share of one core that 100,000 samples a second would take for good:
 * the processor time of this process and of all of PostgreSQL, per sample.
 */
import { parseArgs } from "node:util";
import { systemClock } from "../../clock.ts";
import { connect, type Sql } from "../../db/connect.ts";
import { startEmbedded } from "../../db/embedded.ts";
import { ensureMetrics, updateMetadata } from "../../db/metrics.ts";
import { migrate } from "../../db/migrate.ts";
import { ensureSlot, HOT_MS } from "../../db/partitions.ts";
import { copyReports } from "../../db/reports.ts";
import { ensureHostShapes, ensureShapes, shapeDigest, shapeNames } from "../../db/shapes.ts";
import { HOUR_MS } from "../../db/tiers.ts";
import { silentLogger } from "../../log.ts";
import { runAggregation } from "../../server/aggregate/run.ts";
import { RowBuffer, rowPrototype } from "../../server/ingest/rows.ts";
import { tempDir } from "../support/temp_dir.ts";
import { readRealData, type RealData, SPACING_MS } from "./real_data.ts";

const GRACE_MS = 60_000;
const START_MS = Date.UTC(2026, 10, 22);
/** Clock ticks a second, as /proc counts processor time. */
const TICKS_PER_S = 100;
const RETENTION = {
  raw_days: 30,
  five_minutes_days: 180,
  one_hour_days: 1_095,
  one_day_days: null,
};

interface Scale {
  hosts: number;
  hours: number;
  metrics: number;
  slots: number;
}

export async function run(args: string[]): Promise<Record<string, unknown>> {
  const scale = readScale(args);
  await using dir = await tempDir();
  await using postgres = await startEmbedded({
    data_dir: dir.join("data"),
    log: silentLogger,
    clock: systemClock,
  });
  await using sql = Object.assign(connect(postgres.address), {
    [Symbol.asyncDispose]: () => sql.end(),
  });
  await migrate(sql, { log: silentLogger, clock: systemClock });
  const rows_needed = scale.hours * HOUR_MS / SPACING_MS + 480;
  const real = cut(await readRealData({ repeats: Math.ceil(rows_needed / 480) }), scale.metrics);
  const shape_id = await makeShape(sql, real, scale.hosts);
  const cost = { own_s: 0, postgres_s: 0, wall_s: 0 };
  let rss_mb_max = 0;
  const slots = scale.hours * HOUR_MS / HOT_MS;
  for (let slot = 0; slot < slots; slot += scale.slots) {
    for (let i = slot; i < slot + scale.slots; i++) {
      const start_ms = START_MS + i * HOT_MS;
      await storeSlot(sql, { real, shape_id, start_ms, hosts: scale.hosts });
    }
    const end_ms = START_MS + (slot + scale.slots) * HOT_MS;
    const now_ms = end_ms + GRACE_MS + 1_000;
    const before = await processorSeconds(postgres.pid);
    const begun_ms = performance.now();
    const outcome = await runAggregation({
      ...{ sql, now_ms, log: silentLogger, clock: systemClock },
      ...{ grace_ms: GRACE_MS, retention: RETENTION },
    });
    if (end_ms % HOUR_MS === 0) await sql`vacuum block_raw, block_5m, pending_hour`;
    const after = await processorSeconds(postgres.pid);
    cost.wall_s += (performance.now() - begun_ms) / 1000;
    cost.own_s += after.own_s - before.own_s;
    cost.postgres_s += after.postgres_s - before.postgres_s;
    rss_mb_max = Math.max(rss_mb_max, Deno.memoryUsage().rss / 2 ** 20);
    if (outcome.state !== "done" || outcome.counts.slots_dropped !== scale.slots) {
      throw new Error(`BUG: a run did not do its work: ${JSON.stringify(outcome)}`);
    }
  }
  const samples = scale.hosts * scale.metrics * scale.hours * HOUR_MS / SPACING_MS;
  const all_s = cost.own_s + cost.postgres_s;
  return {
    ...scale,
    samples,
    core_percent_at_100k: rounded(all_s / samples * 100_000 * 100),
    of_which_postgres: rounded(cost.postgres_s / all_s),
    million_samples_per_s: rounded(samples / cost.wall_s / 1e6),
    rss_mb_max: Math.round(rss_mb_max),
    bytes_per_sample: await bytesPerSample(sql, samples),
  };
}

function readScale(args: string[]): Scale {
  const { values } = parseArgs({
    args,
    options: {
      hosts: { type: "string", default: "20" },
      hours: { type: "string", default: "3" },
      metrics: { type: "string", default: "812" },
      slots: { type: "string", default: "1" },
    },
  });
  return {
    hosts: Number(values.hosts),
    hours: Number(values.hours),
    metrics: Number(values.metrics),
    slots: Number(values.slots),
  };
}

/** Evenly chosen metrics, so that fewer are the same mixture. */
function cut(real: RealData, metrics: number): RealData {
  const chosen = Array.from(
    { length: metrics },
    (_, i) => Math.floor(i * real.names.length / metrics),
  );
  // `!`: an index below the length of names, and the others are as long
  return {
    names: chosen.map((i) => real.names[i]!),
    kinds: chosen.map((i) => real.kinds[i]!),
    reports: { ...real.reports, columns: chosen.map((i) => real.reports.columns[i]!) },
  };
}

async function makeShape(sql: Sql, real: RealData, hosts: number): Promise<number> {
  const metadata = Object.fromEntries(real.names.map((name, i) => [name, { kind: real.kinds[i] }]));
  const ids = await ensureMetrics(sql, real.names);
  await updateMetadata(sql, metadata);
  const names = shapeNames(real.names);
  const digest = shapeDigest(names);
  const metric_ids = names.map((name) => ids.get(name) ?? 0);
  const shape_id = (await ensureShapes(sql, new Map([[digest, { names, metric_ids }]])))
    .get(digest) ?? 0;
  await ensureHostShapes(
    sql,
    Array.from({ length: hosts }, (_, host) => ({ host_id: host + 1, shape_id })),
  );
  return shape_id;
}

/** Reports of all hosts for ten minutes, each host somewhere else in the data. */
async function storeSlot(
  sql: Sql,
  slot: { real: RealData; shape_id: number; start_ms: number; hosts: number },
): Promise<void> {
  const { real, shape_id, start_ms, hosts } = slot;
  await ensureSlot(sql, start_ms);
  const order = new Map(shapeNames(real.names).map((name, i) => [name, i]));
  const columns: Float64Array[] = [];
  // `!`: every name is in the order of the shape
  real.names.forEach((name, i) => columns[order.get(name)!] = real.reports.columns[i]!);
  const prototype = rowPrototype(shape_id, columns.length);
  for (let at_ms = start_ms; at_ms < start_ms + HOT_MS; at_ms += SPACING_MS) {
    const buffer = new RowBuffer(prototype.length * hosts);
    for (let host = 0; host < hosts; host++) {
      const source_row = (at_ms - START_MS) / SPACING_MS + host * 37 % 480;
      const row = buffer.add(prototype, host + 1, at_ms);
      columns.forEach((column, i) => buffer.setValue(row, i, column[source_row]!));
    }
    await copyReports(sql, [buffer.copyData()]);
  }
}

interface ProcessorTime {
  own_s: number;
  /** Of the postmaster and all its children, also those that have ended. */
  postgres_s: number;
}

async function processorSeconds(postmaster: number): Promise<ProcessorTime> {
  const times = [...Deno.readDirSync("/proc")].filter(({ name }) => /^\d+$/.test(name))
    .map(({ name }) => {
      try {
        const stat = Deno.readTextFileSync(`/proc/${name}/stat`);
        const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ").map(Number);
        const [parent = 0, user = 0, system = 0, ended_user = 0, ended_system = 0] = [
          1,
          11,
          12,
          13,
          14,
        ]
          .map((field) => fields[field]);
        return { pid: Number(name), parent, user, system, ended: ended_user + ended_system };
      } catch {
        // it has ended meanwhile
        return undefined;
      }
    }).filter((time) => time !== undefined);
  const seconds = (ticks: number) => ticks / TICKS_PER_S;
  const postgres = times.filter(({ pid, parent }) => pid === postmaster || parent === postmaster)
    .reduce((sum, { user, system, ended }) => sum + user + system + ended, 0);
  const own = times.filter(({ pid }) => pid === Deno.pid)
    .reduce((sum, { user, system }) => sum + user + system, 0);
  return await Promise.resolve({ own_s: seconds(own), postgres_s: seconds(postgres) });
}

/** What each tier takes at rest, everything counted: heap, out of line, indexes. */
async function bytesPerSample(sql: Sql, samples: number): Promise<Record<string, number>> {
  const rows = await sql<{ tier: string; bytes: number }[]>`
    select inhparent::regclass::text as tier, sum(pg_total_relation_size(inhrelid))::float8 as bytes
    from pg_inherits where inhparent::regclass::text like 'block%' and inhparent in (
      select oid from pg_class where relkind = 'p'
    ) group by 1 order by 1`;
  return Object.fromEntries(rows.map(({ tier, bytes }) => [tier, rounded(bytes / samples)]));
}

function rounded(value: number): number {
  return Number(value.toPrecision(3));
}
