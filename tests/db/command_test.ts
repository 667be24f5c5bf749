import { Command } from "@commander-js/extra-typings";
import assert from "node:assert/strict";
import { migrateCommand, type MigrateReport, scriptOf, textOf } from "../../db/command.ts";
import { readMigrations } from "../../db/migration_files.ts";
import { silentLogger } from "../../log.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { type TestDatabase, testDatabase } from "../support/test_database.ts";

/** Runs `monitor migrate` on a test's database; returns what it printed. */
async function run(db: TestDatabase, ...args: string[]): Promise<string> {
  let output = "";
  const command = migrateCommand(new Command("migrate").option("--data <dir>"), {
    clock: new FakeClock(),
    out: (text) => output += text,
    openDatabase: (options) => {
      assert.equal(options.data, "somewhere");
      return Promise.resolve({
        sql: db.sql,
        log: silentLogger,
        url_for_display: "postgres://here",
        keepCopy: undefined,
        close: () => Promise.resolve(),
      });
    },
    openTarget: () => assert.fail("nothing is moved"),
    listenForStop: () => assert.fail("nothing takes long"),
    showMeter: () => assert.fail("nothing takes long"),
  });
  await command.parseAsync([...args, "--data", "somewhere"], { from: "user" });
  return output;
}

Deno.test("migrateCommand() --status and --dry-run look without changing anything", async () => {
  await using db = await testDatabase({ empty: true });
  const count = (await readMigrations()).length;
  const status = await run(db, "--status");
  assert.match(status, /^0001_hosts_and_reports +pending$/m);
  assert.match(status, new RegExp(`^${count} migrations? pending: monitor migrate applies`, "m"));
  assert.match(await run(db, "--dry-run"), /^-- 0001_hosts_and_reports\n[^]*create table host/);
  const report: MigrateReport = JSON.parse(await run(db, "--dry-run", "--json"));
  assert.equal(report.pending.length, count);
  const rows = await db
    .sql`select to_regclass('host') as host, to_regclass('migration') as migration`;
  assert.deepEqual({ ...rows[0] }, { host: null, migration: null });
});

Deno.test("migrateCommand() migrates, and the second time finds nothing to do", async () => {
  await using db = await testDatabase({ empty: true });
  const count = (await readMigrations()).length;
  const text = await run(db);
  assert.match(text, /^0001_hosts_and_reports +applied now$/m);
  assert.match(text, new RegExp(`^Up to date: ${count} migrations?, ${count} applied now$`, "m"));
  const report: MigrateReport = JSON.parse(await run(db, "--json"));
  assert.equal(report.database, "postgres://here");
  assert.equal(report.applied.length, count);
  assert.equal(report.applied[0]?.applied_at, "2025-01-15T12:00:00.000Z");
  assert.deepEqual([report.pending, report.applied_now], [[], []]);
});

Deno.test("textOf() and scriptOf() say that nothing is to be done", () => {
  const applied = [{ number: 1, name: "a", applied_at: "2025-01-15T12:00:00.000Z" }];
  assert.equal(
    textOf({ database: "", applied, pending: [], applied_now: [] }),
    "0001_a  2025-01-15T12:00:00.000Z\nUp to date: 1 migration, 0 applied now\n",
  );
  assert.equal(scriptOf([]), "-- up to date: nothing to run\n");
});
