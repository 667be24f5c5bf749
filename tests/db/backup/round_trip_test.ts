/** A backup becomes the same database again: whatever is in it, wherever it goes, however often. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import { systemClock } from "../../../clock.ts";
import { clearDatabase, isInTheWay } from "../../../db/backup/clear.ts";
import { BackupDirectory } from "../../../db/backup/directory.ts";
import { TarSink, unpackTar } from "../../../db/backup/tar.ts";
import { takeBackup } from "../../../db/backup/take.ts";
import type { Sql } from "../../../db/connect.ts";
import { ensureHosts } from "../../../db/hosts.ts";
import { migrate } from "../../../db/migrate.ts";
import { parseMigration, readMigrations } from "../../../db/migration_files.ts";
import { describeSchema } from "../../../db/schema.ts";
import { compareDatabases } from "../../../db/transfer/compare.ts";
import { backupName } from "../../../db/transfer/notes.ts";
import { silentLogger } from "../../../log.ts";
import { tempDir } from "../../support/temp_dir.ts";
import { testDatabase } from "../../support/test_database.ts";
import { fill, folder, NOW_MS, restore, take } from "./backup_fixture.ts";

const common = { log: silentLogger, clock: systemClock };

/** Without what the backup itself has noted in the database after its snapshot. */
async function differences(from: Sql, to: Sql): Promise<string[]> {
  await from`delete from backup_taken`;
  await to`delete from backup_taken`;
  return (await compareDatabases(from, to)).differences;
}

Deno.test("restoreBackup() makes the same database: all tables, rows, sequences, partitions", async () => {
  await using dir = await tempDir();
  await using from = await testDatabase();
  await using to = await testDatabase({ empty: true });
  await fill(from.sql);
  using directory = await folder(dir.join("backups"));
  const before_ms = systemClock.now();
  const taken = await take(from.sql, directory);
  assert.ok(taken.rows > 3_000, `${taken.rows} rows`);
  assert.ok(Math.abs(Date.parse(taken.manifest.point) - before_ms) < 60_000);
  const restored = await restore(to.sql, directory, taken);
  assert.deepEqual([restored.rows, restored.left_out, restored.migrated], [taken.rows, [], []]);
  assert.deepEqual(await differences(from.sql, to.sql), []);
  assert.equal(await describeSchema(to.sql), await describeSchema(from.sql));
  // it goes on where the other one was
  const next = (sql: Sql) =>
    sql`insert into host (hostname, created_at) values ('n', now()) returning id`.values();
  assert.deepEqual([...await next(to.sql)], [...await next(from.sql)]);
});

Deno.test("restoreBackup() gives back any values, the same bytes", async () => {
  const text = fc.string({ unit: "binary", maxLength: 20 }).map((s) => s.replaceAll("\0", ""));
  const row = fc.record({
    values: fc.array(fc.double(), { maxLength: 30 }),
    text,
    bytes: fc.uint8Array({ maxLength: 3_000 }),
    json: fc.jsonValue().filter((value) => !JSON.stringify(value).includes("\\u0000")),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(row, { maxLength: 20 }), async (rows) => {
      await using dir = await tempDir();
      await using from = await testDatabase();
      await using to = await testDatabase({ empty: true });
      for (const [n, { values, text, bytes, json }] of rows.entries()) {
        await from.sql`insert into report values (${n}, 1, '2020-01-01', ${values}::float8[])`;
        await from.sql`insert into annotation values (${n}, 1, '2020-01-01', ${text})`;
        await from.sql`insert into shape (digest, metric_ids) values (${
          Buffer.concat([Buffer.from([n]), bytes])
        }, ${[n]})`;
        // whatever JSON is
        await from.sql`insert into host (hostname, tags, created_at)
          values (${`${n}${text}`}, ${from.sql.json({ json } as never)}, now())`;
      }
      using directory = await folder(dir.join("backups"));
      await restore(to.sql, directory, await take(from.sql, directory));
      assert.deepEqual(await differences(from.sql, to.sql), []);
    }),
    { numRuns: 2 },
  );
});

