/** What a later backup takes over from an earlier one is what a full one would have written. */
import assert from "node:assert/strict";
import fc from "fast-check";
import type { Manifest } from "../../../db/backup/manifest.ts";
import { ensureBlockPartition } from "../../../db/block_partitions.ts";
import type { Sql } from "../../../db/connect.ts";
import { thinPartition } from "../../../db/thin_partition.ts";
import { transaction } from "../../../db/transaction.ts";
import { relationLabel, selectRelations } from "../../../db/transfer/catalog.ts";
import { digestTable } from "../../../db/transfer/copy_table.ts";
import { tempDir } from "../../support/temp_dir.ts";
import { testDatabase } from "../../support/test_database.ts";
import { fill, folder, NOW_MS, restore, take } from "./backup_fixture.ts";

const RAW = "block_raw_20261125";

/** What every table holds, but the notes of backups. */
async function contents(sql: Sql): Promise<Record<string, string>> {
  return await transaction(sql, async (tx) => {
    const found: Record<string, string> = {};
    for (const relation of await selectRelations(tx)) {
      const { rows, checksum } = await digestTable(tx, relation, { onRead: () => {} });
      found[relationLabel(relation)] = `${rows} ${checksum}`;
    }
    delete found.backup_taken;
    return found;
  });
}

function contentsOf({ tables }: Manifest): Record<string, string> {
  return Object.fromEntries(
    tables.map((table): [string, string] => [
      relationLabel(table),
      `${table.rows} ${table.checksum}`,
    ]).filter(([label]) => label !== "backup_taken"),
  );
}

/** What happens to tables between two backups, by late data, aggregation, retention, vacuum, people. */
const CHANGES: Record<string, (sql: Sql, n: number) => Promise<unknown>> = {
  nothing: () => Promise.resolve(),
  late: (sql, n) =>
    sql`insert into report values (1, 1, '2001-01-02'::timestamptz + ${n} * interval '1 s', '{1}')
      on conflict do nothing`,
  hot: (sql, n) =>
    sql`insert into report values (${n}, 2, to_timestamp(${NOW_MS / 1000 + 30}), ${[n]}::float8[])
      on conflict do nothing`,
  hot_again: (sql, n) => sql`delete from report where vals[1] = ${n}`,
  block: (sql, n) =>
    sql`update ${sql(RAW)} set data = ${`\\x${"00".repeat(n)}`}::bytea where host_id = ${n % 20}`,
  // the same values in another version of the row
  block_rewritten: (sql, n) =>
    sql`update ${sql(RAW)} set data = data || ''::bytea where host_id = ${n % 20}`,
  block_gone: (sql, n) => sql`delete from ${sql(RAW)} where host_id = ${n % 20}`,
  // gone and made again with as many bytes: only their values are others
  block_exchanged: (sql, n) =>
    sql`
      with gone as (delete from ${sql(RAW)} where host_id = 7 returning *)
      insert into ${sql(RAW)}
      select host_id, shape_id, start + ${n} * interval '1 ms', head, offsets, data from gone`,
  table_gone: (sql) => sql`drop table if exists block_raw_20261124`,
  table_new: (sql, n) => ensureBlockPartition(sql, "raw", NOW_MS - (n + 2) * 86_400_000),
  table_filled: (sql, n) => sql`truncate ${sql(RAW)}`.then(() => fillRaw(sql, n)),
  thinned: (sql) =>
    thinPartition(sql, {
      table: "block_raw",
      name: RAW,
      start_ms: Date.UTC(2026, 10, 25),
      end_ms: Date.UTC(2026, 10, 26),
      bytes: 0,
    }, [99]),
  vacuum: (sql) => sql`vacuum ${sql(RAW)}`,
  freeze: (sql) => sql`vacuum (freeze) ${sql(RAW)}`,
  full: (sql) => sql`vacuum full ${sql(RAW)}`,
  host: (sql, n) => sql`update host set alias = ${String(n)} where hostname = 'web-1'`,
};

