import assert from "node:assert/strict";
import { copyIn } from "../../db/copy.ts";
import { isConnectionFailure, isUniqueViolation } from "../../db/sqlstate.ts";
import { testDatabase } from "../support/test_database.ts";

const text = (value: string) => new TextEncoder().encode(value);

async function withTable() {
  const database = await testDatabase({ connections_max: 3 });
  await database.sql`create table t (n integer primary key)`;
  const count = async () => {
    const [row] = await database.sql<{ n: number }[]>`select count(*) as n from t`;
    return row?.n;
  };
  return { database, sql: database.sql, count };
}

Deno.test("copyIn() returns after the rows are committed, in one piece or many", async () => {
  const { database, sql, count } = await withTable();
  await using _ = database;
  await copyIn(sql`copy t from stdin`, [text("1\n2\n")]);
  await copyIn(
    sql`copy t from stdin`,
    Array.from({ length: 1_000 }, (_, i) => text(`${i + 10}\n`)),
  );
  await copyIn(sql`copy t from stdin`, []);
  assert.equal(await count(), 1_002);
});

Deno.test("copyIn() throws a violation found after the end of the data, and stores nothing", async () => {
  const { database, sql, count } = await withTable();
  await using _ = database;
  await assert.rejects(copyIn(sql`copy t from stdin`, [text("1\n1\n")]), isUniqueViolation);
  await assert.rejects(copyIn(sql`copy t from stdin`, [text("x\n")]), /invalid input syntax/);
  await assert.rejects(copyIn(sql`copy missing from stdin`, [text("1\n")]), /does not exist/);
  assert.equal(await count(), 0);
  // the connection goes on
  await copyIn(sql`copy t from stdin`, [text("1\n")]);
  assert.equal(await count(), 1);
});

Deno.test("copyIn() throws when the connection is lost in the middle", async () => {
  const { database, sql } = await withTable();
  await using _ = database;
  const locker = await sql.reserve();
  await locker`begin`;
  await locker`insert into t values (1)`;
  // waits for the other transaction to decide about 1
  const copy = copyIn(sql`copy t from stdin`, [text("1\n")]);
  const failed = assert.rejects(copy, isConnectionFailure);
  const waiting = async () => {
    // not by the locker: a transaction sees one state of this view
    const [row] = await sql<{ pid: number }[]>`
      select pid from pg_stat_activity where datname = current_database()
        and wait_event_type = 'Lock' and query like 'copy%'`;
    return row?.pid;
  };
  let pid = await waiting();
  while (pid === undefined) pid = await waiting();
  await sql`select pg_terminate_backend(${pid})`;
  await failed;
  await locker`rollback`;
  locker.release();
});
