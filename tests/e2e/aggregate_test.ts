/** `monitor aggregate` as a person runs it, on a database with a day of reports. */
import assert from "node:assert/strict";
import { startMonitor } from "./run_monitor.ts";
import { runMonitor } from "./run_monitor.ts";
import { makeShape, store } from "../server/aggregate/stored.ts";
import { tempDir } from "../support/temp_dir.ts";
import { testDatabase } from "../support/test_database.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

Deno.test("monitor aggregate tells the plan, does it, and verifies what it did", async () => {
  await using database = await testDatabase();
  const { sql, url } = database;
  const shape_id = await makeShape(sql, { wave: "gauge" });
  await sql`insert into host (hostname, created_at) values ('web-1', now()), ('web-2', now())`;
  const day_ms = Math.floor(Date.now() / DAY_MS - 2) * DAY_MS;
  const reports = Array.from(
    { length: 24 * 6 },
    (_, i) => ({ host_id: 1 + i % 2, at_ms: day_ms + i * HOUR_MS / 6, values: [i] }),
  );
  await store(sql, shape_id, reports);
  const aggregate = (...args: string[]) =>
    runMonitor(["aggregate", "--database-url", url, ...args]);

  const planned = await aggregate("--dry-run");
  const day = new Date(day_ms).toISOString().slice(0, 10);
  assert.equal(planned.code, 0, planned.err);
  assert.equal(planned.out.match(/^merge {3}/gm)?.length, 24);
  assert.match(planned.out, new RegExp(`^roll up five minutes of ${day}`, "m"));
  const [row] = await sql<{ blocks: number }[]>`select count(*) as blocks from block_raw`;
  assert.equal(row?.blocks, 0, "a dry run has written something");

  const one = await aggregate("--host", "web-2");
  assert.deepEqual([one.code, one.err], [0, ""]);
  assert.match(one.out, /^merged {5}72 reports$/m);
  const all = JSON.parse((await aggregate("--json")).out);
  assert.deepEqual([all.state, all.counts.reports_merged, all.counts.slots_dropped], [
    ...["done", 144, 144],
  ]);
  assert.equal((await aggregate()).out, "Nothing to do\n");

  assert.deepEqual(await aggregate("--verify"), {
    code: 0,
    out: "2 days of a host verified, no differences\n",
    err: "",
  });
  await sql`update block_5m set head = set_byte(head, 3, 9) where host_id = 2`;
  const damaged = await aggregate("--verify");
  assert.equal(damaged.code, 1);
  assert.match(damaged.out, new RegExp(`^5m {2}web-2, shape ${shape_id}, block of ${day} 00:00:`));
});

Deno.test("monitor aggregate says what cannot be meant", async () => {
  await using database = await testDatabase();
  const aggregate = (...args: string[]) =>
    runMonitor(["aggregate", "--database-url", database.url, ...args]);
  const nobody = await aggregate("--host", "nobody");
  assert.equal(nobody.code, 1);
  assert.match(nobody.err, /^error: Cannot find host "nobody"\n {2}try: /);
  for (const wrong of [["--until", "soon"], ["--sample", "0"], ["--sample", "5"]]) {
    assert.equal((await aggregate(...wrong)).code, 2, wrong.join(" "));
  }
  const mixed = await runMonitor(["aggregate", "--server", "--dry-run"]);
  assert.equal(mixed.code, 2);
  assert.match(mixed.err, /leave out --server/);
});

Deno.test("monitor aggregate beside a running server: through the server, not its data", async () => {
  await using dir = await tempDir();
  await using monitor = await startMonitor(["serve", "--port", "0", "--data", dir.path]);
  const { code, err } = await runMonitor(["aggregate", "--data", dir.path]);
  assert.equal(code, 1);
  assert.match(
    err,
    /is running on it\n {2}try: let that server do it with ".* aggregate --server"/,
  );
  const asked = await runMonitor(["aggregate", "--server", monitor.url]);
  assert.deepEqual([asked.code, asked.out], [0, "Data aggregation triggered successfully\n"]);
});
