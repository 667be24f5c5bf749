/** Sessions of browsers, and links that make one. Only hashes are here. */
import type { Sql } from "./connect.ts";
import type { Role } from "./tokens.ts";

/** Whose session it is; its token can be used. */
export interface SessionOwner {
  token_id: number;
  token_name: string;
  label: string;
  role: Role;
  hostname: string | null;
}

export async function insertSession(
  sql: Sql,
  { hash, token_id }: { hash: Uint8Array; token_id: number },
  { now_ms, expires_ms }: { now_ms: number; expires_ms: number },
): Promise<void> {
  await sql`
    insert into access_session (hash, token_id, created_at, expires_at)
    values (
      ${hash}, ${token_id}, to_timestamp(${now_ms}::float8 / 1000),
      to_timestamp(${expires_ms}::float8 / 1000)
    )`;
}

/** Undefined when there is none, or it or its token has ended. */
export async function selectSession(
  sql: Sql,
  hash: Uint8Array,
  now_ms: number,
): Promise<SessionOwner | undefined> {
  const [row] = await sql<SessionOwner[]>`
    select t.id as token_id, t.name as token_name, t.label, t.role, t.hostname
    from access_session s
    join access_token t on t.id = s.token_id
    where s.hash = ${hash}
      and s.expires_at > to_timestamp(${now_ms}::float8 / 1000)
      and t.revoked_at is null
      and (t.expires_at is null or t.expires_at > to_timestamp(${now_ms}::float8 / 1000))`;
  return row;
}

export async function deleteSession(sql: Sql, hash: Uint8Array): Promise<void> {
  await sql`delete from access_session where hash = ${hash}`;
}

export async function insertLink(
  sql: Sql,
  { hash, token_id }: { hash: Uint8Array; token_id: number },
  { now_ms, expires_ms }: { now_ms: number; expires_ms: number },
): Promise<void> {
  await sql`
    insert into access_link (hash, token_id, created_at, expires_at)
    values (
      ${hash}, ${token_id}, to_timestamp(${now_ms}::float8 / 1000),
      to_timestamp(${expires_ms}::float8 / 1000)
    )`;
}

/** Uses a link up. Its token, or undefined when there is none, or it was used, or has expired. */
export async function useLink(
  sql: Sql,
  hash: Uint8Array,
  now_ms: number,
): Promise<number | undefined> {
  const [row] = await sql<{ token_id: number }[]>`
    update access_link l set used_at = to_timestamp(${now_ms}::float8 / 1000)
    from access_token t
    where l.hash = ${hash} and l.used_at is null
      and l.expires_at > to_timestamp(${now_ms}::float8 / 1000)
      and t.id = l.token_id and t.revoked_at is null
      and (t.expires_at is null or t.expires_at > to_timestamp(${now_ms}::float8 / 1000))
    returning l.token_id`;
  return row?.token_id;
}

/** Forgets sessions and links that have ended. */
export async function deleteEnded(sql: Sql, now_ms: number): Promise<void> {
  const now = sql`to_timestamp(${now_ms}::float8 / 1000)`;
  await sql`delete from access_session where expires_at < ${now}`;
  await sql`delete from access_link where expires_at < ${now}`;
}
