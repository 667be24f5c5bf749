import assert from "node:assert/strict";
import { ensureHosts } from "../../../db/hosts.ts";
import { HostParents } from "../../../server/alerts/parents.ts";
import { testDatabase } from "../../support/test_database.ts";

Deno.test("of two who set parents at once, the second knows what the first has set", async () => {
  await using database = await testDatabase();
  await ensureHosts(database.sql, ["a", "b", "c"], 0);
  const parents = new HostParents({ sql: database.sql, onChange: () => {} });
  for (let turn = 0; turn < 10; turn++) {
    await Promise.all([parents.set("c", ["a"]), parents.set("c", ["b"])]);
    assert.equal((await parents.list()).c?.length, 1);
    const ring = await Promise.allSettled([parents.set("a", ["b"]), parents.set("b", ["a"])]);
    assert.deepEqual(ring.map(({ status }) => status).sort(), ["fulfilled", "rejected"]);
    await parents.set("a", []);
    await parents.set("b", []);
  }
});
