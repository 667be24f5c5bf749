/** `monitor migrate --to`: an installation moves away and back, and its server goes on. */
import assert from "node:assert/strict";
import { tempDir } from "../support/temp_dir.ts";
import { testDatabase } from "../support/test_database.ts";
import { runMonitor, startMonitor } from "./run_monitor.ts";

async function latest(url: string): Promise<unknown> {
  return await (await fetch(`${url}/fetch/latest`)).json();
}

Deno.test("monitor migrate --to moves an installation to another PostgreSQL, and back", async () => {
  await using dir = await tempDir();
  await using other = await testDatabase({ empty: true });
  const [data, back] = [dir.join("data"), dir.join("back")];
  let before: unknown;
  {
    await using server = await startMonitor(["serve", "--port", "0", "--data", data]);
    const ran = await runMonitor(
      ["simulate", "--hosts", "3", "--metrics", "5", "--days", "0.3", "--server", server.url],
    );
    assert.equal(ran.code, 0, ran.err);
    before = await latest(server.url);
    const busy = await runMonitor(["migrate", "--to", other.url, "--data", data]);
    assert.deepEqual([busy.code, busy.out], [1, ""]);
    assert.match(busy.err, /^error: Cannot use data directory .* is running on it$/m);
  }
  const moved = await runMonitor(["migrate", "--to", other.url, "--data", data]);
  assert.equal(moved.code, 0, moved.err);
  assert.match(moved.out, /^Moved \d+ tables, \d+ rows, .* read back and is the same$/m);
  assert.match(moved.out, /"database_name": "test_/);
  const equal = await runMonitor(["migrate", "--to", other.url, "--verify", "--data", data]);
  assert.equal(equal.code, 0, equal.out + equal.err);
  assert.match(equal.out, /^Everything is equal: \d+ tables/);
  {
    await using server = await startMonitor(["serve", "--port", "0", "--database-url", other.url]);
    assert.deepEqual(await latest(server.url), before);
    const sent = await fetch(`${server.url}/metrics`, {
      method: "POST",
      body: JSON.stringify({ hostname: "later", metrics: { a: 1 } }),
    });
    assert.equal(sent.status, 200);
    await sent.body?.cancel();
    before = await latest(server.url);
    const busy = await runMonitor(
      ["migrate", "--to", "embedded", "--data", back, "--database-url", other.url],
    );
    assert.match(busy.err, /that is in use: monitor/);
  }
  const differs = await runMonitor(["migrate", "--to", other.url, "--verify", "--data", data]);
  assert.deepEqual([differs.code, /^host has 3 rows and 4$/m.test(differs.out)], [1, true]);
  const returned = await runMonitor(
    ["migrate", "--to", "embedded", "--data", back, "--database-url", other.url, "--json"],
  );
  assert.equal(returned.code, 0, returned.err);
  assert.deepEqual(JSON.parse(returned.out).differences, []);
  await using server = await startMonitor(["serve", "--port", "0", "--data", back]);
  assert.deepEqual(await latest(server.url), before);
});

Deno.test("monitor migrate --to refuses what it cannot mean", async () => {
  await using dir = await tempDir();
  const data = dir.join("data");
  for (
    const [args, message] of [
      [["--verify"], /--verify needs --to/],
      [["--to", "embedded"], /--to embedded needs another database to move from/],
      [["--to", "mysql://x"], /--to must be postgres:\/\/.*, or embedded$/m],
      [["--to", "postgres://x", "--status"], /cannot be used with --status/],
    ] as const
  ) {
    const ran = await runMonitor(["migrate", ...args, "--data", data]);
    assert.deepEqual([ran.code, ran.out], [2, ""], ran.err);
    assert.match(ran.err, message);
  }
});
