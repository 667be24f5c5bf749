/** Moving an installation between real databases: complete, resumable, never to a wrong place. */
import assert from "node:assert/strict";
import { systemClock } from "../../../clock.ts";
import { ensureBlockPartition } from "../../../db/block_partitions.ts";
import type { Sql } from "../../../db/connect.ts";
import { ensureHosts } from "../../../db/hosts.ts";
import { migrate } from "../../../db/migrate.ts";
import { parseMigration, readMigrations } from "../../../db/migration_files.ts";
import { ensurePartitions } from "../../../db/partitions.ts";
import { describeSchema } from "../../../db/schema.ts";
import { compareDatabases } from "../../../db/transfer/compare.ts";
import { transfer, type TransferOptions } from "../../../db/transfer/transfer.ts";
import { silentLogger } from "../../../log.ts";
import { testDatabase } from "../../support/test_database.ts";

const NOW_MS = Date.UTC(2026, 10, 25, 12);
const common = { log: silentLogger, clock: systemClock };

function move(source: Sql, target: Sql, options: Partial<TransferOptions> = {}) {
  return transfer(source, target, { ...common, ...options });
}

/** Hosts, partitions of several tables, rows in time, late ones, values of every odd kind. */
async function fill(sql: Sql): Promise<void> {
  await ensureHosts(sql, ["web-1", 'o"dd', "b", "c"], NOW_MS);
  await sql`delete from host where hostname = 'b'`;
  await sql`update host set tags = '{"a": [1, null]}', alias = 'x' where hostname = 'c'`;
  await ensurePartitions(sql, NOW_MS);
  await ensureBlockPartition(sql, "raw", NOW_MS);
  await sql`
    insert into report (host_id, shape_id, at, vals)
    select 1, 1, to_timestamp(${NOW_MS}::float8 / 1000) + n * interval '1 second',
      array[n, '-0'::float8, 'NaN', 'Infinity', 1e-300, n / 3.0]
    from generate_series(1, 3000) as n`;
  await sql`insert into report values (1, 1, '2001-01-01', '{}'), (1, 2, '2001-01-01', '{1}')`;
  await sql`
    insert into block_raw (host_id, shape_id, start, head, offsets, data)
    select n, 1, to_timestamp(${NOW_MS}::float8 / 1000), '\\x00', '\\x', decode(repeat('ff', n * 1000), 'hex')
    from generate_series(1, 20) as n`;
}

/** Where identities go on. */
async function nextHostId(sql: Sql): Promise<number> {
  const [row] = await sql<{ id: number }[]>`
    insert into host (hostname, created_at) values ('next', now()) returning id`;
  return row?.id ?? 0;
}

Deno.test("transfer() moves everything, and the new place goes on where the old one was", async () => {
  await using from = await testDatabase();
  await using to = await testDatabase({ empty: true });
  await fill(from.sql);
  const fractions: number[] = [];
  const result = await move(from.sql, to.sql, {
    onProgress: ({ fraction }) => fractions.push(fraction),
  });
  assert.deepEqual([result.kept, result.left_out], [0, []]);
  assert.ok(result.rows > 3_000);
  assert.deepEqual(fractions, fractions.toSorted((a, b) => a - b));
  assert.ok((fractions.at(-1) ?? 0) > 0.9);
  const comparison = await compareDatabases(from.sql, to.sql);
  assert.deepEqual([comparison.differences, comparison.rows], [[], result.rows]);
  assert.equal(await describeSchema(to.sql), await describeSchema(from.sql));
  const bounds = (sql: Sql) =>
    sql`
      select c.relname, pg_get_expr(c.relpartbound, c.oid), c.reloptions, t.reloptions as toast
      from pg_class c left join pg_class t on t.oid = c.reltoastrelid
      where c.relispartition and c.relkind = 'r' order by 1`.values();
  assert.deepEqual([...await bounds(to.sql)], [...await bounds(from.sql)]);
  assert.equal(await nextHostId(to.sql), await nextHostId(from.sql));
  // it is an ordinary database now
  assert.deepEqual(await migrate(to.sql, common), []);
});