function fillRaw(sql: Sql, n: number) {
  return sql`
    insert into ${sql(RAW)} (host_id, shape_id, start, head, offsets, data)
    select i, 1, '2026-11-25 12:00Z', '\\x00', '\\x', decode(repeat('ab', ${n}), 'hex')
    from generate_series(1, 20) as i`;
}

Deno.test("takeBackup() after any changes names exactly what is there, whatever it re-uses", async () => {
  await using dir = await tempDir();
  await using database = await testDatabase();
  const { sql } = database;
  await fill(sql);
  using directory = await folder(dir.join("backups"));
  const change = fc.tuple(
    fc.constantFrom(...Object.keys(CHANGES)),
    fc.integer({ min: 1, max: 40 }),
  );
  let unchanged = 0;
  await take(sql, directory);
  await fc.assert(
    fc.asyncProperty(fc.array(change, { maxLength: 4 }), async (changes) => {
      for (const [name, n] of changes) await CHANGES[name]?.(sql, n);
      const taken = await take(sql, directory);
      assert.deepEqual(contentsOf(taken.manifest), await contents(sql), JSON.stringify(changes));
      unchanged += taken.unchanged;
    }),
    // each run goes on from the one before: a smaller example would not be the same
    { numRuns: 20, endOnFailure: true },
  );
  assert.ok(unchanged > 20 * 20, `only ${unchanged} tables were taken over`);
  await using to = await testDatabase({ empty: true });
  const newest = (await directory.ids()).at(-1) ?? "";
  await restore(to.sql, directory, { manifest: await directory.manifest(newest) });
  assert.deepEqual(await contents(to.sql), await contents(sql));
});

Deno.test("takeBackup() writes only what has changed, and nothing when nothing has", async () => {
  await using dir = await tempDir();
  await using database = await testDatabase();
  await fill(database.sql);
  using directory = await folder(dir.join("backups"));
  const first = await take(database.sql, directory);
  assert.equal(first.written.files, first.tables);
  await CHANGES.block?.(database.sql, 3);
  await database.sql`vacuum freeze`;
  const second = await take(database.sql, directory);
  assert.equal(second.tables - second.unchanged, 2, "the block's table, and the note of a backup");
  const full = await take(database.sql, directory, { incremental: false });
  assert.deepEqual(contentsOf(full.manifest), contentsOf(second.manifest));
  assert.equal(full.unchanged, 0);
});

Deno.test("takeBackup() takes nothing over where history may have been another one", async () => {
  await using dir = await tempDir();
  await using database = await testDatabase();
  const { sql } = database;
  await fill(sql);
  using directory = await folder(dir.join("backups"));
  const { manifest } = await take(sql, directory);
  // put back to a state of before: the note is not there, or not there yet
  await sql`delete from backup_taken`;
  assert.equal((await take(sql, directory)).unchanged, 0);
  assert.ok((await take(sql, directory)).unchanged > 0);
  // restored elsewhere
  await using other = await testDatabase({ empty: true });
  await restore(other.sql, directory, { manifest });
  assert.equal((await take(other.sql, directory)).unchanged, 0);
  // transactions have gone around (other tests make some, too: the numbers are those of a cluster)
  const base = await directory.manifest((await directory.ids()).at(-1) ?? "");
  const origin = { place: "", xid: "0", ...base.origin };
  const ago = (xids: bigint) => ({ ...base, origin: { ...origin, xid: String(xids) } });
  const now = BigInt(origin.xid);
  assert.equal((await take(other.sql, directory, { base: ago(now - 2n ** 31n) })).unchanged, 0);
  assert.equal((await take(other.sql, directory, { base: ago(now + 2n ** 31n) })).unchanged, 0);
  // a file is not there any more
  const newest = await directory.manifest((await directory.ids()).at(-1) ?? "");
  const [file] = newest.tables.find(({ name }) => name === RAW)?.files ?? [];
  await Deno.truncate(dir.join("backups", "data", file?.name ?? ""), 5);
  const repaired = await take(other.sql, directory);
  assert.equal(repaired.tables - repaired.unchanged, 2);
});
