/**
 * `deno task bench migrate`: an installation moves from one embedded PostgreSQL into another, and is
 * compared with itself afterwards, as `monitor migrate --to` does it.
 *
 *   deno task bench migrate [--samples 100e6] [--days 3] [--metrics 100]
 *
 * `samples` are raw ones, in blocks and hot; the rollups made of them move, too. Both servers have
 * fsync on and are on the same disk.
 */
import { parseArgs } from "node:util";
import { systemClock } from "../../clock.ts";
import { connect, type Sql } from "../../db/connect.ts";
import { startEmbedded } from "../../db/embedded.ts";
import { migrate } from "../../db/migrate.ts";
import { compareDatabases } from "../../db/transfer/compare.ts";
import { transfer } from "../../db/transfer/transfer.ts";
import { silentLogger } from "../../log.ts";
import { tempDir } from "../support/temp_dir.ts";
import { seedHistory } from "./history_seed.ts";

const EVERY_S = 10;

function say(text: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`${text}\n`));
}

async function withDatabase<T>(run: (sql: Sql) => Promise<T>): Promise<T> {
  await using dir = await tempDir();
  await using postgres = await startEmbedded({
    data_dir: dir.join("data"),
    log: silentLogger,
    clock: systemClock,
  });
  const sql = connect(postgres.address);
  try {
    return await run(sql);
  } finally {
    await sql.end();
  }
}

/** Samples that are stored raw, counted in the database itself. */
async function countSamples(sql: Sql): Promise<number> {
  const int4 = (at: number) =>
    sql`(get_byte(head, ${at}::int)::int8 << 24) + (get_byte(head, ${at + 1}::int) << 16)
      + (get_byte(head, ${at + 2}::int) << 8) + get_byte(head, ${at + 3}::int)`;
  const [row] = await sql<{ samples: number }[]>`
    select (coalesce((select sum((${int4(4)}) * (${int4(8)})) from block_raw), 0)
      + coalesce((select sum(cardinality(vals)) from report), 0))::float8 as samples`;
  return row?.samples ?? 0;
}

export async function run(args: string[]): Promise<Record<string, unknown>> {
  const { values } = parseArgs({
    args,
    options: {
      samples: { type: "string", default: "100e6" },
      days: { type: "string", default: "3" },
      metrics: { type: "string", default: "100" },
    },
  });
  const [wanted, days, metrics] = [values.samples, values.days, values.metrics].map(Number);
  const per_host = (days ?? 0) * 86_400 / EVERY_S * (metrics ?? 0);
  const hosts = Math.ceil((wanted ?? 0) / per_host);
  return await withDatabase((from) =>
    withDatabase(async (to) => {
      await migrate(from, { log: silentLogger, clock: systemClock });
      const seed = {
        hosts,
        metrics: metrics ?? 0,
        days: days ?? 0,
        now_ms: systemClock.now(),
        say,
      };
      await seedHistory(from, seed);
      const samples = await countSamples(from);
      say(`moving ${samples} samples of ${hosts} hosts`);
      const options = { log: silentLogger, clock: systemClock };
      const begun_ms = performance.now();
      const { tables, rows, bytes } = await transfer(from, to, options);
      const moved_ms = performance.now();
      const { differences } = await compareDatabases(from, to);
      const verified_ms = performance.now();
      return {
        hosts,
        samples,
        tables,
        rows,
        mib: Math.round(bytes / 2 ** 20),
        move_s: Number(((moved_ms - begun_ms) / 1000).toFixed(1)),
        verify_s: Number(((verified_ms - moved_ms) / 1000).toFixed(1)),
        differences,
        samples_after: await countSamples(to),
        rss_mib: Math.round(Deno.memoryUsage().rss / 2 ** 20),
      };
    })
  );
}
