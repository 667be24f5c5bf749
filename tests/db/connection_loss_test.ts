/** Connections that end under load, again and again: no statement is forgotten, and the pool goes on. */
import assert from "node:assert/strict";
import { systemClock } from "../../clock.ts";
import { connect } from "../../db/connect.ts";
import { trySessionLock } from "../../db/session_lock.ts";
import { breakableDatabase } from "../support/breakable_database.ts";
import { testDatabase } from "../support/test_database.ts";

const ROUNDS = 12;
const ASKERS = 40;

/** Asks without end while `lose` ends connections; fails when one is never answered. */
async function ask(url: string, lose: () => Promise<void>): Promise<void> {
  const sql = connect(url, { connections_max: 3, application_name: "victim" });
  let isOver = false;
  let answers = 0;
  const askers = Array.from({ length: ASKERS }, async () => {
    while (!isOver) {
      try {
        await sql`select ${answers}::int, pg_sleep(0.001)`;
        answers++;
      } catch {
        // told, not forgotten
        await systemClock.sleep(1);
      }
    }
  });
  for (let round = 0; round < ROUNDS; round++) {
    const before = answers;
    while (answers < before + 2 * ASKERS) await systemClock.sleep(5);
    await lose();
  }
  isOver = true;
  await Promise.all(askers);
  await sql.end({ timeout: 1 });
}

Deno.test("connections that PostgreSQL ends under load take no statement with them", async () => {
  await using database = await testDatabase();
  await ask(database.url, async () => {
    await database.sql`
      select pg_terminate_backend(pid) from pg_stat_activity
      where application_name = 'victim' and datname = current_database()`;
  });
});

Deno.test("connections that are cut under load take no statement with them", async () => {
  await using database = await breakableDatabase();
  await ask(database.url, async () => {
    database.cut();
    await systemClock.sleep(3);
    database.mend();
  });
});

Deno.test("trySessionLock() is lost by a holder that does not answer, and found by the next", async () => {
  await using breakable = await breakableDatabase();
  const holder = connect(breakable.url, { connections_max: 1 });
  const lock = await trySessionLock(holder, 7);
  assert.ok(lock);
  assert.equal(await trySessionLock(breakable.sql, 7), undefined);
  breakable.hang();
  await lock.ended;
  let next = await trySessionLock(breakable.sql, 7);
  while (next === undefined) {
    await systemClock.sleep(50);
    next = await trySessionLock(breakable.sql, 7);
  }
  await next.release();
  await holder.end({ timeout: 0 });
});

Deno.test("trySessionLock() ends with its connection, and says nothing after it", async () => {
  await using breakable = await breakableDatabase();
  const holder = connect(breakable.url, { connections_max: 1 });
  const lock = await trySessionLock(holder, 8);
  assert.ok(lock);
  breakable.cut();
  await lock.ended;
  // the next word that we are there would be due by then: an error of it would fail this test
  await systemClock.sleep(2_500);
  await holder.end({ timeout: 0 });
});
