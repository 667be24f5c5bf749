/** Texts that came with values, or instead of them. */
import type { Sql } from "./connect.ts";

export interface MessageRow {
  metric: string;
  at_ms: number;
  message: string;
}

export interface MessageRange {
  host_id: number;
  /** Both ends belong to the range. */
  from_ms: number;
  to_ms: number;
  /** At most so many, the newest. */
  limit: number;
  /** The last of the page before. */
  after?: { at_ms: number; metric: string };
}

/** The newest texts of a host, newest first. */
export async function selectMessages(sql: Sql, range: MessageRange): Promise<MessageRow[]> {
  const { after } = range;
  const at = (ms: number) => sql`timestamptz 'epoch' + ${ms}::float8 * interval '1 millisecond'`;
  const behind = after === undefined ? sql`` : sql`
      and (a.at < ${at(after.at_ms)} or (a.at = ${at(after.at_ms)} and m.name > ${after.metric}))`;
  return await sql<MessageRow[]>`
    select m.name as metric, (extract(epoch from a.at) * 1000)::float8 as at_ms, a.message
    from annotation a
    join metric m on m.id = a.metric_id
    where a.host_id = ${range.host_id}
      and a.at >= ${at(range.from_ms)} and a.at <= ${at(range.to_ms)} ${behind}
    order by a.at desc, m.name
    limit ${range.limit}`;
}
