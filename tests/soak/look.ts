/** What server and PostgreSQL use while a soak runs, looked at from outside. */
import { join } from "node:path";
import { connect, type Sql } from "../../db/connect.ts";
import { socketAddress } from "../../db/embedded/listen.ts";
import { treeUse } from "../bench/process_tree.ts";

export interface Look {
  rss_mb: number;
  threads: number;
  files: number;
  /** Without the buffers they share, which are filled up to their size and no further. */
  postgres_private_mb: number;
  postgres_pss_mb: number;
  postgres_processes: number;
  connections: number;
  database_mb: number;
  /** What the machine has to do, other work included: a busy one is slow without anybody's fault. */
  machine_load: number;
}

/** The server's own memory, in MB; undefined when it has ended. */
export function rssMb(pid: number): number | undefined {
  try {
    const status = Deno.readTextFileSync(`/proc/${pid}/status`);
    return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024;
  } catch {
    return undefined;
  }
}

function threadsOf(pid: number): number {
  return Number(/Threads:\s+(\d+)/.exec(Deno.readTextFileSync(`/proc/${pid}/status`))?.[1] ?? 0);
}

/** Process id of the PostgreSQL of a data directory. */
export function postgresPid(data_dir: string): number {
  const file = join(data_dir, "postgres", "cluster-18", "postmaster.pid");
  return Number(Deno.readTextFileSync(file).split("\n")[0]);
}

/** A connection to the PostgreSQL of a data directory that a server runs. */
export function connectTo(data_dir: string): Sql {
  const address = socketAddress(join(data_dir, "postgres"));
  return connect(address, { connections_max: 1, application_name: "soak" });
}

/** Throws when one of them has ended. */
export async function look(pid: number, data_dir: string, sql: Sql): Promise<Look> {
  const postgres = treeUse(postgresPid(data_dir));
  const [row] = await sql<{ connections: number; bytes: number }[]>`
    select
      (select count(*) from pg_stat_activity
        where datname = current_database() and application_name <> 'soak')::int as connections,
      pg_database_size(current_database())::float8 as bytes`;
  return {
    rss_mb: rssMb(pid) ?? 0,
    threads: threadsOf(pid),
    files: [...Deno.readDirSync(`/proc/${pid}/fd`)].length,
    postgres_private_mb: postgres.private_kb / 1024,
    postgres_pss_mb: postgres.pss_kb / 1024,
    postgres_processes: postgres.processes,
    connections: row?.connections ?? 0,
    database_mb: (row?.bytes ?? 0) / 1e6,
    machine_load: Deno.loadavg()[0] ?? 0,
  };
}

export interface TableBytes {
  hot_mb: number;
  blocks_mb: number;
  wal_mb: number;
}

/** Sizes of what grows because it is meant to. */
export async function tableBytes(sql: Sql): Promise<TableBytes> {
  const [row] = await sql<{ hot: number; blocks: number; wal: number }[]>`
    select
      coalesce(sum(pg_total_relation_size(oid)) filter (where relname like 'report%'), 0)::float8
        as hot,
      coalesce(sum(pg_total_relation_size(oid)) filter (where relname like 'block%'), 0)::float8
        as blocks,
      (select coalesce(sum(size), 0) from pg_ls_waldir())::float8 as wal
    from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace`;
  return {
    hot_mb: (row?.hot ?? 0) / 1e6,
    blocks_mb: (row?.blocks ?? 0) / 1e6,
    wal_mb: (row?.wal ?? 0) / 1e6,
  };
}
