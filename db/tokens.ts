/** Tokens: who may ask for what. Only their hashes are here. */
import type { AnySql, Sql } from "./connect.ts";

export const ROLES = ["agent", "viewer", "operator", "admin"] as const;
export type Role = typeof ROLES[number];

export interface TokenRow {
  id: number;
  /** Its first part, by which people recognise it: `mon_4f2k9xqa`. */
  name: string;
  role: Role;
  /** The only host it may report for; null for any. */
  hostname: string | null;
  label: string;
  created_ms: number;
  created_by: string;
  expires_ms: number | null;
  last_used_ms: number | null;
  revoked_ms: number | null;
}

/** Enough to check a token. */
export interface TokenSecret extends TokenRow {
  /** SHA-256 of the whole text. */
  hash: Uint8Array;
}

export interface NewToken {
  name: string;
  hash: Uint8Array;
  role: Role;
  hostname: string | null;
  label: string;
  created_by: string;
  expires_ms: number | null;
}

const COLUMNS = (sql: AnySql) =>
  sql`
  id, name, role, hostname, label, created_by,
  (extract(epoch from created_at) * 1000)::float8 as created_ms,
  (extract(epoch from expires_at) * 1000)::float8 as expires_ms,
  (extract(epoch from last_used_at) * 1000)::float8 as last_used_ms,
  (extract(epoch from revoked_at) * 1000)::float8 as revoked_ms`;

export async function insertToken(sql: AnySql, token: NewToken, now_ms: number): Promise<TokenRow> {
  const [row] = await sql<TokenRow[]>`
    insert into access_token
      (name, hash, role, hostname, label, created_by, created_at, expires_at)
    values (
      ${token.name}, ${token.hash}, ${token.role}, ${token.hostname}, ${token.label},
      ${token.created_by}, to_timestamp(${now_ms}::float8 / 1000),
      to_timestamp(${token.expires_ms}::float8 / 1000)
    )
    returning ${COLUMNS(sql)}`;
  if (row === undefined) throw new Error("BUG: an insert returned no row");
  return row;
}

/** The token of this name, also one that is revoked or expired. */
export async function selectToken(sql: AnySql, name: string): Promise<TokenSecret | undefined> {
  const [row] = await sql<TokenSecret[]>`
    select ${COLUMNS(sql)}, hash from access_token where name = ${name}`;
  return row;
}

/** The token of this id, also one that is revoked or expired. */
export async function selectTokenById(sql: Sql, id: number): Promise<TokenRow | undefined> {
  const [row] = await sql<TokenRow[]>`
    select ${COLUMNS(sql)} from access_token where id = ${id}`;
  return row;
}

/** A page of tokens, newest first: those made before the one of this id. */
export async function selectTokens(
  sql: Sql,
  { limit, before_id }: { limit: number; before_id?: number },
): Promise<TokenRow[]> {
  return await sql<TokenRow[]>`
    select ${COLUMNS(sql)} from access_token
    where ${before_id ?? null}::integer is null or id < ${before_id ?? null}::integer
    order by id desc
    limit ${limit}`;
}

/** Whether there is a token of this role that can be used. */
export async function hasToken(sql: Sql, role: Role, now_ms: number): Promise<boolean> {
  const [row] = await sql<{ found: boolean }[]>`
    select exists (
      select from access_token
      where role = ${role} and revoked_at is null
        and (expires_at is null or expires_at > to_timestamp(${now_ms}::float8 / 1000))
    ) as found`;
  return row?.found ?? false;
}

/** Takes a token back. Returns it as it is now, or undefined when there is none of this name. */
export async function revokeToken(
  sql: Sql,
  name: string,
  now_ms: number,
): Promise<TokenRow | undefined> {
  const [row] = await sql<TokenRow[]>`
    update access_token
    set revoked_at = coalesce(revoked_at, to_timestamp(${now_ms}::float8 / 1000))
    where name = ${name}
    returning ${COLUMNS(sql)}`;
  return row;
}

/**
 * Tokens that were taken back, by their ids. All of them: when that was is the time of whoever did it, and
 * no two clocks need be equal.
 */
export async function selectRevoked(sql: Sql): Promise<number[]> {
  const rows = await sql<{ id: number }[]>`
    select id from access_token where revoked_at is not null`;
  return rows.map(({ id }) => id);
}

/** Notes when tokens were used. A time already noted is not set back. */
export async function updateLastUsed(sql: Sql, used: ReadonlyMap<number, number>): Promise<void> {
  await sql`
    update access_token t
    set last_used_at = to_timestamp(u.at_ms / 1000)
    from unnest(${[...used.keys()]}::integer[], ${[...used.values()]}::float8[]) as u (id, at_ms)
    where t.id = u.id
      and (t.last_used_at is null or t.last_used_at < to_timestamp(u.at_ms / 1000))`;
}
