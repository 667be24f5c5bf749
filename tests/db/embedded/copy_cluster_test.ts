/** Migrations that rewrite, and data directories of other versions. */
import assert from "node:assert/strict";
import { systemClock } from "../../../clock.ts";
import { openDatabase } from "../../../db/database.ts";
import { MigrationError } from "../../../db/migrate.ts";
import { parseMigration } from "../../../db/migration_files.ts";
import { createLogger, silentLogger } from "../../../log.ts";
import { embeddedFixture, isGone } from "../../support/embedded.ts";
import { linkedFiles } from "../../support/embedded_owner.ts";
import { tempDir } from "../../support/temp_dir.ts";
import { testDatabase } from "../../support/test_database.ts";

const { start, usedDirectory, filesDirectory } = embeddedFixture();

const first = parseMigration("0001_a.sql", "create table a as select 'old' as text;");
const second = parseMigration(
  "0002_b.sql",
  "-- rewrites: every text of a\nupdate a set text = 'new';",
);

Deno.test("a migration that rewrites keeps a copy, which the program before it can go on with", async () => {
  await using dir = await tempDir();
  const data_dir = await usedDirectory(dir);
  const told: string[] = [];
  const log = createLogger({
    level: "warn",
    format: "json",
    now: () => 0,
    write: (line) => told.push(line),
  });
  const files = linkedFiles(filesDirectory());
  const open = (migrations: (typeof first)[]) =>
    openDatabase({ data_dir, clock: systemClock, log, files, migrations });
  const textOf = async (migrations: (typeof first)[]) => {
    await using database = await open(migrations);
    const rows = await database.sql`select text from a`;
    return rows[0]?.text;
  };
  assert.equal(await textOf([first]), "old");
  assert.deepEqual(told, []);
  assert.equal(await textOf([first, second]), "new");
  const copy = dir.join("data/postgres/before-0002_b");
  assert.equal(JSON.parse(told.join("")).copy, copy);
  await assert.rejects(open([first]), MigrationError);
  const cluster = dir.join("data/postgres/cluster-18");
  await Deno.rename(cluster, `${cluster}.migrated`);
  await Deno.rename(copy, cluster);
  assert.equal(await textOf([first]), "old");
});

Deno.test("a migration that rewrites is not applied to others' PostgreSQL without being asked to", async () => {
  await using db = await testDatabase({ empty: true });
  const open = async (migrations: (typeof first)[]) =>
    await (await openDatabase({
      address: db.address,
      data_dir: "/nowhere",
      clock: systemClock,
      log: silentLogger,
      migrations,
    })).close();
  await open([first]);
  await assert.rejects(open([first, second]), (error) => {
    assert(error instanceof MigrationError);
    assert.equal(error.reason, "copy_needed");
    assert.match(error.message, /0002_b .*rewrites every text of a$/);
    return true;
  });
  const rows = await db.sql`select text from a`;
  assert.equal(rows[0]?.text, "old");
});

for (const [other, hint] of [[17, /--to embedded/], [19, /newer monitor/]] as const) {
  Deno.test(`a data directory of PostgreSQL ${other} is told, and left alone`, async () => {
    await using dir = await tempDir();
    const data_dir = dir.join("data");
    await Deno.mkdir(`${data_dir}/postgres/cluster-${other}`, { recursive: true });
    await assert.rejects(start(data_dir), (error) => {
      assert(error instanceof Error && "hint" in error);
      assert.match(error.message, new RegExp(`is of PostgreSQL ${other}, this program brings 18$`));
      assert.match(String(error.hint), hint);
      return true;
    });
    assert.ok(await isGone(`${data_dir}/postgres/cluster-18`));
  });
}