Deno.test("a stream is as good as a directory, and none when it is cut off", async () => {
  await using dir = await tempDir();
  await using from = await testDatabase();
  await using to = await testDatabase({ empty: true });
  await fill(from.sql);
  const pieces: Uint8Array[] = [];
  const sink = new TarSink((bytes) => Promise.resolve(void pieces.push(bytes.slice())));
  const { manifest } = await takeBackup(from.sql, sink, { clock: systemClock, version: "0" });
  const whole = new Uint8Array(Buffer.concat(pieces));
  const stream = async function* (end: number, size: number) {
    for (let at = 0; at < end; at += size) yield whole.slice(at, Math.min(end, at + size));
  };
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: whole.length - 1025 }), async (end) => {
      await using place = await tempDir();
      await assert.rejects(unpackTar(stream(end, 10_007), place.path), { name: "BackupError" });
    }),
    { numRuns: 20 },
  );
  await unpackTar(stream(whole.length, 777), dir.path);
  using directory = await BackupDirectory.toRead(dir.path);
  assert.deepEqual(await directory.ids(), [manifest.id]);
  await restore(to.sql, directory, { manifest: await directory.manifest(manifest.id) });
  assert.deepEqual(await differences(from.sql, to.sql), []);
});

Deno.test("restoreBackup() stopped anywhere goes on, and no server starts before the end", async () => {
  await using dir = await tempDir();
  await using from = await testDatabase();
  await using to = await testDatabase({ empty: true });
  await fill(from.sql);
  using directory = await folder(dir.join("backups"));
  const { manifest } = await take(from.sql, directory);
  let stops = 0;
  for (let steps = 4;; steps += 60) {
    const stop = new AbortController();
    let left = steps;
    const onProgress = () => void (--left === 0 && stop.abort());
    const done = await restore(to.sql, directory, { manifest, signal: stop.signal, onProgress })
      .then(() => true, (error) => {
        assert.equal(error.name, "AbortError");
        return false;
      });
    if (done) break;
    stops += 1;
    await assert.rejects(migrate(to.sql, common), { hint: /monitor restore again/ });
    await assert.rejects(take(to.sql, directory), /copy that is not complete/);
  }
  assert.ok(stops > 2, `it was stopped ${stops} times`);
  assert.deepEqual(await differences(from.sql, to.sql), []);
});

Deno.test("a backup of an older version is migrated, one of a newer is refused untouched", async () => {
  await using dir = await tempDir();
  await using old = await testDatabase();
  await using newer = await testDatabase({ empty: true });
  await fill(old.sql);
  const migrations = await readMigrations();
  const number = migrations.length + 1;
  const later = parseMigration(
    `${String(number).padStart(4, "0")}_later.sql`,
    "-- rewrites: hosts\nalter table host add column colour text not null default 'red';",
  );
  using directory = await folder(dir.join("backups"));
  const { manifest } = await take(old.sql, directory);
  const all = [...migrations, later];
  const { migrated } = await restore(newer.sql, directory, { manifest, migrations: all });
  assert.deepEqual(migrated.map((one) => one.number), [number]);
  const [host] = await newer.sql`select colour, tags from host where hostname = 'web-1'`;
  assert.deepEqual({ ...host }, { colour: "red", tags: { a: [1, null], '"': "\n" } });
  const { manifest: of_newer } = await take(newer.sql, directory);
  await using target = await testDatabase({ empty: true });
  await assert.rejects(restore(target.sql, directory, { manifest: of_newer }), {
    message: /another version of monitor/,
    cause: `it has migration ${
      String(number).padStart(4, "0")
    }_later, this program knows ${migrations.length} migrations`,
    hint: /use monitor 0\.0\.0/,
  });
  assert.equal(await describeSchema(target.sql), "");
});

Deno.test("clearDatabase() leaves an empty database that waits for the backup, and nobody else's", async () => {
  await using dir = await tempDir();
  await using from = await testDatabase();
  await using to = await testDatabase();
  await fill(from.sql);
  await fill(to.sql);
  await ensureHosts(to.sql, ["lost"], NOW_MS);
  using directory = await folder(dir.join("backups"));
  const { manifest } = await take(from.sql, directory);
  const source_id = backupName(manifest.id);
  assert.equal(await isInTheWay(to.sql, source_id), true);
  await assert.rejects(restore(to.sql, directory, { manifest }), { hint: /--force/ });
  const options = { source_id, migrations: await readMigrations() };
  await to.sql`create table invoice as select 1 as n`;
  await assert.rejects(clearDatabase(to.sql, options), { cause: /tables of others: invoice$/ });
  await to.sql`drop table invoice`;
  await clearDatabase(to.sql, options);
  await assert.rejects(migrate(to.sql, common), /copy that is not complete/);
  assert.equal(await isInTheWay(to.sql, source_id), false);
  await restore(to.sql, directory, { manifest });
  assert.deepEqual(await differences(from.sql, to.sql), []);
  assert.equal(await describeSchema(to.sql), await describeSchema(from.sql));
});
