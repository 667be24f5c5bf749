/** What is left of a server and its owner after kill -9, and how the next start deals with it. */
import assert from "node:assert/strict";
import { systemClock } from "../../clock.ts";
import { DataDirectoryInUse } from "../../db/embedded.ts";
import { clusterDirectory } from "../../db/embedded/cluster.ts";
import { embeddedFixture, isGone, query } from "../support/embedded.ts";
import { tempDir } from "../support/temp_dir.ts";

const linux_only = { ignore: Deno.build.os !== "linux" };
const { start, usedDirectory, filesDirectory } = embeddedFixture();

/** Waits for something outside this process; the runner's own limit ends a wait that never does. */
async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!await condition()) await systemClock.sleep(10);
}

/** Starts a process of its own that owns the data directory; returns it and PostgreSQL's id. */
async function startOwner(data_dir: string) {
  const script = new URL("../support/embedded_owner.ts", import.meta.url).href;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", script, data_dir, filesDirectory()],
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
