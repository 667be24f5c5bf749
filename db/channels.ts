/** Channels and routes as the configuration has them, known to the database by an id. */
import type { Sql } from "./connect.ts";

export interface ChannelRow {
  id: number;
  name: string;
  kind: string;
  enabled: boolean;
  /** Milliseconds since 1970. */
  last_success_ms: number | null;
  last_failure_ms: number | null;
  last_error: string | null;
}

/** What is kept of a setting; nothing secret. */
export interface Described {
  name: string;
  kind: string;
  config: unknown;
}

/** The driver's type of JSON does not know `unknown`; these are plain data all through. */
type Json = Parameters<Sql["json"]>[0];

/** Writes the channels there are; others stay for what was told by them. Ids by name. */
export async function syncChannels(
  sql: Sql,
  channels: readonly Described[],
  now_ms: number,
): Promise<Map<string, number>> {
  const rows = await sql<{ id: number; name: string }[]>`
    insert into channel (name, kind, config, source, created_at, updated_at)
    select r.name, r.kind, r.config, 'file', now.at, now.at
    from jsonb_to_recordset(${sql.json(channels as unknown as Json)}) as r (
      name text, kind text, config jsonb
    )
    cross join (
      select timestamptz 'epoch' + ${now_ms}::float8 * interval '1 millisecond' as at
    ) as now
    order by r.name
    on conflict (name) do update set
      kind = excluded.kind, config = excluded.config, enabled = true,
      updated_at = excluded.updated_at
    returning id, name`;
  return new Map(rows.map(({ name, id }) => [name, id]));
}

/** The same for routes, with their order. */
export async function syncRoutes(
  sql: Sql,
  routes: readonly { name: string; definition: unknown }[],
  now_ms: number,
): Promise<Map<string, number>> {
  const numbered = routes.map((route, position) => ({ ...route, position }));
  const rows = await sql<{ id: number; name: string }[]>`
    insert into route (name, position, definition, source, created_at, updated_at)
    select r.name, r.position, r.definition, 'file', now.at, now.at
    from jsonb_to_recordset(${sql.json(numbered as unknown as Json)}) as r (
      name text, position integer, definition jsonb
    )
    cross join (
      select timestamptz 'epoch' + ${now_ms}::float8 * interval '1 millisecond' as at
    ) as now
    order by r.name
    on conflict (name) do update set
      position = excluded.position, definition = excluded.definition,
      updated_at = excluded.updated_at
    returning id, name`;
  return new Map(rows.map(({ name, id }) => [name, id]));
}

export async function selectChannels(sql: Sql): Promise<ChannelRow[]> {
  return await sql<ChannelRow[]>`
    select
      id, name, kind, enabled, last_error,
      (extract(epoch from last_success_at) * 1000)::float8 as last_success_ms,
      (extract(epoch from last_failure_at) * 1000)::float8 as last_failure_ms
    from channel
    order by name`;
}

/** How the last delivery ended; no error: well. */
export async function recordChannelOutcome(
  sql: Sql,
  outcome: { channel_id: number; error: string | null; now_ms: number },
): Promise<void> {
  const { channel_id, error, now_ms } = outcome;
  const now = sql`timestamptz 'epoch' + ${now_ms}::float8 * interval '1 millisecond'`;
  await sql`
    update channel set
      last_success_at = case when ${error}::text is null then ${now} else last_success_at end,
      last_failure_at = case when ${error}::text is null then last_failure_at else ${now} end,
      last_error = ${error}
    where id = ${channel_id}`;
}

/** Messages on their way, by channel. */
export async function countWaitingMessages(sql: Sql): Promise<Map<number, number>> {
  const rows = await sql<{ channel_id: number; count: number }[]>`
    select channel_id, count(*)::int as count from notification
    where state = 'waiting'
    group by channel_id`;
  return new Map(rows.map(({ channel_id, count }) => [channel_id, count]));
}
