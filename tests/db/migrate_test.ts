import assert from "node:assert/strict";
import { systemClock } from "../../clock.ts";
import { connect, type Sql } from "../../db/connect.ts";
import { migrate, MigrationError, migrationStatus } from "../../db/migrate.ts";
import { type Migration, parseMigration, readMigrations } from "../../db/migration_files.ts";
import { silentLogger } from "../../log.ts";
import { testDatabase } from "../support/test_database.ts";

const three = [
  parseMigration(
    "0001_first.sql",
    "create table first (x integer);\ninsert into first values (1);",
  ),
  parseMigration("0002_second.sql", "create table second (x integer);"),
  parseMigration("0003_third.sql", "insert into first values (3);"),
];

function run(sql: Sql, migrations?: Migration[]) {
  return migrate(sql, { log: silentLogger, clock: systemClock, migrations });
}

function rejectsWith(promise: Promise<unknown>, reason: string, message: RegExp) {
  return assert.rejects(promise, (error) => {
    assert(error instanceof MigrationError);
    assert.equal(error.reason, reason);
    assert.match(error.message, message);
    assert(error.hint.length > 0);
    return true;
  });
}

Deno.test("migrate() applies everything once and nothing the second time", async () => {
  await using db = await testDatabase({ empty: true });
  assert.deepEqual((await run(db.sql)).map(({ number }) => number)[0], 1);
  assert.deepEqual(await run(db.sql), []);
  const status = await migrationStatus(db.sql);
  assert.deepEqual(status.pending, []);
  assert.equal(status.applied.length, (await readMigrations()).length);
});

Deno.test("migrate() is run by ten clients at once and each migration by one of them", async () => {
  await using db = await testDatabase({ empty: true });
  const clients = Array.from({ length: 10 }, () => connect(db.address, { connections_max: 1 }));
  const applied = await Promise.all(clients.map((sql) => run(sql, three)));
  await Promise.all(clients.map((sql) => sql.end()));
  assert.deepEqual(applied.flat().map(({ number }) => number).sort(), [1, 2, 3]);
  const rows = await db.sql`select x from first order by x`;
  assert.deepEqual(rows.map(({ x }) => x), [1, 3]);
});

Deno.test("migrate() upgrades from every earlier number", async () => {
  const migrations = await readMigrations();
  for (let number = 0; number < migrations.length; number++) {
    await using db = await testDatabase({ empty: true });
    await run(db.sql, migrations.slice(0, number));
    const applied = await run(db.sql, migrations);
    assert.equal(applied.length, migrations.length - number);
  }
});

Deno.test("migrate() refuses a database that a newer program has migrated", async () => {
  await using db = await testDatabase({ empty: true });
  await run(db.sql, three);
  const message = /^Cannot use the database: it has migration 0003_third, this program knows 2/;
  await rejectsWith(run(db.sql, three.slice(0, 2)), "database_newer", message);
  await rejectsWith(
    migrationStatus(db.sql, { migrations: three.slice(0, 2) }),
    "database_newer",
    message,
  );
});

Deno.test("migrate() refuses a database whose migration has another text", async () => {
  await using db = await testDatabase({ empty: true });
  await run(db.sql, three.slice(0, 2));
  const edited = [parseMigration("0001_first.sql", "create table first ();"), ...three.slice(1)];
  await rejectsWith(run(db.sql, edited), "migration_edited", /0001_first was applied with another/);
  const rows = await db.sql`select x from first`;
  assert.equal(rows.length, 1);
});

Deno.test("migrate() takes back everything of a migration that fails", async () => {
  await using db = await testDatabase({ empty: true });
  const broken = parseMigration("0002_broken.sql", "create table second (); select 1 / 0;");
  const message = /^Cannot apply migration 0002_broken: division by zero$/;
  await rejectsWith(run(db.sql, [...three.slice(0, 1), broken]), "migration_failed", message);
  const { applied, pending } = await migrationStatus(db.sql, { migrations: three });
  assert.deepEqual(applied.map(({ number }) => number), [1]);
  assert.deepEqual(pending.map(({ number }) => number), [2, 3]);
  assert.equal((await run(db.sql, three)).length, 2);
});

Deno.test("migrationStatus() changes nothing in an empty database", async () => {
  await using db = await testDatabase({ empty: true });
  const { applied, pending } = await migrationStatus(db.sql, { migrations: three });
  assert.deepEqual([applied.length, pending.length], [0, 3]);
  const rows = await db.sql`select to_regclass('migration') as name`;
  assert.equal(rows[0]?.name, null);
});

Deno.test("parseMigration() gives the same checksum whatever the line ends", () => {
  const unix = parseMigration("0001_a.sql", "select 1;\nselect 2;\n");
  const windows = parseMigration("0001_a.sql", "select 1;\r\nselect 2;\r\n");
  assert.equal(unix.checksum, windows.checksum);
  assert.throws(() => parseMigration("1_a.sql", ""), /not named like a migration/);
});
