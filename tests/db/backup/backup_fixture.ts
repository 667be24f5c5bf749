/** What the tests of backups have in common: a database with something of everything, and a folder. */
import { systemClock } from "../../../clock.ts";
import { ensureBlockPartition } from "../../../db/block_partitions.ts";
import { BackupDirectory } from "../../../db/backup/directory.ts";
import type { Manifest } from "../../../db/backup/manifest.ts";
import { restoreBackup, type RestoreOptions } from "../../../db/backup/restore.ts";
import { takeBackup, type Taken, type TakeOptions } from "../../../db/backup/take.ts";
import type { Sql } from "../../../db/connect.ts";
import { ensureHosts } from "../../../db/hosts.ts";
import { ensurePartitions } from "../../../db/partitions.ts";
import { silentLogger } from "../../../log.ts";
import { storeHistory } from "../../support/stored_history.ts";

export const NOW_MS = Date.UTC(2026, 10, 25, 12);

/** Hosts, every tier, rows in time and late ones, settings and incidents, values of every odd kind. */
export async function fill(sql: Sql): Promise<void> {
  await ensureHosts(sql, ["web-1", 'o"dd', "b", "שלום 😀"], NOW_MS);
  await sql`delete from host where hostname = 'b'`;
  await sql`update host set tags = '{"a": [1, null], "\\"": "\\n"}', alias = '' where hostname = 'web-1'`;
  await ensurePartitions(sql, NOW_MS);
  const rows = Array.from({ length: 200 }, (_, i) => ({
    at_ms: NOW_MS - 86_400_000 + i * 60_000,
    values: [i / 3, -0, i, Number.MAX_VALUE],
  }));
  const names = ["a", "b", "c_total", "d"];
  await storeHistory(sql, "web-1", [{ names, raw: rows, in_5m: rows, in_1h: rows }]);
  await sql`
    insert into report (host_id, shape_id, at, vals)
    select 1, 1, to_timestamp(${NOW_MS}::float8 / 1000) + n * interval '1 second',
      array[n, '-0'::float8, 'NaN', 'Infinity', 1e-300, n / 3.0]
    from generate_series(1, 3000) as n`;
  await sql`insert into report values (1, 1, '2001-01-01', '{}'), (1, 2, '2001-01-01', '{1}')`;
  await ensureBlockPartition(sql, "raw", NOW_MS);
  await sql`
    insert into block_raw (host_id, shape_id, start, head, offsets, data)
    select n, 1, to_timestamp(${NOW_MS}::float8 / 1000), '\\x00', '\\x', decode(repeat('ff', n * 1000), 'hex')
    from generate_series(1, 20) as n`;
  await sql`
    insert into rule (name, definition, source, created_at, updated_at)
    values ('r', '{"x": 1e-7}', 'api', 'infinity', '-infinity')`;
  await sql`
    insert into channel (name, kind, config, source, created_at, updated_at)
    values ('ops', 'webhook', '{"url_sha": "é"}', 'file', now(), now())`;
}

export async function take(
  sql: Sql,
  directory: BackupDirectory,
  options: Partial<TakeOptions> & { incremental?: boolean } = {},
): Promise<Taken> {
  const newest_id = (await directory.ids()).at(-1);
  const base = newest_id === undefined || options.incremental === false
    ? undefined
    : await directory.manifest(newest_id);
  const common = { clock: systemClock, version: "0.0.0", base, newest_id };
  return await takeBackup(sql, directory, { ...common, ...options });
}

export function restore(
  sql: Sql,
  directory: BackupDirectory,
  options: Partial<RestoreOptions> & { manifest: Manifest },
) {
  return restoreBackup(sql, directory, { log: silentLogger, clock: systemClock, ...options });
}

/** Opened to write, in a folder of its own. */
export function folder(path: string): Promise<BackupDirectory> {
  return BackupDirectory.toWrite(path);
}
