import assert from "node:assert/strict";
import { hasHotPartition } from "../../db/partitions.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { testApp } from "../support/test_app.ts";
import { testDatabase } from "../support/test_database.ts";

const MINUTE_MS = 60_000;

Deno.test("a server starts while somebody reads late reports, and soon makes the partitions", async () => {
  await using database = await testDatabase();
  const { sql } = database;
  const clock = new FakeClock();
  const app = await sql.begin(async (reader) => {
    await reader`lock table report_late in access share mode`;
    const started = await testApp({ database, clock });
    const { body } = await started.post({ hostname: "a", metrics: { cpu: 1 } });
    assert.equal(body.stored, 1);
    return { started };
  });
  await using _ = app.started;
  const hasNext = () => hasHotPartition(sql, clock.now() + 10 * MINUTE_MS);
  assert.equal(await hasNext(), false);
  do await clock.advance(MINUTE_MS); while (!await hasNext());
});
