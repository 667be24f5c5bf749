/**
 * `deno task bench ingest`: as many reports of 100 metrics over HTTP as the server takes, everything
 * on this machine: generator, server, embedded PostgreSQL with fsync on.
 *
 *   single     one report a request, 256 connections
 *   batch      50 reports a request, 16 connections
 *   half       one report a request at half the rate of `single`: acknowledge times
 *   bare_copy  the same rows by COPY alone, in one stream and in two
 *
 * With MONITOR_TEST_BINARY=dist/monitor the server is that executable.
 */
import { systemClock } from "../../clock.ts";
import { connect, type Sql } from "../../db/connect.ts";
import { startEmbedded } from "../../db/embedded.ts";
import { copyReports } from "../../db/reports.ts";
import { silentLogger } from "../../log.ts";
import { RowBuffer, rowPrototype } from "../../server/ingest/rows.ts";
import { PROGRAM, startMonitor } from "../e2e/run_monitor.ts";
import { tempDir } from "../support/temp_dir.ts";
import { HOSTS, type Load, load, METRICS, requireWrk } from "./load.ts";

const SECONDS = 10;
const WARM_UP_SECONDS = 5;
/** Clock ticks a second, as /proc counts processor time. */
const TICKS_PER_S = 100;

/** Reports a second by COPY alone, in `streams` at once, batches of `rows`. */
async function bareCopy(sql: Sql, streams: number, rows: number): Promise<number> {
  await sql`truncate report`;
  const prototype = rowPrototype(1, METRICS);
  const start_ms = Math.floor(systemClock.now() / 3_600_000) * 3_600_000;
  let count = 0;
  const fill = () => {
    const buffer = new RowBuffer(rows * prototype.length);
    for (let i = 0; i < rows; i++, count++) {
      const row = buffer.add(prototype, count % HOSTS, start_ms + Math.floor(count / HOSTS));
      for (let k = 0; k < METRICS; k++) buffer.setValue(row, k, ((k + 1) * 7919 % 10_000) / 100);
    }
    return buffer.copyData();
  };
  const start = systemClock.monotonic();
  const end = start + 4_000;
  await Promise.all(Array.from({ length: streams }, async () => {
    while (systemClock.monotonic() < end) await copyReports(sql, [fill()]);
  }));
  return count / (systemClock.monotonic() - start) * 1000;
}

async function bytesPerSample(sql: Sql): Promise<number> {
  const [row] = await sql<{ bytes: number; reports: number }[]>`
    select
      (select sum(pg_total_relation_size(inhrelid)) from pg_inherits
        where inhparent = 'report'::regclass)::float8 as bytes,
      (select count(*) from report)::float8 as reports`;
  return (row?.bytes ?? 0) / (row?.reports ?? 1) / METRICS;
}

function say(text: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`${text}\n`));
}

async function peakRssMb(pid: number): Promise<number> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  return Math.round(Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024);
}

/** Processor time of a process, in seconds. */
async function processorSeconds(pid: number): Promise<number> {
  const stat = await Deno.readTextFile(`/proc/${pid}/stat`);
  // behind the name, which may hold anything: user and system time are the 12th and 13th
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_S;
}

function rounded(value: number, digits = 3): number {
  return Number(value.toPrecision(digits));
}

export async function run(): Promise<Record<string, unknown>> {
  await requireWrk();
  await using dir = await tempDir();
  await using postgres = await startEmbedded({
    data_dir: dir.join("data"),
    log: silentLogger,
    clock: systemClock,
  });
  await using monitor = await startMonitor([
    "serve",
    "--port",
    "0",
    "--database-url",
    postgres.url,
  ]);
  await using sql = Object.assign(connect(postgres.address), {
    [Symbol.asyncDispose]: () => sql.end(),
  });
  const base = { url: monitor.url, dir: dir.path, rate: 0 };
  say(`warming up, ${WARM_UP_SECONDS} s`);
  await load({ ...base, batch: 1, connections: 256, seconds: WARM_UP_SECONDS, run: 1 });
  say(`one report a request, ${SECONDS} s`);
  const before_s = await processorSeconds(monitor.pid);
  const single = await load({ ...base, batch: 1, connections: 256, seconds: SECONDS, run: 2 });
  const single_s = await processorSeconds(monitor.pid) - before_s;
  say(`50 reports a request, ${SECONDS} s`);
  const batch = await load({ ...base, batch: 50, connections: 16, seconds: SECONDS, run: 3 });
  const rate = single.requests_per_s / 2;
  say(`one report a request at half the rate (${Math.round(rate)} a second), ${SECONDS} s`);
  const half = await load({ ...base, batch: 1, connections: 256, seconds: SECONDS, rate, run: 4 });
  const bytes_per_sample = await bytesPerSample(sql);
  const rss_mb_max = await peakRssMb(monitor.pid);
  say("bare COPY");
  const one = await bareCopy(sql, 1, 500);
  const two = await bareCopy(sql, 2, 500);
  const samples = (load: Load, reports: number) => rounded(load.requests_per_s * reports * METRICS);
  return {
    program: PROGRAM,
    samples_per_s: samples(single, 1),
    server_us_per_report: rounded(single_s / (single.requests_per_s * SECONDS) * 1e6),
    p50_ms: rounded(single.p50_ms),
    p99_ms: rounded(single.p99_ms),
    batch_samples_per_s: samples(batch, 50),
    batch_p99_ms: rounded(batch.p99_ms),
    half_load_samples_per_s: samples(half, 1),
    half_load_p50_ms: rounded(half.p50_ms),
    half_load_p99_ms: rounded(half.p99_ms),
    errors: single.errors + batch.errors + half.errors,
    rss_mb_max,
    bytes_per_sample: rounded(bytes_per_sample),
    bare_copy_samples_per_s: rounded(one * METRICS),
    bare_copy_two_streams_samples_per_s: rounded(two * METRICS),
    of_bare_copy: rounded(single.requests_per_s / one, 2),
  };
}
