import assert from "node:assert/strict";
import { systemClock } from "../../../clock.ts";
import { type CommandLine, loadConfig } from "../../../server/config.ts";
import { skewOf } from "../../../server/installation/agent_checks.ts";
import { checkServer, clockFinding } from "../../../server/installation/server_checks.ts";
import { TokenDesk } from "../../../server/access/token_desk.ts";
import { selfSigned } from "../../support/certificate.ts";
import { testApp } from "../../support/test_app.ts";
import { tempDir } from "../../support/temp_dir.ts";
import { testDatabase } from "../../support/test_database.ts";

const DAY_MS = 86_400_000;

/** The checks by name, for a server with these options. */
async function checks(overrides: CommandLine, env: Record<string, string> = {}) {
  const config = loadConfig({ overrides: { port: "0", ...overrides }, env, working_dir: "/" });
  const found = await checkServer({ config, clock: systemClock });
  return Object.fromEntries(found.map((check) => [check.name, check]));
}

Deno.test("checkServer() before the first start finds nothing wrong, and makes nothing", async () => {
  await using dir = await tempDir();
  const found = await checks({ data: dir.join("deep", "data") });
  const states = Object.values(found).map(({ name, state }) => `${name} ${state}`);
  assert.deepEqual(states, [
    "data directory ok",
    "disk ok",
    "database ok",
    "schema skipped",
    "port ok",
  ]);
  assert.deepEqual([...Deno.readDirSync(dir.path)], []);
});

Deno.test("checkServer() tells a data directory that is a file", async () => {
  await using dir = await tempDir();
  await Deno.writeTextFile(dir.join("data"), "");
  const { "data directory": found } = await checks({ data: dir.join("data") });
  assert.equal(found?.state, "failed");
  assert.match(found?.hint ?? "", /--data/);
});

Deno.test("checkServer() looks at a database: version, clock, schema", async () => {
  await using db = await testDatabase();
  const found = await checks({ databaseUrl: db.url });
  assert.match(found.database?.found ?? "", /^PostgreSQL \d+\.\d+ at postgres:/);
  assert.deepEqual(found["database clock"]?.state, "ok");
  assert.match(found.schema?.found ?? "", /^up to date, \d+ migrations$/);
});

Deno.test("checkServer() tells a database of a newer monitor, and one of somebody else", async () => {
  await using db = await testDatabase();
  await db.sql`insert into migration values (9999, 'later', 'x', now())`;
  const newer = await checks({ databaseUrl: db.url });
  assert.equal(newer.schema?.state, "failed");
  assert.match(newer.schema?.found ?? "", /9999_later/);
  await using other = await testDatabase({ empty: true });
  await other.sql`create table invoice (n integer)`;
  const foreign = await checks({ databaseUrl: other.url });
  assert.match(foreign.schema?.found ?? "", /1 tables of something else/);
});

Deno.test("checkServer() tells that there is no such database, and a port that is taken", async () => {
  await using db = await testDatabase();
  const url = new URL(db.url);
  url.pathname = "/nowhere";
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const found = await checks({ databaseUrl: url.href, port: String(taken.addr.port) });
  assert.equal(found.database?.state, "failed");
  assert.match(found.database?.hint ?? "", /createdb/);
  assert.equal(found.schema?.state, "skipped");
  assert.equal(found.port?.state, "failed");
  assert.match(found.port?.hint ?? "", /--port/);
});

Deno.test("checkServer() looks at the certificate, and finds a monitor that speaks https", async () => {
  await using dir = await tempDir();
  const [certificate_file, key_file] = [dir.join("a.pem"), dir.join("a.key")];
  const write = async (days: number) => {
    const from_ms = systemClock.now() - DAY_MS;
    const { cert, key } = selfSigned({ from_ms, to_ms: from_ms + (days + 1) * DAY_MS + 60_000 });
    await Deno.writeTextFile(certificate_file, cert);
    await Deno.writeTextFile(key_file, key);
  };
  await write(90);
  await using app = await testApp({ config: { tls: { certificate_file, key_file } } });
  const env = { MONITOR_TLS_CERTIFICATE_FILE: certificate_file, MONITOR_TLS_KEY_FILE: key_file };
  const look = () => checks({ databaseUrl: app.database.url, port: new URL(app.url).port }, env);
  let good = await look();
  // a machine that has much else to do may take longer than the check waits
  for (let i = 0; i < 30 && !/is running/.test(good.port?.found ?? ""); i++) good = await look();
  assert.equal(good.certificate?.state, "ok");
  assert.match(good.certificate?.found ?? "", /^valid until \d{4}-\d\d-\d\d, 90 days$/);
  assert.match(good.port?.found ?? "", /: monitor 0\.0\.0 is running$/);
  await write(13);
  assert.equal((await look()).certificate?.state, "warning");
  await write(-1);
  assert.match((await look()).certificate?.found ?? "", /has expired/);
  await Deno.remove(key_file);
  assert.match((await look()).certificate?.found ?? "", /tls\.key_file must be a readable file/);
});

Deno.test("checkServer() tells when tokens are asked for and nobody can be let in", async () => {
  await using db = await testDatabase();
  const look = () => checks({ databaseUrl: db.url }, { MONITOR_ACCESS_MODE: "required" });
  const { access } = await look();
  assert.equal(access?.state, "warning");
  assert.match(access?.hint ?? "", /monitor token create --role admin/);
  const desk = new TokenDesk({ sql: db.sql, clock: systemClock });
  await desk.create({ role: "admin", label: "me", hostname: null, created_by: "test" });
  assert.equal((await look()).access?.state, "ok");
});

Deno.test("clockFinding() warns from two seconds on, and says in which direction", () => {
  assert.equal(clockFinding(1_900).state, "ok");
  assert.match(clockFinding(3_040).found, /^3 s ahead of this/);
  assert.match(clockFinding(-7_200_000).found, /^7200 s behind this/);
});

Deno.test("skewOf() takes nothing for certain that whole seconds leave open", () => {
  // asked at 10.2 s, answered within 0.6 s
  const asked = { begun_ms: 10_200, took_ms: 600 };
  assert.equal(skewOf(10_000, asked), 0);
  assert.equal(skewOf(9_000, asked), -200);
  assert.equal(skewOf(20_000, asked), 9_200);
});
