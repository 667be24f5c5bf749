import assert from "node:assert/strict";
import { DataDirectoryInUse, EmbeddedError } from "../../db/embedded.ts";
import { clusterDirectory, INITIALISING_PREFIX } from "../../db/embedded/cluster.ts";
import { UNPACKING_PREFIX } from "../../db/embedded/files.ts";
import { LOCK_FILE } from "../../db/embedded/lock.ts";
import { readPostmaster } from "../../db/embedded/orphan.ts";
import { embeddedFixture, isGone, query } from "../support/embedded.ts";
import { tempDir } from "../support/temp_dir.ts";

const { start, usedDirectory } = embeddedFixture();

async function names(dir: string): Promise<string[]> {
  const found = await Array.fromAsync(Deno.readDir(dir));
  return found.map(({ name }) => name).sort();
}

Deno.test("startEmbedded() starts on an empty directory, and again on what it left", async () => {
  await using dir = await tempDir();
  const data_dir = dir.join("a", "data");
  const steps: string[] = [];
  const onProgress = (step: string) => steps.push(step);
  {
    await using postgres = await start(data_dir, { files: undefined, onProgress });
    await query(postgres.address, (sql) => sql`create table t as select 42 as x`);
  }
  assert.deepEqual(steps, ["unpacking PostgreSQL", "creating the database", "starting PostgreSQL"]);
  await using postgres = await start(data_dir, { files: undefined, onProgress });
  assert.deepEqual(steps.slice(3), ["starting PostgreSQL"]);
  const rows = await query(postgres.url, (sql) => sql`select x from t`);
  assert.equal(rows[0]?.x, 42);
});

Deno.test("startEmbedded() makes a durable UTF-8 database with checksums and no network", async () => {
  await using dir = await tempDir();
  await using postgres = await start(dir.join("data"));
  const names = [
    "data_checksums",
    "fsync",
    "full_page_writes",
    "jit",
    "listen_addresses",
    "server_encoding",
    "TimeZone",
  ];
  const rows = await query(postgres.address, (sql) =>
    sql`
      select name, setting from pg_settings where name = any(${names}) order by lower(name)
    `);
  assert.deepEqual(rows.map(({ name, setting }) => `${name}=${setting}`), [
    "data_checksums=on",
    "fsync=on",
    "full_page_writes=on",
    "jit=off",
    "listen_addresses=",
    "server_encoding=UTF8",
    "TimeZone=UTC",
  ]);
});

Deno.test("startEmbedded() lets nobody but its user into socket and cluster", {
  ignore: Deno.build.os === "windows",
}, async () => {
  await using dir = await tempDir();
  const data_dir = await usedDirectory(dir);
  await using _postgres = await start(data_dir);
  for (const name of ["postgres", "postgres/socket", "postgres/cluster-18"]) {
    const { mode } = await Deno.stat(`${data_dir}/${name}`);
    assert.equal((mode ?? 0o777) & 0o007, 0, name);
  }
});

Deno.test("startEmbedded() refuses a data directory in use and names its owner", async () => {
  await using dir = await tempDir();
  const data_dir = await usedDirectory(dir);
  await using postgres = await start(data_dir);
  await assert.rejects(start(data_dir), (error) => {
    assert(error instanceof DataDirectoryInUse);
    assert.equal(error.pid, Deno.pid);
    assert.match(error.message, /process id \d+ is running on it$/);
    assert.match(error.hint, /--data/);
    return true;
  });
  await query(postgres.address, (sql) => sql`select 1`);
});

Deno.test("startEmbedded() is not stopped by a lock file whose owner is gone", async () => {
  await using dir = await tempDir();
  const data_dir = await usedDirectory(dir);
  await Deno.writeTextFile(`${data_dir}/${LOCK_FILE}`, "1\n");
  await using postgres = await start(data_dir);
  assert(postgres.pid > 0);
});

Deno.test("EmbeddedPostgres.stop() can be called twice, at once and during restart()", async () => {
  await using dir = await tempDir();
  const data_dir = await usedDirectory(dir);
  const postgres = await start(data_dir);
  const restarted = postgres.restart();
  await Promise.all([postgres.stop(), postgres.stop(), restarted]);
  await postgres.stop();
  assert.equal((await postgres.exited).expected, true);
  assert.equal(await readPostmaster(clusterDirectory(`${data_dir}/postgres`)), undefined);
  await assert.rejects(postgres.restart(), EmbeddedError);
  await using again = await start(data_dir);
  assert(again.pid > 0);
});

Deno.test("startEmbedded() removes what a killed first start left", async () => {
  await using dir = await tempDir();
  const data_dir = dir.join("data");
  const postgres_dir = `${data_dir}/postgres`;
  for (const prefix of [UNPACKING_PREFIX, INITIALISING_PREFIX]) {
    await Deno.mkdir(`${postgres_dir}/${prefix}killed/base`, { recursive: true });
    await Deno.writeTextFile(`${postgres_dir}/${prefix}killed/PG_VERSION`, "18\n");
  }
  await using postgres = await start(data_dir);
  await query(postgres.address, (sql) => sql`select 1`);
  const left = (await names(postgres_dir)).filter((name) => name.endsWith("killed"));
  assert.deepEqual(left, []);
});

Deno.test("startEmbedded() gives up when its signal says so and leaves no process", async () => {
  await using dir = await tempDir();
  const data_dir = dir.join("data");
  const stop = new AbortController();
  await assert.rejects(
    start(data_dir, {
      signal: stop.signal,
      onProgress: (step) => step === "starting PostgreSQL" && stop.abort(),
    }),
    { name: "AbortError" },
  );
  assert.equal(await readPostmaster(clusterDirectory(`${data_dir}/postgres`)), undefined);
  await using postgres = await start(data_dir);
  assert(postgres.pid > 0);
});

Deno.test("startEmbedded() finds a place for the socket when the path is too long", {
  ignore: Deno.build.os === "windows",
}, async () => {
  await using dir = await tempDir();
  await using postgres = await start(dir.join("x".repeat(60), "y".repeat(60)));
  const socket_dir = postgres.address.host ?? "";
  assert(!socket_dir.startsWith(dir.path));
  await query(postgres.url, (sql) => sql`select 1`);
  const { mode } = await Deno.stat(socket_dir);
  assert.equal((mode ?? 0o777) & 0o007, 0);
  await postgres.stop();
  assert(await isGone(socket_dir));
});

Deno.test("startEmbedded() says which directory PostgreSQL's user cannot enter", {
  ignore: Deno.build.os === "windows" || Deno.uid() !== 0,
}, async () => {
  await using dir = await tempDir();
  const closed = dir.join("closed");
  await Deno.mkdir(closed, { mode: 0o700 });
  await assert.rejects(start(`${closed}/data`), (error) => {
    assert(error instanceof EmbeddedError);
    assert.match(error.message, /^Cannot start PostgreSQL: .* cannot enter ".*\/closed"$/);
    assert.match(error.hint, /chmod o\+x .*\/closed/);
    return true;
  });
});

Deno.test("startEmbedded() passes on what PostgreSQL says when it cannot start", async () => {
  await using dir = await tempDir();
  const data_dir = await usedDirectory(dir);
  const cluster_dir = clusterDirectory(`${data_dir}/postgres`);
  await Deno.writeTextFile(`${cluster_dir}/postgresql.conf`, "no_such_setting = 1\n");
  await assert.rejects(start(data_dir), /^EmbeddedError: Cannot start PostgreSQL: .*exit code 1/);
});
