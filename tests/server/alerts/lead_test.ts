/** One evaluator at work on a real database. */
import assert from "node:assert/strict";
import { insertRule } from "../../../db/rules.ts";
import { silentLogger } from "../../../log.ts";
import { Lead } from "../../../server/alerts/lead.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { ownShapes, seenMeanwhile } from "../../support/own_shapes.ts";
import { testDatabase } from "../../support/test_database.ts";

Deno.test("Lead looks at hosts and shapes that come while it reads of others", async () => {
  await using database = await testDatabase();
  const { sql } = database;
  const clock = new FakeClock();
  const now_ms = clock.now();
  const definition = { name: "Any", metric: "metric_*", condition: "above", threshold: 0 };
  await insertRule(sql, { name: "Any", definition, enabled: true, source: "api" }, now_ms);
  const options = { sql, clock, log: silentLogger, name: "test", isTaking: () => true };
  const lead = await Lead.begin(options);
  await lead.tick();
  // after the evaluator has begun: it knows none of them
  const shapes = await ownShapes(sql, 100, now_ms);
  await seenMeanwhile(shapes, {
    see: (shape) => lead.observe({ ...shape, at_ms: now_ms, length: 1, value: () => 1 }),
    work: () => lead.save(),
  });
  while (lead.isBusy) await lead.save();
  const told = await sql<{ hostname: string }[]>`
    select hostname from transition join host on host.id = host_id where kind = 'firing'`;
  const missed = shapes.filter(({ hostname }) => !told.some((one) => one.hostname === hostname));
  assert.deepEqual(missed, []);
});
