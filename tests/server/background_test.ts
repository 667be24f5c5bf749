import assert from "node:assert/strict";
import { hasHotPartition } from "../../db/partitions.ts";
import { restartWaitMs } from "../../server/background.ts";
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

Deno.test("restartWaitMs() starts again at once what lived long, and later and later what did not", () => {
  const waits = [Infinity, 10, 10, 10, 10, 10, 10, 70_000, 10].reduce(
    (all: number[], lived_ms) => [...all, restartWaitMs(lived_ms, all.at(-1) ?? 0)],
    [],
  );
  assert.deepEqual(waits, [0, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000, 0, 1_000]);
});
