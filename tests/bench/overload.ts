/**
 * `deno task bench overload [--batch=100] [--times=3] [--seconds=10]`: what a server does with three
 * times what it can take. Everything is on this machine: generator, server, embedded PostgreSQL with
 * fsync on. A request has 100 reports, packed, as agents send them that are behind.
 *
 *   capacity   as many requests as are answered, over some connections
 *   overload   three times that, in an open loop over many: taken, refused (503), and how fast
 *   after      half of the capacity, at once afterwards: until when anything is refused or slow
 *
 * In the end the reports stored of each host are counted against those acknowledged.
 */
import { systemClock } from "../../clock.ts";
import { connect, type Sql } from "../../db/connect.ts";
import { startEmbedded } from "../../db/embedded.ts";
import { silentLogger } from "../../log.ts";
import { PROGRAM, startMonitor } from "../e2e/run_monitor.ts";
import { tempDir } from "../support/temp_dir.ts";
import { METRICS } from "./load.ts";
import { type Answered, offer, type Offered, type OfferOptions, requests } from "./open_loop.ts";

/** Connections that find out the capacity, and those that offer more than it. */
const CAPACITY_CONNECTIONS = 24;
const OVERLOAD_CONNECTIONS = 2_000;
const WARM_UP_SECONDS = 4;
/** Slower than this after the overload is not back to normal. */
const SLOW_MS = 100;

function say(text: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`${text}\n`));
}

function argument(args: string[], name: string, preset: number): number {
  const found = args.find((one) => one.startsWith(`--${name}=`))?.split("=")[1];
  return found === undefined ? preset : Number(found);
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return Number((sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0)
    .toFixed(1));
}

function withStatus({ answered }: Offered, status: number): Answered[] {
  return answered.filter((one) => one.status === status);
}

function latencies(name: string, answers: readonly Answered[]): Record<string, number> {
  const took = answers.map(({ took_ms }) => took_ms);
  return Object.fromEntries([["p50", 0.5], ["p99", 0.99], ["max", 1]].map((
    [label, share],
  ) => [`${name}_${label}_ms`, quantile(took, Number(share))]));
}

/** Reports that are in the database. */
async function countStored(sql: Sql): Promise<number> {
  const [row] = await sql<{ reports: number }[]>`select count(*)::float8 as reports from report`;
  return row?.reports ?? 0;
}

/** Seconds until the last refusal or slow answer of what was offered. */
function recoveredAfterS({ answered }: Offered): number {
  const bad = answered.filter(({ status, took_ms }) => status !== 200 || took_ms > SLOW_MS);
  return Number((Math.max(0, ...bad.map(({ sent_ms, took_ms }) => sent_ms + took_ms)) / 1000)
    .toFixed(2));
}

export async function run(args: string[]): Promise<Record<string, unknown>> {
  const batch = argument(args, "batch", 100);
  const times = argument(args, "times", 3);
  const seconds = argument(args, "seconds", 10);
  await using dir = await tempDir();
  await using postgres = await startEmbedded({
    data_dir: dir.join("data"),
    log: silentLogger,
    clock: systemClock,
  });
  const address = ["--database-url", postgres.url];
  await using monitor = await startMonitor(["serve", "--port", "0", ...address]);
  await using sql = Object.assign(connect(postgres.address), {
    [Symbol.asyncDispose]: () => sql.end(),
  });
  const base = { url: monitor.url, requests: requests(monitor.url, batch) };
  let acknowledged = 0;
  let broken = 0;
  const round = async (what: string, options: Omit<OfferOptions, keyof typeof base>) => {
    say(what);
    const offered = await offer({ ...base, ...options });
    acknowledged += withStatus(offered, 200).length * batch;
    broken += offered.broken;
    return offered;
  };
  const closed = { connections: CAPACITY_CONNECTIONS, rate: Infinity };
  await round(`warming up, ${WARM_UP_SECONDS} s`, { ...closed, seconds: WARM_UP_SECONDS });
  const full = await round(`as much as is taken, ${seconds} s`, { ...closed, seconds });
  const capacity = withStatus(full, 200).length / seconds;
  const rate = capacity * times;
  const many = { connections: OVERLOAD_CONNECTIONS };
  const over = await round(`${Math.round(rate)} requests a second, ${seconds} s`, {
    ...many,
    rate,
    seconds,
  });
  const calm = { ...many, rate: capacity / 2, seconds: 6 };
  const after = await round(`${Math.round(calm.rate)} requests a second, ${calm.seconds} s`, calm);
  say(monitor.err);
  const taken = withStatus(over, 200);
  const refused = withStatus(over, 503);
  return {
    program: PROGRAM,
    reports_a_request: batch,
    capacity_samples_per_s: Math.round(capacity * batch * METRICS),
    ...latencies("capacity", full.answered),
    offered_of_capacity: Number(
      ((over.answered.length + over.unsent) / seconds / capacity).toFixed(2),
    ),
    sent_of_capacity: Number((over.answered.length / seconds / capacity).toFixed(2)),
    taken_of_capacity: Number((taken.length / seconds / capacity).toFixed(2)),
    refused: refused.length,
    other: over.answered.length - taken.length - refused.length,
    ...latencies("taken", taken),
    ...latencies("refused", refused),
    unsent: over.unsent,
    broken,
    normal_after_s: recoveredAfterS(after),
    after_refused: withStatus(after, 503).length,
    ...latencies("after", after.answered),
    acknowledged,
    stored: await countStored(sql),
  };
}
