/** Join codes, and the tokens that agents get by them. Only hashes are here. */
import type { Sql } from "./connect.ts";
import {
  insertToken,
  type NewToken,
  selectToken,
  type TokenRow,
  type TokenSecret,
} from "./tokens.ts";
import { transaction } from "./transaction.ts";

export interface JoinCodeRow {
  id: number;
  /** Its first part, by which people recognise it: `join_4f2k9xqa`. */
  name: string;
  /** The only host that gets in by it; null for any that has no token yet. */
  hostname: string | null;
  uses: number;
  uses_left: number;
  created_ms: number;
  created_by: string;
  expires_ms: number;
  revoked_ms: number | null;
}

export interface NewJoinCode {
  name: string;
  hash: Uint8Array;
  hostname: string | null;
  uses: number;
  created_by: string;
  expires_ms: number;
}

/** Enough to check a code. */
export interface JoinCodeSecret extends JoinCodeRow {
  /** SHA-256 of the whole text. */
  hash: Uint8Array;
}

const COLUMNS = (sql: Sql) =>
  sql`
  id, name, hostname, uses, uses_left, created_by,
  (extract(epoch from created_at) * 1000)::float8 as created_ms,
  (extract(epoch from expires_at) * 1000)::float8 as expires_ms,
  (extract(epoch from revoked_at) * 1000)::float8 as revoked_ms`;

export async function insertJoinCode(
  sql: Sql,
  code: NewJoinCode,
  now_ms: number,
): Promise<JoinCodeRow> {
  const [row] = await sql<JoinCodeRow[]>`
    insert into access_join_code
      (name, hash, hostname, uses, uses_left, created_by, created_at, expires_at)
    values (
      ${code.name}, ${code.hash}, ${code.hostname}, ${code.uses}, ${code.uses},
      ${code.created_by}, to_timestamp(${now_ms}::float8 / 1000),
      to_timestamp(${code.expires_ms}::float8 / 1000)
    )
    returning ${COLUMNS(sql)}`;
  if (row === undefined) throw new Error("BUG: an insert returned no row");
  return row;
}

/** The code of this name, also one that is of no use any more. */
export async function selectJoinCode(sql: Sql, name: string): Promise<JoinCodeSecret | undefined> {
  const [row] = await sql<JoinCodeSecret[]>`
    select ${COLUMNS(sql)}, hash from access_join_code where name = ${name}`;
  return row;
}

/** A page of codes, newest first: those made before the one of this id. */
export async function selectJoinCodes(
  sql: Sql,
  { limit, before_id }: { limit: number; before_id?: number },
): Promise<JoinCodeRow[]> {
  return await sql<JoinCodeRow[]>`
    select ${COLUMNS(sql)} from access_join_code
    where ${before_id ?? null}::integer is null or id < ${before_id ?? null}::integer
    order by id desc
    limit ${limit}`;
}

/** Takes a code back. Returns it as it is now, or undefined when there is none of this name. */
export async function revokeJoinCode(
  sql: Sql,
  name: string,
  now_ms: number,
): Promise<JoinCodeRow | undefined> {
  const [row] = await sql<JoinCodeRow[]>`
    update access_join_code
    set revoked_at = coalesce(revoked_at, to_timestamp(${now_ms}::float8 / 1000))
    where name = ${name}
    returning ${COLUMNS(sql)}`;
  return row;
}

/** What is there when a host wants to get in; nobody else changes it until that is decided. */
export interface JoinFacts {
  code: JoinCodeRow | undefined;
  /** The token of the name that is wanted, where there is one. */
  existing: TokenSecret | undefined;
  /** There is a token of an agent that is bound to this host, and can be used. */
  has_token: boolean;
}

export interface Joined {
  token: TokenRow;
  /** Ids of the tokens that this one replaces. */
  replaced: number[];
}

/**
 * Gives a host a token by a code, one host after the other. `decide` says what is done: nothing, since
 * the token is there already, or that a use of the code is taken; or it throws. Tokens that the host
 * has got by codes before are taken back.
 */
export async function joinHost(
  sql: Sql,
  wanted: { code: string; token: NewToken & { hostname: string } },
  { now_ms, decide }: { now_ms: number; decide: (facts: JoinFacts) => "known" | "new" },
): Promise<Joined> {
  const { code, token } = wanted;
  const now = sql`to_timestamp(${now_ms}::float8 / 1000)`;
  return await transaction(sql, async (tx) => {
    // two agents of the same name must not both find that there is none yet
    await tx`lock table access_token in share row exclusive mode`;
    const [found] = await tx<JoinCodeRow[]>`
      select ${COLUMNS(sql)} from access_join_code where name = ${code} for update`;
    const existing = await selectToken(tx, token.name);
    const [bound] = await tx<{ found: boolean }[]>`
      select exists (
        select from access_token
        where role = 'agent' and hostname = ${token.hostname} and revoked_at is null
          and (expires_at is null or expires_at > ${now})
      ) as found`;
    const facts = { code: found, existing, has_token: bound?.found ?? false };
    if (decide(facts) === "known" && existing !== undefined) {
      return { token: existing, replaced: [] };
    }
    await tx`update access_join_code set uses_left = uses_left - 1 where name = ${code}`;
    const replaced = await tx<{ id: number }[]>`
      update access_token set revoked_at = ${now}
      where role = 'agent' and hostname = ${token.hostname} and join_code is not null
        and revoked_at is null
      returning id`;
    const made = await insertToken(tx, token, now_ms);
    await tx`update access_token set join_code = ${code} where id = ${made.id}`;
    return { token: made, replaced: replaced.map(({ id }) => id) };
  });
}

/** Forgets codes that have ended before this time. */
export async function deleteJoinCodesBefore(sql: Sql, at_ms: number): Promise<void> {
  await sql`delete from access_join_code where expires_at < to_timestamp(${at_ms}::float8 / 1000)`;
}
