/** What a server wants to know of its database every few seconds: counts that cost next to nothing. */
import type { Sql } from "./connect.ts";
import { HOT_MS } from "./partitions.ts";

export interface OwnNumbers {
  /** Connections of monitor programs to this database, and how many there may be of everybody. */
  connections: number;
  connections_max: number;
  /** State changes nobody has decided about, and messages that have not arrived. */
  outbox: number;
  messages: number;
  /** Hours and days of a host and shape that are to be rolled up. */
  pending: number;
  /** End of the oldest partition that is no history yet; null when there is none. */
  oldest_hot_end_ms: number | null;
  /** Number of the newest migration. */
  migration: number;
}

/** Nobody needs to know by how much it is more; counting is cut there. */
const COUNT_MAX = 100_000;

export async function selectOwnNumbers(sql: Sql): Promise<OwnNumbers> {
  const [row] = await sql<(Omit<OwnNumbers, "oldest_hot_end_ms"> & { oldest: string | null })[]>`
    select
      (select count(*)::int from pg_stat_activity
        where datname = current_database() and application_name like 'monitor%') as connections,
      current_setting('max_connections')::int as connections_max,
      (select count(*)::int from (
        select from transition where handled_at is null limit ${COUNT_MAX}) t) as outbox,
      (select count(*)::int from (
        select from notification where state = 'waiting' limit ${COUNT_MAX}) n) as messages,
      (select count(*)::int from (
        (select from pending_hour limit ${COUNT_MAX})
        union all (select from pending_day limit ${COUNT_MAX})) p) as pending,
      (select min(substring(c.relname from '^report_([0-9]{12})$'))
        from pg_inherits i join pg_class c on c.oid = i.inhrelid
        where i.inhparent = 'report'::regclass) as oldest,
      (select coalesce(max(number), 0) from migration) as migration`;
  if (row === undefined) throw new Error("BUG: PostgreSQL says nothing about itself");
  const { oldest, ...numbers } = row;
  const oldest_hot_end_ms = oldest === null ? null : startOf(oldest) + HOT_MS;
  return { ...numbers, oldest_hot_end_ms };
}

/** `202611221310` in milliseconds. */
function startOf(digits: string): number {
  const parts = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)$/.exec(digits)?.slice(1).map(Number) ?? [];
  const [year = 0, month = 1, day = 1, hour = 0, minute = 0] = parts;
  return Date.UTC(year, month - 1, day, hour, minute);
}
