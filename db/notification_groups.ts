/**
 * Groups of incidents that are told together, and their members. A group's row is the lock of all that
 * is decided about it: whoever changes a group holds its row, and rows are taken in the order of their
 * keys, so that no two servers wait for each other.
 */
import type { Sql, TransactionSql } from "./connect.ts";
import type { Severity } from "./alerts.ts";

/** `state` is what server/notify/group.ts keeps. */
export interface GroupRow {
  key: string;
  route_id: number;
  labels: Record<string, string>;
  state: unknown;
  due_ms: number | null;
}

/** The driver's type of JSON does not know interfaces; these are plain data all through. */
type Json = Parameters<TransactionSql["json"]>[0];

function columns(sql: Sql | TransactionSql) {
  return sql`
    key, route_id, labels, state, (extract(epoch from due_at) * 1000)::float8 as due_ms`;
}

/** Makes those that are not there, and holds all of them until the transaction ends. */
export async function holdGroups(
  tx: TransactionSql,
  groups: readonly Omit<GroupRow, "due_ms">[],
  now_ms: number,
): Promise<GroupRow[]> {
  return await tx<GroupRow[]>`
    insert into notification_group (key, route_id, labels, state, updated_at)
    select
      r.key, r.route_id, r.labels, r.state,
      timestamptz 'epoch' + ${now_ms}::float8 * interval '1 millisecond'
    from jsonb_to_recordset(${tx.json(groups as unknown as Json)}) as r (
      key text, route_id integer, labels jsonb, state jsonb
    )
    order by r.key
    on conflict (key) do update set updated_at = excluded.updated_at
    returning ${columns(tx)}`;
}

/** The groups that tell of the given incidents, not held. */
export async function selectGroupsOf(
  sql: Sql | TransactionSql,
  incident_ids: readonly number[],
): Promise<GroupRow[]> {
  return await sql<GroupRow[]>`
    select ${columns(sql)} from notification_group
    where key in (
      select group_key from notification_member
      where incident_id = any(${[...incident_ids]}::bigint[])
    )`;
}

/** Groups whose time has come and that nobody else holds, held until the transaction ends. */
export async function holdDueGroups(
  tx: TransactionSql,
  { now_ms, limit, known }: { now_ms: number; limit: number; known: KnownPlaces },
): Promise<GroupRow[]> {
  return await tx<GroupRow[]>`
    select ${columns(tx)} from notification_group
    where due_at <= timestamptz 'epoch' + ${now_ms}::float8 * interval '1 millisecond'
      and route_id = any(${[...known.route_ids]}::integer[])
      and state->>'channel' = any(${[...known.channels]}::text[])
    order by due_at
    limit ${limit}
    for update skip locked`;
}

/** Routes and channels that a server has in its configuration: it leaves others alone. */
export interface KnownPlaces {
  route_ids: readonly number[];
  channels: readonly string[];
  channel_ids: readonly number[];
}

/** When groups are to be looked at; null: not by themselves. */
export async function setGroupsDue(
  tx: TransactionSql,
  dues: readonly { key: string; due_ms: number | null }[],
): Promise<void> {
  if (dues.length === 0) return;
  await tx`
    update notification_group g
    set due_at = timestamptz 'epoch' + d.due_ms * interval '1 millisecond'
    from unnest(
      ${dues.map(({ key }) => key)}::text[], ${dues.map(({ due_ms }) => due_ms)}::float8[]
    ) as d (key, due_ms)
    where g.key = d.key`;
}

export async function saveGroup(
  tx: TransactionSql,
  group: { key: string; state: unknown; due_ms: number | null },
  now_ms: number,
): Promise<void> {
  await tx`
    update notification_group set
      state = ${tx.json(group.state as Json)},
      due_at = timestamptz 'epoch' + ${group.due_ms}::float8 * interval '1 millisecond',
      updated_at = timestamptz 'epoch' + ${now_ms}::float8 * interval '1 millisecond'
    where key = ${group.key}`;
}

/** A group that has nothing to tell any more. */
export async function deleteGroup(tx: TransactionSql, key: string): Promise<void> {
  await tx`delete from notification_member where group_key = ${key}`;
  await tx`delete from notification_group where key = ${key}`;
}

/** An incident joins a group; one that is in it stays as it is. */
export async function insertMembers(
  tx: TransactionSql,
  members: readonly { group_key: string; incident_id: number; turn_ms: number }[],
): Promise<void> {
  if (members.length === 0) return;
  await tx`
    insert into notification_member (group_key, incident_id, turn_at)
    select
      m.group_key, m.incident_id, timestamptz 'epoch' + m.turn_ms * interval '1 millisecond'
    from unnest(
      ${members.map((member) => member.group_key)}::text[],
      ${members.map((member) => member.incident_id)}::bigint[],
      ${members.map((member) => member.turn_ms)}::float8[]
    ) as m (group_key, incident_id, turn_ms)
    on conflict do nothing`;
}

/** An incident in a group. Times are milliseconds since 1970. */
export interface MemberRow {
  group_key: string;
  turn_ms: number;
  looked: boolean;
  id: number;
  host_id: number;
  hostname: string;
  metric: string;
  story: string;
  severity: Severity;
  summary: string;
  labels: Record<string, string>;
  /** The rule as it was. */
  rule: unknown;
  value: number | null;
  flapping: boolean;
  opened_ms: number;
  resolved_ms: number | null;
  acknowledged_ms: number | null;
  acknowledged_until_ms: number | null;
}

