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
}

/** The newest texts of a host, newest first. */
export async function selectMessages(sql: Sql, range: MessageRange): Promise<MessageRow[]> {
  return await sql<MessageRow[]>`
    select m.name as metric, (extract(epoch from a.at) * 1000)::float8 as at_ms, a.message
    from annotation a
    join metric m on m.id = a.metric_id
    where a.host_id = ${range.host_id}
      and a.at >= timestamptz 'epoch' + ${range.from_ms}::float8 * interval '1 millisecond'
      and a.at <= timestamptz 'epoch' + ${range.to_ms}::float8 * interval '1 millisecond'
    order by a.at desc, m.name
    limit ${range.limit}`;
}