Deno.test("transfer() stopped anywhere goes on, and copies again what has changed meanwhile", async () => {
  await using from = await testDatabase();
  await using to = await testDatabase({ empty: true });
  await fill(from.sql);
  let stops = 0;
  for (let steps = 4;; steps += 9) {
    const stop = new AbortController();
    let left = steps;
    const onProgress = () => void (--left === 0 && stop.abort());
    const moved = move(from.sql, to.sql, { signal: stop.signal, onProgress });
    const done = await moved.then(() => true, (error) => {
      assert.equal(error.name, "AbortError");
      return false;
    });
    if (done) break;
    stops += 1;
    await assert.rejects(migrate(to.sql, common), /copy that is not complete/);
    // of a server that was started in between
    await from.sql`insert into host (hostname, created_at) values (${`new-${stops}`}, now())`;
    if (stops === 3) await from.sql`drop table block_raw_20261125`;
  }
  assert.ok(stops > 3, `it was stopped ${stops} times`);
  assert.deepEqual((await compareDatabases(from.sql, to.sql)).differences, []);
});

Deno.test("transfer() moves to no database that has anything in it", async () => {
  await using from = await testDatabase();
  await using other = await testDatabase();
  await fill(from.sql);
  await ensureHosts(other.sql, ["kept"], NOW_MS);
  await assert.rejects(move(from.sql, other.sql), /database that is not empty/);
  await using foreign = await testDatabase({ empty: true });
  await foreign.sql`create table invoice as select 1 as n`;
  await assert.rejects(move(from.sql, foreign.sql), { hint: /createdb/ });
  const rows = await foreign.sql`select to_regclass('host') as host`;
  assert.equal(rows[0]?.host, null);
});

Deno.test("transfer() does not go on with an unfinished copy of another installation", async () => {
  await using from = await testDatabase();
  await using another = await testDatabase({ empty: true });
  await using to = await testDatabase({ empty: true });
  await migrate(another.sql, common);
  const stopped = AbortSignal.abort();
  await assert.rejects(move(from.sql, to.sql, { signal: stopped }), { name: "AbortError" });
  await assert.rejects(move(another.sql, to.sql), /unfinished copy of another one/);
});

Deno.test("transfer() knows later tables, foreign keys, triggers and tables of others", async () => {
  await using from = await testDatabase();
  await using to = await testDatabase({ empty: true });
  const later = `
    create table a_child (n integer primary key, host_id integer references host (id));
    create table seen (n bigint generated always as identity, what text);
    create function see() returns trigger language plpgsql as $$
      begin insert into seen (what) values (tg_table_name); return new; end $$;
    create trigger on_child after insert on a_child for each row execute function see();`;
  const migrations = await readMigrations();
  const number = migrations.length + 1;
  const last = parseMigration(`${String(number).padStart(4, "0")}_later.sql`, later);
  await migrate(from.sql, { ...common, migrations: [...migrations, last] });
  await fill(from.sql);
  await from
    .sql`insert into a_child select n, (select min(id) from host) from generate_series(1, 10) as n`;
  await from.sql`create table invoice as select 1 as n`;
  const { left_out } = await move(from.sql, to.sql, { migrations: [...migrations, last] });
  assert.deepEqual(left_out, ["invoice"]);
  assert.deepEqual((await compareDatabases(from.sql, to.sql)).differences, [
    "invoice is only in the first",
  ]);
  await to.sql`insert into a_child select 11, min(id) from host`;
  const rows = await to.sql`select max(n) as n, count(*) as count from seen`;
  assert.deepEqual({ ...rows[0] }, { n: 11, count: 11 });
});

Deno.test("compareDatabases() sees a value, a row, a table and a sequence", async () => {
  await using from = await testDatabase();
  await using to = await testDatabase({ empty: true });
  await fill(from.sql);
  await move(from.sql, to.sql);
  await to.sql`update report set vals[2] = 0.0 where at = '2026-11-25 12:00:01Z'`;
  await to.sql`delete from host where hostname = 'c'`;
  await to.sql`drop table block_raw_20261125`;
  await to.sql`select nextval('host_id_seq')`;
  const { differences } = await compareDatabases(from.sql, to.sql);
  assert.deepEqual(differences, [
    "block_raw_20261125 is only in the first",
    "host has 3 rows and 2",
    "report_202611251200 has other values",
    "host_id_seq stands at 4 and 5",
  ]);
});
