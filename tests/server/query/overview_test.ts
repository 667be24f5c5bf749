/** All hosts at a glance, while they report. */
import assert from "node:assert/strict";
import { LatestReports } from "../../../server/query/latest.ts";
import { Overview } from "../../../server/query/overview.ts";
import { ownShapes, seenMeanwhile } from "../../support/own_shapes.ts";
import { testDatabase } from "../../support/test_database.ts";

const NOW_MS = Date.UTC(2025, 0, 15, 12);

Deno.test("Overview shows the numbers of each host that has reported, whenever it is asked", async () => {
  await using database = await testDatabase();
  const { sql } = database;
  const shapes = await ownShapes(sql, 500, NOW_MS);
  const latest = new LatestReports(sql);
  await latest.load();
  await latest.ready();
  const overview = new Overview({ sql, latest });
  const empty: string[] = [];
  await seenMeanwhile(shapes, {
    see: (shape) => {
      const report = { ...shape, at_ms: NOW_MS, length: 1, value: () => 7 };
      latest.observe(report);
      overview.observe(report);
    },
    work: async () => {
      const seen = (await overview.glances()).filter(({ last_s }) => last_s !== null);
      empty.push(...seen.filter(({ disk }) => disk !== 7).map(({ hostname }) => hostname));
    },
  });
  assert.deepEqual(empty, []);
  assert.equal((await overview.glances()).filter(({ disk }) => disk === 7).length, 500);
});
