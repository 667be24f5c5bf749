import assert from "node:assert/strict";
import { ConfigError, loadConfig } from "../../../server/config.ts";
import { tempDir } from "../../support/temp_dir.ts";

const URL_OF_YOURS = "postgres://monitor@postgres.example/monitor";

function databaseOf(env: Record<string, string>) {
  const named = Object.entries(env).map(([name, value]) => [`MONITOR_DATABASE_${name}`, value]);
  const { database } = loadConfig({ env: Object.fromEntries(named), working_dir: "/" });
  assert(database.kind === "external");
  return database;
}

function faultsOf(env: Record<string, string>): string {
  try {
    databaseOf(env);
  } catch (error) {
    assert(error instanceof ConfigError);
    return error.message;
  }
  return "";
}

Deno.test("database.replica_url is another place with the password of database.url", async () => {
  await using dir = await tempDir();
  const files = { PASSWORD_FILE: dir.join("password"), REPLICA_URL_FILE: dir.join("url") };
  await Deno.writeTextFile(files.PASSWORD_FILE, "geheim\n");
  await Deno.writeTextFile(files.REPLICA_URL_FILE, "postgres://reader@replica.example:5433/m\n");
  const { replica } = databaseOf({ URL: URL_OF_YOURS, ...files });
  assert.equal(replica?.lag_s, 30);
  const { host, port, username, password, database, ssl, pooled } = replica.address;
  assert.deepEqual(
    [host, port, username, password, database, ssl, pooled],
    ["replica.example", 5433, "reader", "geheim", "m", "prefer", false],
  );
  assert.equal(databaseOf({ URL: URL_OF_YOURS }).replica, undefined);
});

Deno.test("database.replica_url and replica_lag_s: what is wrong is told without the password", () => {
  const alone = faultsOf({ REPLICA_URL: "postgres://reader:geheim@replica.example/m" });
  assert.match(alone, /REPLICA_URL: is for a PostgreSQL of yours: database\.url/);
  const broken = faultsOf({ URL: URL_OF_YOURS, REPLICA_URL: "replica:geheim@example" });
  assert.match(broken, /must be postgres:\/\/user:password@host:port\/database/);
  const short = faultsOf({
    URL: URL_OF_YOURS,
    REPLICA_URL: "postgres://reader:geheim@replica.example/m",
    REPLICA_LAG_S: "2",
  });
  assert.match(short, /at least 5|5 to 3600|from 5/);
  for (const text of [alone, broken, short]) assert.doesNotMatch(text, /geheim/);
});
