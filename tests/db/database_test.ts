import assert from "node:assert/strict";
import { systemClock } from "../../clock.ts";
import { openDatabase } from "../../db/database.ts";
import { startEmbedded } from "../../db/embedded.ts";
import { MigrationError } from "../../db/migrate.ts";
import { silentLogger } from "../../log.ts";
import { tempDir } from "../support/temp_dir.ts";
import { testDatabase } from "../support/test_database.ts";

const common = { log: silentLogger, clock: systemClock };

Deno.test("openDatabase() without an address starts, migrates and stops its own server", async () => {
  await using dir = await tempDir();
  const data_dir = dir.join("data");
  const database = await openDatabase({ ...common, data_dir });
  const rows = await database.sql`select count(*) as n from host`;
  assert.equal(rows[0]?.n, 0);
  const { embedded } = database;
  assert(embedded !== undefined);
  await Promise.all([database.close(), database.close()]);
  assert.equal((await embedded.exited).expected, true);
});

Deno.test("openDatabase() with an address needs no data directory", async () => {
  await using db = await testDatabase({ empty: true });
  await using database = await openDatabase({ ...common, address: db.url, data_dir: "/nowhere" });
  assert.equal(database.embedded, undefined);
  await database.sql`select from host`;
});

Deno.test("openDatabase() migrates only when it is asked to", async () => {
  await using db = await testDatabase({ empty: true });
  await using database = await openDatabase({
    ...common,
    address: db.address,
    data_dir: "/nowhere",
    migrate: false,
  });
  const rows = await database.sql`select to_regclass('host') as host`;
  assert.equal(rows[0]?.host, null);
});

Deno.test("openDatabase() leaves nothing open when the database is of a newer program", async () => {
  await using dir = await tempDir();
  const data_dir = dir.join("data");
  {
    await using database = await openDatabase({ ...common, data_dir });
    await database.sql`insert into migration values (9999, 'later', 'x', now())`;
  }
  await assert.rejects(openDatabase({ ...common, data_dir }), MigrationError);
  // the data directory is free again
  await using _postgres = await startEmbedded({ ...common, data_dir });
});
