/** What the writer does when the database says nothing any more. */
import assert from "node:assert/strict";
import { systemClock } from "../../../clock.ts";
import { connect } from "../../../db/connect.ts";
import { DeadlineError } from "../../../db/deadline.ts";
import { RenewedPool } from "../../../db/renewed_pool.ts";
import { silentLogger } from "../../../log.ts";
import { IngestQueue } from "../../../server/ingest/queue.ts";
import { rowPrototype } from "../../../server/ingest/rows.ts";
import { startWriter } from "../../../server/ingest/writer.ts";
import { breakableDatabase } from "../../support/breakable_database.ts";

Deno.test("startWriter() gives up a connection that does not answer, and goes on with the next", async () => {
  await using database = await breakableDatabase();
  await using pool = new RenewedPool({
    connect: () => connect(database.address),
    answer_ms_max: 30_000,
  });
  const queue = new IngestQueue({
    bytes_max: 1_000_000,
    batch_bytes_max: 100_000,
    monotonic: () => systemClock.monotonic(),
  });
  let made = 0;
  const writer = startWriter({
    pool,
    connect: () => {
      made++;
      return connect(made <= 2 ? database.url : database.address, { connections_max: 1 });
    },
    queue,
    log: silentLogger,
    clock: systemClock,
    answer_ms_max: 300,
  });
  let at_ms = systemClock.now();
  const report = () => {
    const batch = queue.open();
    // one that was given up may be stored all the same
    batch.rows.add(rowPrototype(1, 1), 1, ++at_ms);
    queue.appended();
    return batch.committed;
  };
  database.hang();
  await assert.rejects(report(), DeadlineError);
  // the other writer's connection hangs, too; whoever comes again finds one that does not
  for (;;) {
    const duplicates = await report().catch(() => "again");
    if (duplicates === "again") continue;
    assert.equal(duplicates, undefined);
    break;
  }
  assert.equal(queue.bytes, 0);
  queue.stop();
  await writer.finished;
  const rows = await database.sql`
    select count(*) as count from report
    where at = timestamptz 'epoch' + ${at_ms}::float8 * interval '1 millisecond'`;
  assert.equal(rows[0]?.count, 1);
});
