/** Silences by labels, and what hosts are behind: what server/notify considers before it tells. */
import type { Sql } from "./connect.ts";

export interface SilenceMatcher {
  label: string;
  /** `~` is a glob. */
  op: "=" | "!=" | "~" | "!~";
  value: string;
}

/** Times are milliseconds since 1970. */
export interface Silence {
  id: number;
  matchers: SilenceMatcher[];
  start_ms: number;
  end_ms: number;
  note: string;
  created_by: string | null;
}

/** Silences that have not ended. */
export async function selectSilences(sql: Sql, now_ms: number): Promise<Silence[]> {
  return await sql<Silence[]>`
    select
      id, matchers, note, created_by,
      (extract(epoch from start_at) * 1000)::float8 as start_ms,
      (extract(epoch from end_at) * 1000)::float8 as end_ms
    from silence
    where end_at > timestamptz 'epoch' + ${now_ms}::float8 * interval '1 millisecond'
    order by start_at, id`;
}

/** Which hosts are behind which. */
export async function selectParents(sql: Sql): Promise<{ host_id: number; parent_id: number }[]> {
  return await sql<{ host_id: number; parent_id: number }[]>`
    select host_id, parent_id from host_parent order by host_id, parent_id`;
}

/** Hosts with an open incident of the given story. */
export async function selectHostsInStory(sql: Sql, story: string): Promise<number[]> {
  const rows = await sql<{ host_id: number }[]>`
    select distinct host_id from incident where resolved_at is null and story = ${story}`;
  return rows.map(({ host_id }) => host_id);
}