export async function selectMembers(
  tx: TransactionSql,
  group_keys: readonly string[],
): Promise<MemberRow[]> {
  return await tx<MemberRow[]>`
    select
      m.group_key, (extract(epoch from m.turn_at) * 1000)::float8 as turn_ms,
      m.looked_at is not null as looked,
      i.id, i.host_id, i.hostname, i.metric, i.story, i.severity, i.summary, i.labels, i.rule,
      i.value, i.flapping,
      (extract(epoch from i.opened_at) * 1000)::float8 as opened_ms,
      (extract(epoch from i.resolved_at) * 1000)::float8 as resolved_ms,
      (extract(epoch from i.acknowledged_at) * 1000)::float8 as acknowledged_ms,
      (extract(epoch from i.acknowledged_until) * 1000)::float8 as acknowledged_until_ms
    from notification_member m
    join incident i on i.id = m.incident_id
    where m.group_key = any(${[...group_keys]}::text[])
    order by i.opened_at, i.id`;
}

/** Somebody has looked at these members; and those of `leaving` are no members any more. */
export async function updateMembers(
  tx: TransactionSql,
  changes: { group_key: string; looked: readonly number[]; leaving: readonly number[] },
  now_ms: number,
): Promise<void> {
  const { group_key, looked, leaving } = changes;
  if (looked.length > 0) {
    await tx`
      update notification_member
      set looked_at = timestamptz 'epoch' + ${now_ms}::float8 * interval '1 millisecond'
      where group_key = ${group_key} and incident_id = any(${[...looked]}::bigint[])`;
  }
  if (leaving.length > 0) {
    await tx`
      delete from notification_member
      where group_key = ${group_key} and incident_id = any(${[...leaving]}::bigint[])`;
  }
}

/** Open incidents that no group tells of: nobody was there to tell when they began. */
export interface Unrouted {
  id: number;
  severity: Severity;
  labels: Record<string, string>;
  opened_ms: number;
}

export async function selectUnrouted(
  tx: TransactionSql,
  { after_id, limit }: { after_id: number; limit: number },
): Promise<Unrouted[]> {
  return await tx<Unrouted[]>`
    select id, severity, labels, (extract(epoch from opened_at) * 1000)::float8 as opened_ms
    from incident i
    where resolved_at is null and id > ${after_id}
      and not exists (select from notification_member m where m.incident_id = i.id)
      and not exists (
        select from transition t
        where t.incident_id = i.id and t.kind = 'firing' and t.handled_at is null
      )
    order by id
    limit ${limit}`;
}

/** Writes why nobody is told, or that somebody is again, where that is news. */
export async function insertHeldEvents(
  tx: TransactionSql,
  events: readonly { host_id: number; incident_id: number; text: string | null; detail: unknown }[],
  now_ms: number,
): Promise<void> {
  if (events.length === 0) return;
  await tx`
    insert into incident_event (host_id, incident_id, at, kind, text, detail)
    select
      r.host_id, r.incident_id,
      timestamptz 'epoch' + ${now_ms}::float8 * interval '1 millisecond',
      case when r.text is null then 'unsilenced' else 'silenced' end, r.text, r.detail
    from jsonb_to_recordset(${tx.json(events as unknown as Json)}) as r (
      host_id integer, incident_id bigint, text text, detail jsonb
    )
    where r.text is distinct from (
      select e.text from incident_event e
      where e.incident_id = r.incident_id and e.kind in ('silenced', 'unsilenced')
      order by e.id desc
      limit 1
    )`;
}

/** Groups of routes and channels that are in nobody's configuration any more, with their members. */
export async function deleteUnknownGroups(sql: Sql, known: KnownPlaces): Promise<number> {
  const gone = await sql`
    with gone as (
      delete from notification_group
      where route_id <> all(${[...known.route_ids]}::integer[])
        or state->>'channel' <> all(${[...known.channels]}::text[])
      returning key
    )
    delete from notification_member where group_key in (select key from gone)`;
  return gone.count;
}

/** Groups whose last message failed for good: the settings may be right by now. */
export async function retryFailedGroups(sql: Sql, now_ms: number): Promise<void> {
  await sql`
    update notification_group
    set due_at = timestamptz 'epoch' + ${now_ms}::float8 * interval '1 millisecond'
    where state->'failed' = 'true' and state->'outstanding' = 'null'`;
}

/** What there is to do, and when the next thing is; null: nothing is planned. */
export async function peekWork(
  sql: Sql,
  known: KnownPlaces,
): Promise<{ waiting: boolean; group_ms: number | null; notification_ms: number | null }> {
  const [row] = await sql<
    { waiting: boolean; group_ms: number | null; notification_ms: number | null }[]
  >`
    select
      exists (select from transition where handled_at is null) as waiting,
      (
        select (extract(epoch from min(due_at)) * 1000)::float8 from notification_group
        where due_at is not null and route_id = any(${[...known.route_ids]}::integer[])
          and state->>'channel' = any(${[...known.channels]}::text[])
      ) as group_ms,
      (
        select (extract(epoch from min(next_attempt_at)) * 1000)::float8 from notification
        where state = 'waiting' and channel_id = any(${[...known.channel_ids]}::integer[])
      ) as notification_ms`;
  return row ?? { waiting: false, group_ms: null, notification_ms: null };
}

/** One group, held until the transaction ends. */
export async function selectGroup(
  tx: TransactionSql,
  key: string,
): Promise<GroupRow | undefined> {
  const [row] = await tx<GroupRow[]>`
    select ${columns(tx)} from notification_group where key = ${key} for update`;
  return row;
}
