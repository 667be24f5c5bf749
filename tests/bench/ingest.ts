/**
 * `deno task bench ingest`: as many reports of 100 metrics over HTTP as the server takes, everything
 * on this machine: generator, server, embedded PostgreSQL with fsync on.
 *
 *   single     one report a request, 256 connections
 *   batch      50 reports a request, 16 connections
 *   half       one report a request at half the rate of `single`: acknowledge times
 *   bare_copy  the same rows by COPY alone, in one stream and in two
 *
 * The generator is Debian's `wrk` with a Lua body; a generator in JavaScript would take the second
 * core for itself. Each report has its own time, so none is a duplicate.
 */
import { join } from "node:path";
import { systemClock } from "../../clock.ts";
import { connect, type Sql } from "../../db/connect.ts";
import { startEmbedded } from "../../db/embedded.ts";
import { copyReports } from "../../db/reports.ts";
import { silentLogger } from "../../log.ts";
import { RowBuffer, rowPrototype } from "../../server/ingest/rows.ts";
import { startMonitor } from "../e2e/run_monitor.ts";
import { tempDir } from "../support/temp_dir.ts";

const METRICS = 100;
const HOSTS = 1_000;
const SECONDS = 10;
const WARM_UP_SECONDS = 5;

/** Three in four values have two decimals, one is a whole number: as metrics look. */
function luaScript(
  options: { batch: number; delay_ms: number; run: number; start_s: number },
): string {
  const { batch, delay_ms, run, start_s } = options;
  return `
local metrics = {}
for i = 1, ${METRICS} do
  local value = i % 4 == 0 and tostring(i * 997) or string.format("%.2f", (i * 7919 % 10000) / 100)
  metrics[i] = string.format('"metric_name_%03d":%s', i, value)
end
local tail = ',"metrics":{' .. table.concat(metrics, ",") .. '}}'
local names = {}
for i = 0, ${HOSTS} - 1 do names[i] = string.format('{"hostname":"host-%04d","timestamp":', i) end
local count = 0
local at = ""
local function report()
  -- one time a round over all hosts: times are ${HOSTS} reports apart and never repeat
  local host = count % ${HOSTS}
  if host == 0 then
    at = string.format("%.3f", ${start_s} + ${run} * 0.001 + math.floor(count / ${HOSTS}))
  end
  count = count + 1
  return names[host] .. at .. tail
end
wrk.method = "POST"
wrk.path = "/metrics"
${delay_ms > 0 ? `function delay() return ${delay_ms} end` : ""}
local head
function request()
  ${
    batch === 1
      ? `-- all bodies have one length: the head is made once
  local body = report()
  if head == nil then
    head = wrk.format(nil, nil, nil, body)
    head = string.sub(head, 1, #head - #body)
  end
  return head .. body`
      : `local all = {}
  for i = 1, ${batch} do all[i] = report() end
  return wrk.format(nil, nil, nil, "[" .. table.concat(all, ",") .. "]")`
  }
end
function done(summary, latency, requests)
  io.write(string.format("RESULT %d %d %d %d %d\\n", summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99), summary.errors.status + summary.errors.timeout
    + summary.errors.connect + summary.errors.read + summary.errors.write))
end`;
}

interface Load {
  requests_per_s: number;
  p50_ms: number;
  p99_ms: number;
  errors: number;
}

interface LoadOptions {
  url: string;
  dir: string;
  batch: number;
  connections: number;
  seconds: number;
  /** Requests a second to aim at; 0 is as many as go. */
  rate: number;
  /** Distinguishes the times of one load from those of another. */
  run: number;
}

async function load(options: LoadOptions): Promise<Load> {
  const { url, dir, batch, connections, seconds, rate, run } = options;
  const script = join(dir, `load-${run}.lua`);
  const delay_ms = rate > 0 ? Math.round(connections / rate * 1000) : 0;
  const start_s = Math.floor(systemClock.now() / 1000) - 2_400;
  await Deno.writeTextFile(script, luaScript({ batch, delay_ms, run, start_s }));
  const output = await new Deno.Command("wrk", {
    args: ["-t1", `-c${connections}`, `-d${seconds}`, "-s", script, url],
  }).output();
  const text = new TextDecoder().decode(output.stdout);
  const found = /RESULT (\d+) (\d+) (\d+) (\d+) (\d+)/.exec(text);
  if (found === null) throw new Error(`wrk gave no result:\n${text}`);
  const [requests = 0, duration_us = 1, p50_us = 0, p99_us = 0, errors = 0] = found.slice(1).map(
    Number,
  );
  return {
    requests_per_s: requests / duration_us * 1e6,
    p50_ms: p50_us / 1000,
    p99_ms: p99_us / 1000,
    errors,
  };
}

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

function rounded(value: number, digits = 3): number {
  return Number(value.toPrecision(digits));
}

export async function run(): Promise<Record<string, unknown>> {
  try {
    await new Deno.Command("wrk", { args: ["-v"] }).output();
  } catch {
    throw new Error("Cannot run the bench: it needs wrk; apt-get install wrk");
  }
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
  const single = await load({ ...base, batch: 1, connections: 256, seconds: SECONDS, run: 2 });
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
    samples_per_s: samples(single, 1),
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
