/** What a PostgreSQL says about itself: whether this program can live with it. */
import type { AnySql } from "./connect.ts";

export interface ServerFacts {
  /** `18.4` */
  version: string;
  /** `18` */
  major: number;
  /** Milliseconds since 1970, by its clock. */
  now_ms: number;
  encoding: string;
  /** Whether this user may make tables. */
  may_create: boolean;
  /** A standby, which can only be read. */
  is_standby: boolean;
  /** Tables that are not of an extension. */
  tables: number;
}

export async function selectServerFacts(sql: AnySql): Promise<ServerFacts> {
  const [row] = await sql<ServerFacts[]>`
    select
      current_setting('server_version') as version,
      current_setting('server_version_num')::int / 10000 as major,
      (extract(epoch from clock_timestamp()) * 1000)::float8 as now_ms,
      current_setting('server_encoding') as encoding,
      has_schema_privilege(current_schema(), 'create') as may_create,
      pg_is_in_recovery() as is_standby,
      (select count(*)::int from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where n.nspname = 'public' and c.relkind in ('r', 'p')) as tables`;
  if (row === undefined) throw new Error("BUG: PostgreSQL says nothing about itself");
  return row;
}
