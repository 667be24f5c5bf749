/**
 * `deno task bench query [--days=2] [--hosts=1000] [--rounds=1] [--data=DIR]`: what reading history
 * costs, over HTTP, with nothing else running: 1,000 hosts with 100 metrics every ten seconds are
 * stored, all questions are about gauges that change with every report, and each is about others than
 * the one before. Seeding takes some 40 s a day of history; with --data it is kept and used again.
 *
 *   one_6h      one series, 6 h of samples: 2,160 pairs of /fetch/history
 *   one_30d     one series, 30 d at 500 points
 *   all_6h      one metric averaged over all hosts, 6 h at 1 min
 *   all_24h     the same, 24 h at 5 min
 *   latest      the newest value of all series
 */
import { join } from "node:path";
import { systemClock } from "../../clock.ts";
import { connect, type Sql } from "../../db/connect.ts";
import { startEmbedded } from "../../db/embedded.ts";
import { migrate } from "../../db/migrate.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS } from "../../db/tiers.ts";
import { silentLogger } from "../../log.ts";
import { startMonitor } from "../e2e/run_monitor.ts";
import { tempDir } from "../support/temp_dir.ts";
import { seedHistory } from "./history_seed.ts";
import { HttpWire } from "./http_wire.ts";

const METRICS = 100;
/** Neighbouring numbers that have nothing in common. */
const STRIDE = 37;

interface Question {
  name: string;
  /** How often it is asked in a round. */
  times: number;
  path(host: string, gauge: string): string;
  /** What an answer must have, so that no empty ones are measured. */
  points(answer: unknown): number;
  points_min: number;
}

function say(text: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`${text}\n`));
}

/** Points of the only series of an answer of `/api/v1/series`. */
function seriesPoints(answer: unknown): number {
  const { series: [first] } = answer as { series: { t: number[] }[] };
  return first?.t.length ?? 0;
}

function questions(options: { now_ms: number; days: number }): Question[] {
  const to_s = options.now_ms / 1000;
  const series = (range_ms: number, step_ms: number, rest: string) => {
    const points = Math.floor(range_ms / step_ms) + 1;
    return `/api/v1/series?${rest}&from=${to_s - range_ms / 1000}&to=${to_s}&points=${points}`;
  };
  const month = `from=${to_s - 30 * DAY_MS / 1000}&to=${to_s}&points=500`;
  return [
    {
      name: "one_6h",
      times: 1_000,
      path: (host, gauge) =>
        `/fetch/history/${host}/${gauge}?start=${to_s - 6 * 3_600}&end=${to_s}&limit=2160`,
      points: (answer) => (answer as unknown[]).length,
      points_min: 2_100,
    },
    {
      name: "one_30d",
      times: 500,
      path: (host, gauge) => `/api/v1/series?host=${host}&metric=${gauge}&${month}`,
      points: seriesPoints,
      points_min: Math.min(options.days, 30) * 12,
    },
    {
      name: "all_6h",
      times: 30,
      path: (_host, gauge) => series(6 * HOUR_MS, MINUTE_MS, `metric=${gauge}&aggregate=avg`),
      points: seriesPoints,
      points_min: 360,
    },
    {
      name: "all_24h",
      times: 30,
      path: (_host, gauge) => series(DAY_MS, 5 * MINUTE_MS, `metric=${gauge}&aggregate=avg`),
      points: seriesPoints,
      points_min: 288,
    },
    {
      name: "latest",
      times: 50,
      path: () => "/fetch/latest",
      points: (answer) => Object.keys(answer as object).length,
      points_min: 1,
    },
  ];
}

/** What is there already, or a new history. */
async function seeded(sql: Sql, options: { hosts: number; days: number }) {
  const [before] = await sql<{ now_ms: number | null }[]>`
    select (extract(epoch from max(at)) * 1000)::float8 as now_ms from report`;
  const now_ms = before?.now_ms ?? systemClock.now();
  if (before?.now_ms === null) {
    await seedHistory(sql, { ...options, metrics: METRICS, now_ms, say });
  }
  const hostnames = await sql<{ hostname: string }[]>`select hostname from host order by 1`;
  // three in five metrics are gauges that change (history_seed.ts)
  const gauges = await sql<{ name: string }[]>`
    select name from metric where right(name, 3)::integer % 5 < 3 order by 1`;
  return {
    now_ms,
    hostnames: hostnames.map(({ hostname }) => hostname),
    gauges: gauges.map(({ name }) => name),
  };
}

/**
 * Reads what the questions about six hours are about once: in a server at work it is in memory, as it
 * was written there. (The machine of the figures drops pages of files that nobody reads.)
 */
async function warmUp(sql: Sql, { now_ms }: { now_ms: number }): Promise<void> {
  say("reading the last six hours once");
  await sql`
    select count(md5(data)) from block_raw
    where start >= to_timestamp(${(now_ms - 7 * HOUR_MS) / 1000}::float8)`;
}

async function measure(
  wire: HttpWire,
  question: Question,
  { hostnames, gauges }: { hostnames: string[]; gauges: string[] },
) {
  const times: number[] = [];
  let bytes = 0;
  const warm_up = Math.ceil(question.times / 5);
  for (let i = -warm_up; i < question.times; i++) {
    const place = (i + warm_up) * STRIDE;
    const path = question.path(
      hostnames[place % hostnames.length] ?? "",
      gauges[place % gauges.length] ?? "",
    );
    const started_ms = systemClock.monotonic();
    const body = await wire.get(path);
    if (i >= 0) times.push(systemClock.monotonic() - started_ms);
    bytes = body.length;
    if (i > 0) continue;
    const points = question.points(JSON.parse(new TextDecoder().decode(body)));
    if (points < question.points_min) throw new Error(`${path} has only ${points} points`);
  }
  times.sort((a, b) => a - b);
  const at = (share: number) =>
    Number((times[Math.floor(times.length * share)] ?? 0).toPrecision(3));
  const result = { p50_ms: at(0.5), p99_ms: at(0.99), min_ms: at(0), bytes };
  say(`${question.name.padEnd(8)} ${JSON.stringify(result)}`);
  return result;
}

export async function run(args: string[]): Promise<Record<string, unknown>> {
  const given = (name: string) =>
    args.find((arg) => arg.startsWith(`--${name}=`))?.slice(name.length + 3);
  const days = Number(given("days") ?? 2);
  const hosts = Number(given("hosts") ?? 1_000);
  await using dir = await tempDir();
  await using postgres = await startEmbedded({
    data_dir: given("data") ?? join(dir.path, "data"),
    log: silentLogger,
    clock: systemClock,
  });
  await using sql = Object.assign(connect(postgres.address), {
    [Symbol.asyncDispose]: () => sql.end(),
  });
  await migrate(sql, { log: silentLogger, clock: systemClock });
  const known = await seeded(sql, { hosts, days });
  await using monitor = await startMonitor(
    ["serve", "--port", "0", "--database-url", postgres.url],
    { env: { MONITOR_AGGREGATE_SCHEDULE: "never" } },
  );
  using wire = await HttpWire.open(monitor.url);
  const figures: Record<string, unknown> = { days, hosts };
  await warmUp(sql, known);
  for (let round = 0; round < Number(given("rounds") ?? 1); round++) {
    for (const question of questions({ now_ms: known.now_ms, days })) {
      figures[question.name] = await measure(wire, question, known);
    }
  }
  return figures;
}
