/** A replica of an embedded PostgreSQL, as an operator makes one: a copy, and then what is streamed. */
import assert from "node:assert/strict";
import { join } from "node:path";
import type { EmbeddedPostgres } from "../../db/embedded.ts";
import { clusterDirectory } from "../../db/embedded/cluster.ts";
import { type EmbeddedFixture, query } from "./embedded.ts";

/** Copies the cluster while it runs, and starts the copy as a replica that follows it. */
export async function startReplica(
  primary: EmbeddedPostgres,
  data_dir: string,
  start: EmbeddedFixture["start"],
): Promise<EmbeddedPostgres> {
  const from = clusterDirectory(join(primary.data_dir, "postgres"));
  const to = clusterDirectory(join(data_dir, "postgres"));
  await Deno.mkdir(join(data_dir, "postgres"), { recursive: true, mode: 0o700 });
  const label = await query(primary.address, async (sql) => {
    await sql`select pg_backup_start('replica', true)`;
    await copy(from, to);
    const [row] = await sql<{ labelfile: string }[]>`select labelfile from pg_backup_stop(false)`;
    return row?.labelfile ?? "";
  });
  await Deno.remove(join(to, "postmaster.pid"));
  const { host, port, username } = primary.address;
  const conninfo = `host=${host} port=${port} user=${username}`;
  const { uid, gid } = await Deno.stat(to);
  const files = {
    backup_label: label,
    "standby.signal": "",
    "postgresql.auto.conf": `primary_conninfo = '${conninfo}'\n`,
  };
  for (const [name, text] of Object.entries(files)) {
    await Deno.writeTextFile(join(to, name), text);
    await Deno.chown(join(to, name), uid, gid);
  }
  return await start(data_dir);
}

async function copy(from: string, to: string): Promise<void> {
  const args = ["-a", from, to];
  const { success, stderr } = await new Deno.Command("cp", { args }).output();
  // files that PostgreSQL removes meanwhile are no fault
  const text = new TextDecoder().decode(stderr);
  assert.ok(success || text.split("\n").every((line) => /No such file|^$/.test(line)), text);
}
