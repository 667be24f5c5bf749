import assert from "node:assert/strict";
import { askedAgain, cancelledBy, GivenUpError } from "../../db/cancel.ts";
import { connect, type Sql } from "../../db/connect.ts";
import { askCopy, askPrepared } from "../../db/slices.ts";
import { codeOf, SQLSTATE } from "../../db/sqlstate.ts";
import { transaction } from "../../db/transaction.ts";
import { testDatabase } from "../support/test_database.ts";

/** A row that is sent at once, and one that comes when nobody waits for it any more. */
const SLOW_COPY = `
  select 0, 1, convert_to(repeat('x', 100000), 'UTF8')
  union all
  select 0, 2, convert_to(pg_sleep(600)::text, 'UTF8')`;

/** Ends itself as a request to cancel does that comes too late for somebody else. */
async function struck(sql: Sql): Promise<void> {
  await sql`select pg_cancel_backend(pg_backend_pid()), pg_sleep(600)`;
}

const isCancelled = (error: unknown) => codeOf(error) === SQLSTATE.query_canceled;

Deno.test("what a request for somebody else has ended is asked again, within bounds", async () => {
  await using database = await testDatabase();
  let asked = 0;
  const twice = await askedAgain(database.sql, async (sql) => {
    if (++asked <= 2) await struck(sql);
    return "answer";
  });
  assert.deepEqual([twice, asked], ["answer", 3]);
  asked = 0;
  const always = (sql: Sql) => (asked++, struck(sql));
  await assert.rejects(askedAgain(database.sql, always), isCancelled);
  assert.ok(asked > 1 && asked < 10, `asked ${asked} times`);
  asked = 0;
  await assert.rejects(askedAgain(database.sql, always, AbortSignal.abort()), isCancelled);
  assert.equal(asked, 1);
});

Deno.test("what took too long is not asked again", async () => {
  await using database = await testDatabase();
  let asked = 0;
  const slow = (sql: Sql) =>
    transaction(sql, async (tx) => {
      asked++;
      await tx`select set_config('statement_timeout', '1', true)`;
      await tx`select pg_sleep(600)`;
    });
  await assert.rejects(askedAgain(database.sql, slow), isCancelled);
  assert.equal(asked, 1);
});

Deno.test("a statement is cancelled when it does not end by itself soon", async () => {
  const cancelled = Promise.withResolvers<void>();
  let cancels = 0;
  const query = { active: true, cancel: () => (cancels++, cancelled.resolve()) };
  const gone = new AbortController();
  {
    using _cancelled = cancelledBy(query, gone.signal);
    gone.abort();
    assert.equal(cancels, 0);
  }
  const gone_again = new AbortController();
  using _cancelled = cancelledBy(query, gone_again.signal);
  gone_again.abort();
  await cancelled.promise;
  assert.equal(cancels, 1);
});

Deno.test("a question that is given up while its connection is made costs no connection", async () => {
  await using database = await testDatabase();
  const sql = connect(database.address, { connections_max: 1 });
  const gone = new AbortController();
  const text = "select 0, 1, convert_to(pg_sleep(600)::text, 'UTF8')";
  const asked = askPrepared(sql, { text, parameters: [] }, gone.signal);
  gone.abort();
  await assert.rejects(asked, isCancelled);
  assert.deepEqual([...await askedAgain(sql, (own) => own`select 1 as one`)], [{ one: 1 }]);
  await sql.end();
});

Deno.test("a question that waits behind another is given up without taking the next one's answer", async () => {
  await using database = await testDatabase();
  const sql = connect(database.address, { connections_max: 1 });
  const text = "select 0, $1::int, ''::bytea from (select pg_sleep($2)) as slept";
  const ask = (key: number, seconds: number, signal?: AbortSignal) =>
    askPrepared(sql, { text, parameters: [key, seconds] }, signal);
  // from here on such statements are sent without waiting for those before them
  await ask(0, 0);
  const gone = new AbortController();
  const first = ask(1, 0.2);
  const second = ask(2, 600, gone.signal);
  const third = ask(3, 0);
  gone.abort();
  assert.deepEqual((await first).map(({ key }) => key), [1]);
  await assert.rejects(second, isCancelled);
  assert.deepEqual((await third).map(({ key }) => key), [3]);
  await sql.end();
});

Deno.test("a COPY is given up in the middle of its rows, and its connection is as before", async () => {
  await using database = await testDatabase();
  const sql = connect(database.address, { connections_max: 1 });
  const gone = new AbortController();
  const keys: number[] = [];
  await assert.rejects(async () => {
    for await (const { key } of askCopy(sql, SLOW_COPY, gone.signal)) {
      keys.push(key);
      gone.abort();
    }
  }, (error) => isCancelled(error) || error instanceof GivenUpError);
  assert.deepEqual(keys, [1]);
  // no request is under way any more that could end it
  assert.deepEqual([...await sql`select 1 as one`], [{ one: 1 }]);
  await sql.end();
});

Deno.test("a connection that is lost during a COPY is not asked any more", async () => {
  await using database = await testDatabase();
  const sql = connect(database.address, { connections_max: 1 });
  await assert.rejects(async () => {
    for await (const _ of askCopy(sql, SLOW_COPY)) {
      await database.sql`
        select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and query like 'copy (%'`;
    }
  });
  // the driver tells the next one on this connection what it did not tell the last one
  while (!await sql`select 1`.then(() => true, () => false));
  const answers = await Promise.all([1, 2, 3].map((n) => sql`select ${n}::int as n`));
  assert.deepEqual(answers.map(([row]) => row?.n), [1, 2, 3]);
  await sql.end();
});
