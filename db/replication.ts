/** How far a replica is: positions in PostgreSQL's log (WAL), as bytes since its beginning. */
import type { AnySql } from "./connect.ts";

/** Everything that was committed before this was asked lies before this position. Not on a replica. */
export async function selectWritten(sql: AnySql): Promise<{ written: number; system: string }> {
  const [row] = await sql<{ written: number; system: string }[]>`
    select
      (pg_current_wal_lsn() - '0/0')::int8 as written,
      (select system_identifier::text from pg_control_system()) as system`;
  if (row === undefined) throw new Error("BUG: select without from has one row");
  return row;
}

export interface ReplayedRow {
  is_replica: boolean;
  /** What can be seen lies before it; null on what never was a replica. */
  replayed: number | null;
  /** The same for a primary and its replicas. */
  system: string;
}

/** How far a replica has come. */
export async function selectReplayed(sql: AnySql): Promise<ReplayedRow> {
  const [row] = await sql<ReplayedRow[]>`
    select
      pg_is_in_recovery() as is_replica,
      (pg_last_wal_replay_lsn() - '0/0')::int8 as replayed,
      (select system_identifier::text from pg_control_system()) as system`;
  if (row === undefined) throw new Error("BUG: select without from has one row");
  return row;
}
