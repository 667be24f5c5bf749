/**
 * Messages on their way. A message is written in the transaction that decides on it, and is delivered by
 * whoever claims it. A claim ends by itself: when its holder dies, another server delivers the message
 * again, with the same key.
 */
import type { Sql, TransactionSql } from "./connect.ts";

/** The driver's type of JSON does not know interfaces; these are plain data all through. */
type Json = Parameters<TransactionSql["json"]>[0];

export interface NewNotification {
  key: string;
  group_key: string;
  channel_id: number;
  reason: string;
  payload: unknown;
  incident_ids: readonly number[];
}

export async function insertNotification(
  tx: TransactionSql,
  notification: NewNotification,
  now_ms: number,
): Promise<void> {
  const { key, group_key, channel_id, reason, payload, incident_ids } = notification;
  const now = tx`timestamptz 'epoch' + ${now_ms}::float8 * interval '1 millisecond'`;
  await tx`
    with made as (
      insert into notification (
        key, group_key, channel_id, reason, payload, next_attempt_at, created_at
      )
      values (
        ${key}, ${group_key}, ${channel_id}, ${reason}, ${tx.json(payload as Json)}, ${now}, ${now}
      )
      returning id
    )
    insert into notification_incident (incident_id, notification_id)
    select incident_id, made.id
    from made, unnest(${[...incident_ids]}::bigint[]) as incident_id
    on conflict do nothing`;
}

/** A message claimed for delivery. `payload` is what server/notify made. */
export interface ClaimedNotification {
  id: number;
  key: string;
  group_key: string;
  channel_id: number;
  payload: unknown;
  /** This one included. */
  attempts: number;
  created_ms: number;
}

export interface ClaimOptions {
  /** How many of each channel may be taken, and for how long. */
  channels: readonly { id: number; room: number; lease_ms: number }[];
  /** Messages that the taker has in hand: a clock that was set must not give them to it again. */
  in_hand: readonly number[];
  now_ms: number;
}

/** Takes messages whose time has come, oldest first; nobody else gets them until the lease ends. */
export async function claimNotifications(
  sql: Sql,
  { channels, in_hand, now_ms }: ClaimOptions,
): Promise<ClaimedNotification[]> {
  const open = channels.filter(({ room }) => room > 0);
  if (open.length === 0) return [];
  const now = sql`timestamptz 'epoch' + ${now_ms}::float8 * interval '1 millisecond'`;
  return await sql<ClaimedNotification[]>`
    with due as materialized (
      select n.id, c.lease_ms
      from unnest(
        ${open.map(({ id }) => id)}::integer[], ${open.map(({ room }) => room)}::integer[],
        ${open.map(({ lease_ms }) => lease_ms)}::float8[]
      ) as c (channel_id, room, lease_ms)
      cross join lateral (
        select id from notification
        where state = 'waiting' and channel_id = c.channel_id and next_attempt_at <= ${now}
          and id <> all(${[...in_hand]}::bigint[])
        order by id
        limit c.room
        for update skip locked
      ) as n
    )
    update notification n set
      attempts = attempts + 1,
      claimed_until = ${now} + due.lease_ms * interval '1 millisecond',
      -- when it is looked for again, should nobody say how it went
      next_attempt_at = ${now} + due.lease_ms * interval '1 millisecond'
    from due
    where n.id = due.id and n.state = 'waiting' and n.next_attempt_at <= ${now}
    returning
      n.id, n.key, n.group_key, n.channel_id, n.payload, n.attempts,
      (extract(epoch from n.created_at) * 1000)::float8 as created_ms`;
}

/** It has arrived. False: somebody has written that down already. */
export async function recordSent(
  tx: TransactionSql,
  { id, now_ms }: { id: number; now_ms: number },
): Promise<boolean> {
  const changed = await tx`
    update notification set
      state = 'sent', error = null, claimed_until = null, next_attempt_at = null,
      sent_at = timestamptz 'epoch' + ${now_ms}::float8 * interval '1 millisecond'
    where id = ${id} and state = 'waiting'`;
  return changed.count > 0;
}

/**
 * It did not arrive, and is tried again at a time. Said late, after somebody else has claimed the message,
 * it would take that claim away: the number of attempts tells whose word it is.
 */
export async function recordRetry(
  sql: Sql,
  { id, attempts, error, next_ms }: {
    id: number;
    attempts: number;
    error: string;
    next_ms: number;
  },
): Promise<void> {
  await sql`
    update notification set
      error = ${error}, claimed_until = null,
      next_attempt_at = timestamptz 'epoch' + ${next_ms}::float8 * interval '1 millisecond'
    where id = ${id} and state = 'waiting' and attempts = ${attempts}`;
}

/** It will not arrive: `failed` by the receiver's will, `dropped` since its channel is gone. */
export async function recordGivenUp(
  tx: TransactionSql,
  { id, state, error }: { id: number; state: "failed" | "dropped"; error: string },
): Promise<boolean> {
  const changed = await tx`
    update notification set
      state = ${state}, error = ${error}, claimed_until = null, next_attempt_at = null
    where id = ${id} and state = 'waiting'`;
  return changed.count > 0;
}

/**
 * Messages that wait for a channel longer than anybody tries: no server has it. Those of the asker's own
 * channels are not among them: all servers may have been off for so long.
 */
export async function selectAbandoned(
  sql: Sql,
  { before_ms, own_ids, limit }: { before_ms: number; own_ids: readonly number[]; limit: number },
): Promise<{ id: number; group_key: string }[]> {
  return await sql<{ id: number; group_key: string }[]>`
    select id, group_key from notification
    where state = 'waiting' and channel_id <> all(${[...own_ids]}::integer[])
      and created_at < timestamptz 'epoch' + ${before_ms}::float8 * interval '1 millisecond'
      and (claimed_until is null
        or claimed_until < timestamptz 'epoch' + ${before_ms}::float8 * interval '1 millisecond')
    order by id
    limit ${limit}`;
}

/** Messages and outbox rows that are older than anybody asks for. */
export async function deleteOldNotifications(
  sql: Sql,
  { before_ms }: { before_ms: number },
): Promise<number> {
  const before = sql`timestamptz 'epoch' + ${before_ms}::float8 * interval '1 millisecond'`;
  await sql`
    delete from notification_incident ni using notification n
    where n.id = ni.notification_id and n.state <> 'waiting' and n.created_at < ${before}`;
  const messages = await sql`
    delete from notification where state <> 'waiting' and created_at < ${before}`;
  const handled = await sql`delete from transition where handled_at < ${before}`;
  return messages.count + handled.count;
}
