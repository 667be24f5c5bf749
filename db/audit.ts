/** The audit log: what was changed by whom. */
import type { Sql } from "./connect.ts";

export interface AuditEntry {
  at_ms: number;
  /** The token's label, or what stands for one. */
  who: string;
  token_name: string | null;
  /** Of the client. */
  address: string;
  /** Method and path with its parameters' names: `DELETE /api/v1/rules/:id`. */
  action: string;
  /** The path as it was asked for. */
  target: string;
  /** Of the answer. */
  status: number;
  /** What was sent, cut where it is long, without secrets. */
  detail: string;
}

export interface AuditRow extends AuditEntry {
  id: number;
}

export async function insertAudit(sql: Sql, entry: AuditEntry): Promise<void> {
  const { at_ms, who, token_name, address, action, target, status, detail } = entry;
  await sql`
    insert into audit (at, who, token_name, address, action, target, status, detail)
    values (
      to_timestamp(${at_ms}::float8 / 1000), ${who}, ${token_name}, ${address}, ${action},
      ${target}, ${status}, ${detail}
    )`;
}

/** A page of the log, newest first: what was written before the entry of this id. */
export async function selectAudit(
  sql: Sql,
  { limit, before_id, who }: { limit: number; before_id?: number; who?: string },
): Promise<AuditRow[]> {
  return await sql<AuditRow[]>`
    select id, (extract(epoch from at) * 1000)::float8 as at_ms, who, token_name, address, action,
      target, status, detail
    from audit
    where (${before_id ?? null}::bigint is null or id < ${before_id ?? null}::bigint)
      and (${who ?? null}::text is null or who = ${who ?? null}::text)
    order by id desc
    limit ${limit}`;
}

/** Forgets what is older. Returns how many entries that were. */
export async function deleteAuditBefore(sql: Sql, before_ms: number): Promise<number> {
  const { count } = await sql`
    delete from audit where at < to_timestamp(${before_ms}::float8 / 1000)`;
  return count;
}
