/**
 * `deno task bench backup [--hosts=8] [--days=60]`: a backup of a database that is written to, another
 * one after it, and the way back, as `monitor backup` and `monitor restore` go it. 100 metrics a host,
 * every ten seconds; three in five are noise in two decimals, which nothing compresses. (More than
 * eight hosts repeat those of the first eight, and a backup packs that as what it is.)
 *
 *   full          everything, into a new directory
 *   next          into the same, with a minute of reports more
 *   verify        every file read to its end
 *   restore       into an empty PostgreSQL, and compared with the backup
 *   insert_ms     what storing one report took meanwhile, and took with nothing beside it
 */
import { join } from "node:path";
import { systemClock } from "../../clock.ts";
import { BackupDirectory } from "../../db/backup/directory.ts";
import { restoreBackup } from "../../db/backup/restore.ts";
import { takeBackup, type Taken } from "../../db/backup/take.ts";
import { verifyBackup } from "../../db/backup/verify.ts";
import { connect, type Sql } from "../../db/connect.ts";
import { startEmbedded } from "../../db/embedded.ts";
import { migrate } from "../../db/migrate.ts";
import { silentLogger } from "../../log.ts";
import { tempDir } from "../support/temp_dir.ts";
import { seedHistory } from "./history_seed.ts";

const METRICS = 100;
const ALONE_MS = 3_000;
const REPORTS_A_MINUTE = 6;

function say(text: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`${text}\n`));
}

async function database(data_dir: string) {
  const postgres = await startEmbedded({ data_dir, log: silentLogger, clock: systemClock });
  const sql = connect(postgres.address);
  return {
    sql,
    async [Symbol.asyncDispose]() {
      await sql.end();
      await postgres[Symbol.asyncDispose]();
    },
  };
}

/** Stores reports one after the other until `ended`; the times it took, in milliseconds. */
async function insertUntil(sql: Sql, ended: Promise<unknown>): Promise<number[]> {
  let open = true;
  void ended.finally(() => open = false);
  const times: number[] = [];
  for (let n = 0; open; n++) {
    const begun_ms = systemClock.monotonic();
    await sql`
      insert into report (host_id, shape_id, at, vals)
      select 1, min(shape_id), now(), array_fill(${n}::float8, array[${METRICS}::int]) from host_shape
      on conflict do nothing`;
    times.push(systemClock.monotonic() - begun_ms);
  }
  return times.sort((a, b) => a - b);
}

function quantiles(times: readonly number[]) {
  const at = (share: number) => Number((times[Math.floor(times.length * share)] ?? 0).toFixed(1));
  return { p50: at(0.5), p99: at(0.99), max: Number((times.at(-1) ?? 0).toFixed(1)) };
}

async function seconds<T>(name: string, run: () => Promise<T>): Promise<[seconds: number, T]> {
  say(name);
  const begun_ms = systemClock.monotonic();
  const result = await run();
  return [Number(((systemClock.monotonic() - begun_ms) / 1000).toFixed(1)), result];
}

async function takeInto(sql: Sql, directory: BackupDirectory): Promise<Taken> {
  const newest_id = (await directory.ids()).at(-1);
  const base = newest_id === undefined ? undefined : await directory.manifest(newest_id);
  return await takeBackup(sql, directory, {
    clock: systemClock,
    version: "0.0.0",
    base,
    newest_id,
  });
}

export async function run(args: string[]): Promise<Record<string, unknown>> {
  const given = (name: string, otherwise: number) =>
    Number(args.find((arg) => arg.startsWith(`--${name}=`))?.split("=")[1] ?? otherwise);
  const [hosts, days] = [given("hosts", 8), given("days", 60)];
  await using dir = await tempDir();
  await using from = await database(dir.join("from"));
  await migrate(from.sql, { log: silentLogger, clock: systemClock });
  const now_ms = systemClock.now();
  await seedHistory(from.sql, { hosts, metrics: METRICS, days, now_ms, say });
  const alone = await insertUntil(from.sql, systemClock.sleep(ALONE_MS));
  using directory = await BackupDirectory.toWrite(join(dir.path, "backups"));
  const taking = seconds("a full backup", () => takeInto(from.sql, directory));
  const beside = await insertUntil(from.sql, taking);
  const [full_s, full] = await taking;
  await from.sql`
    insert into report (host_id, shape_id, at, vals)
    select host_id, shape_id, now() + n * interval '10 s', array_fill(0::float8, array[${METRICS}::int])
    from host_shape, generate_series(1, ${REPORTS_A_MINUTE}) as n`;
  const [next_s, next] = await seconds("another one", () => takeInto(from.sql, directory));
  const [verify_s, { faults }] = await seconds(
    "reading it all",
    async () => ({ faults: await verifyBackup(directory, next.manifest) }),
  );
  await using to = await database(dir.join("to"));
  const [restore_s] = await seconds(
    "the way back",
    () =>
      restoreBackup(to.sql, directory, {
        manifest: next.manifest,
        log: silentLogger,
        clock: systemClock,
      }),
  );
  const mib = (bytes: number) => Math.round(bytes / 2 ** 20);
  return {
    hosts,
    days,
    database_mib: mib(full.database_bytes),
    full: { s: full_s, mib: mib(full.written.bytes), tables: full.tables },
    next: { s: next_s, mib: mib(next.written.bytes), unchanged: next.unchanged },
    verify_s,
    faults,
    restore_s,
    insert_ms: { alone: quantiles(alone), beside: quantiles(beside) },
  };
}
