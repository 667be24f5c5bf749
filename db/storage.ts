/**
 * What the data weighs. Sizes are exact and cost nothing: the database knows its files. What is in
 * them has to be counted; for that a part of the pages is read (`percent`), all of them at 100.
 */
import type { AnySql } from "./connect.ts";
import { codeOf, SQLSTATE } from "./sqlstate.ts";

/** A table with all of its partitions, in bytes. */
export interface TableSize {
  table: string;
  partitions: number;
  /** Rows in place, with the maps of free space and visibility. */
  heap_bytes: number;
  /** What is stored out of line, with its index. */
  toast_bytes: number;
  index_bytes: number;
  /** Of 8 kB, in place. */
  pages: number;
}

/** The sizes of the given tables; one that does not exist is left out. */
export async function selectTableSizes(
  sql: AnySql,
  tables: readonly string[],
): Promise<TableSize[]> {
  return await sql<TableSize[]>`
    select
      root.name as "table",
      count(*)::int as partitions,
      coalesce(sum(pg_table_size(c.oid) - toast.bytes), 0)::float8 as heap_bytes,
      coalesce(sum(toast.bytes), 0)::float8 as toast_bytes,
      coalesce(sum(pg_indexes_size(c.oid)), 0)::float8 as index_bytes,
      coalesce(sum(pg_relation_size(c.oid)) / current_setting('block_size')::int, 0)::float8 as pages
    from unnest(${[...tables]}::text[]) as root (name)
    cross join lateral pg_partition_tree(to_regclass(root.name)) as tree
    join pg_class c on c.oid = tree.relid
    cross join lateral (
      select coalesce(pg_total_relation_size(nullif(c.reltoastrelid, 0)), 0) as bytes
    ) as toast
    where tree.isleaf
    group by root.name`;
}

/** Bytes of the whole database, catalogs included, without its write-ahead log. */
export async function selectDatabaseSize(sql: AnySql): Promise<number> {
  const [row] = await sql<{ bytes: number }[]>`
    select pg_database_size(current_database())::float8 as bytes`;
  return row?.bytes ?? 0;
}

/** Bytes of the write-ahead log, or undefined when this user may not look. */
export async function selectWalSize(sql: AnySql): Promise<number | undefined> {
  try {
    const [row] = await sql<{ bytes: number }[]>`
      select coalesce(sum(size), 0)::float8 as bytes from pg_ls_waldir()`;
    return row?.bytes;
  } catch (error) {
    if (codeOf(error) === SQLSTATE.insufficient_privilege) return undefined;
    throw error;
  }
}

/** What the pages that were read hold of one host. */
export interface HostContent {
  host_id: number;
  rows: number;
  /** Values: of rollups, buckets times metrics. */
  samples: number;
  /** Of the rows, out of line included. */
  bytes: number;
}

/** A row's header and its place on the page, its key and what stands before each value. */
const ROW_BYTES = 56;

/** What is in `percent` of the pages of the hot table, by host. */
export async function sampleReports(sql: AnySql, percent: number): Promise<HostContent[]> {
  return await sql<HostContent[]>`
    select
      host_id,
      count(*)::float8 as rows,
      sum(cardinality(vals))::float8 as samples,
      sum(pg_column_size(vals) + ${ROW_BYTES}::int)::float8 as bytes
    from report tablesample system (${percent}::float8) repeatable (1)
    group by host_id`;
}

/** The same of a table of blocks, whose heads say how many rows and cells there are. */
export async function sampleBlocks(
  sql: AnySql,
  table: string,
  percent: number,
): Promise<HostContent[]> {
  const int4 = (at: number) =>
    sql`(get_byte(head, ${at}::int)::int8 << 24) + (get_byte(head, ${at + 1}::int) << 16)
      + (get_byte(head, ${at + 2}::int) << 8) + get_byte(head, ${at + 3}::int)`;
  return await sql<HostContent[]>`
    select
      host_id,
      count(*)::float8 as rows,
      sum((${int4(4)}) * (${int4(8)}))::float8 as samples,
      sum(
        pg_column_size(head) + pg_column_size(offsets) + pg_column_size(data) + ${ROW_BYTES}::int
      )::float8 as bytes
    from ${sql(table)} tablesample system (${percent}::float8) repeatable (1)
    group by host_id`;
}

/** Milliseconds since 1970; null when there is nothing. */
export interface TimeSpan {
  oldest_ms: number | null;
  newest_ms: number | null;
}

/**
 * The oldest and the newest time in a table that has `host_id` and then `column` as its key: two
 * look-ups a host instead of reading it all.
 */
export async function selectTimeSpan(
  sql: AnySql,
  { table, column }: { table: string; column: "at" | "start" },
): Promise<TimeSpan> {
  const end = (direction: "asc" | "desc") =>
    sql`
      select ${sql(column)} as at
      from ${sql(table)}
      where host_id = h.id
      order by ${sql(column)} ${direction === "asc" ? sql`asc` : sql`desc`}
      limit 1`;
  const [row] = await sql<TimeSpan[]>`
    select
      (extract(epoch from min(oldest.at)) * 1000)::float8 as oldest_ms,
      (extract(epoch from max(newest.at)) * 1000)::float8 as newest_ms
    from host h
    cross join lateral (${end("asc")}) as oldest
    cross join lateral (${end("desc")}) as newest`;
  return row ?? { oldest_ms: null, newest_ms: null };
}
