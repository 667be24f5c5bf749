import assert from "node:assert/strict";
import { ensureHostShapes } from "../../../db/shapes.ts";
import { Catalog } from "../../../server/query/catalog.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { ownShapes } from "../../support/own_shapes.ts";
import { testDatabase } from "../../support/test_database.ts";

Deno.test("whoever asks while noticed series are being read waits for them, too", async () => {
  await using database = await testDatabase();
  const clock = new FakeClock();
  const [first, second] = await ownShapes(database.sql, 2, clock.now());
  assert.ok(first !== undefined && second !== undefined);
  await ensureHostShapes(database.sql, [first]);
  const catalog = new Catalog({ sql: database.sql, clock });
  const count = async () => (await catalog.select({ host: () => true, metric: () => true })).length;
  assert.equal(await count(), 1);
  await ensureHostShapes(database.sql, [second]);
  catalog.noticed(second.host_id, second.shape_id);
  const asked = [count()];
  // its reading begins, and the database cannot have answered in between
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
  asked.push(count());
  assert.deepEqual(await Promise.all(asked), [2, 2]);
});
