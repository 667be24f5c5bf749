import assert from "node:assert/strict";
import { connect } from "../../../db/connect.ts";
import { DeadlineError } from "../../../db/deadline.ts";
import { RenewedPool } from "../../../db/renewed_pool.ts";
import { RowBuffer, rowPrototype } from "../../../server/ingest/rows.ts";
import { PastSlots, pastSlots } from "../../../server/ingest/slots.ts";
import { breakableDatabase } from "../../support/breakable_database.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { testApp } from "../../support/test_app.ts";

const NOW = Date.UTC(2025, 0, 15, 12, 5);
const MINUTE = 60_000;
const ROW = rowPrototype(1, 1);

function rowsAt(times: number[]): RowBuffer {
  const rows = new RowBuffer();
  for (const at_ms of times) rows.add(ROW, 1, at_ms);
  return rows;
}

const minutesAgo = (minutes: number, count: number) =>
  Array.from({ length: count }, (_, i) => NOW - minutes * MINUTE + i);

Deno.test("pastSlots() finds none in a batch of the present, or with a few late reports", () => {
  assert.deepEqual(pastSlots(rowsAt(minutesAgo(4, 200)), NOW), []);
  assert.deepEqual(pastSlots(rowsAt([...minutesAgo(4, 200), ...minutesAgo(90, 49)]), NOW), []);
});

Deno.test("pastSlots() finds the times that a back-fill fills", () => {
  const times = [...minutesAgo(4, 10), ...minutesAgo(90, 50), ...minutesAgo(3_000, 60)];
  assert.deepEqual(pastSlots(rowsAt(times), NOW), [
    Date.UTC(2025, 0, 15, 10, 30),
    Date.UTC(2025, 0, 13, 10, 0),
  ]);
});

Deno.test("a back-fill gets partitions of its own, a late report does not", async () => {
  await using app = await testApp({ clock: new FakeClock(NOW) });
  const report = (minutes: number, i: number) => ({
    hostname: "a",
    timestamp: (NOW - minutes * MINUTE) / 1000 + i,
    metrics: { x: i },
  });
  await app.post(Array.from({ length: 100 }, (_, i) => report(600, i)));
  await app.post(report(1_200, 0));
  const rows = await app.database.sql<{ name: string; count: number }[]>`
    select tableoid::regclass::text as name, count(*) as count from report group by 1 order by 1`;
  assert.deepEqual([...rows], [
    { name: "report_202501150200", count: 100 },
    { name: "report_late", count: 1 },
  ]);
});

Deno.test("a back-fill whose partition is asked for in vain asks again, on a connection that answers", async () => {
  await using database = await breakableDatabase();
  await using pool = new RenewedPool({
    connect: () => connect(database.url, { connections_max: 1 }),
    answer_ms_max: 1_000,
  });
  const slots = new PastSlots(pool);
  const rows = rowsAt(minutesAgo(600, 100));
  await pool.ask((sql) => sql`select 1`);
  database.forget();
  await assert.rejects(slots.ensure(rows, NOW), DeadlineError);
  await slots.ensure(rows, NOW);
  const made = await database.sql`select from pg_class where relname = 'report_202501150200'`;
  assert.equal(made.length, 1);
});
