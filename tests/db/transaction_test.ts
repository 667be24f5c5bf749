import assert from "node:assert/strict";
import type { Sql } from "../../db/connect.ts";
import { transaction } from "../../db/transaction.ts";
import { testDatabase } from "../support/test_database.ts";

async function kill(sql: Sql, pid: number): Promise<void> {
  await sql`select pg_terminate_backend(${pid}, 5000)`;
}

/** Waits until the driver has heard of what happened to its other connections. */
async function settled(sql: Sql): Promise<void> {
  for (let i = 0; i < 5; i++) await sql`select 1`;
}

/** Which of them depends on how far the end of the connection has come. */
const LOST = /CONNECTION_CLOSED|ECONNRESET|EPIPE/;

Deno.test("transaction() commits, returns, and rolls back what throws", async () => {
  await using database = await testDatabase({ empty: true });
  const { sql } = database;
  await sql`create table t (n integer)`;
  const returned = await transaction(sql, async (tx) => {
    await tx`insert into t values (1)`;
    return "value";
  });
  assert.equal(returned, "value");
  const failing = transaction(sql, async (tx) => {
    await tx`insert into t values (2)`;
    throw new Error("no");
  });
  await assert.rejects(failing, /^Error: no$/);
  await assert.rejects(
    transaction(sql, (tx) => tx`insert into t values (3)`, { mode: "read only" }),
    { code: "25006" },
  );
  assert.deepEqual([...await sql`select n from t`], [{ n: 1 }]);
});

Deno.test("transaction() throws when its connection ends during a statement", async () => {
  await using database = await testDatabase({ empty: true });
  const { sql } = database;
  const lost = transaction(sql, async (tx) => {
    const [{ pid } = { pid: 0 }] = await tx<{ pid: number }[]>`select pg_backend_pid() as pid`;
    await Promise.all([tx`select pg_sleep(60)`, kill(sql, pid)]);
  });
  await assert.rejects(lost, { code: /57P01|CONNECTION_CLOSED|ECONNRESET|EPIPE/ });
  await settled(sql);
  assert.deepEqual([...await sql`select 1 as one`], [{ one: 1 }]);
});

Deno.test("transaction() refuses statements after its connection has ended between two", async () => {
  await using database = await testDatabase({ empty: true });
  const { sql } = database;
  await sql`create table t (n integer)`;
  const refused = Promise.withResolvers<unknown>();
  const lost = transaction(sql, async (tx) => {
    const [{ pid } = { pid: 0 }] = await tx<{ pid: number }[]>`select pg_backend_pid() as pid`;
    await kill(sql, pid);
    await settled(sql);
    try {
      await tx`insert into t values (1)`;
    } catch (error) {
      refused.resolve(error);
      throw error;
    }
  });
  await assert.rejects(lost, { code: LOST });
  assert.match(String(await refused.promise), /its connection is closed|EPIPE|ended by the other/);
  assert.deepEqual([...await sql`select n from t`], []);
});

Deno.test("transaction() does not commit on a connection opened anew", async () => {
  await using database = await testDatabase({ empty: true, connections_max: 2 });
  const { sql } = database;
  const lost = transaction(sql, async (tx) => {
    const [{ pid } = { pid: 0 }] = await tx<{ pid: number }[]>`select pg_backend_pid() as pid`;
    await kill(sql, pid);
    // both connections are in use again before this function ends
    await Promise.all([settled(sql), settled(sql), settled(sql)]);
  });
  await assert.rejects(lost, { code: LOST });
  await Promise.all([settled(sql), settled(sql)]);
});

Deno.test("a transaction that says nothing for too long is ended, and what it holds is free", async () => {
  await using database = await testDatabase({ empty: true, silent_transaction_ms_max: 2_000 });
  const { sql } = database;
  await sql`create table t (n integer)`;
  await sql`insert into t values (1)`;
  const held = Promise.withResolvers<void>();
  const freed = Promise.withResolvers<void>();
  const lost = transaction(sql, async (tx) => {
    await tx`update t set n = 2`;
    held.resolve();
    await freed.promise;
  });
  // one that is too slow to begin is told
  lost.catch(held.reject);
  await held.promise;
  // waits for the row until the first one is ended
  await sql`update t set n = n + 10`;
  freed.resolve();
  await assert.rejects(lost);
  assert.deepEqual([...await sql`select n from t`], [{ n: 11 }]);
});
