/** Silences by labels, and what hosts are behind: what server/notify considers before it tells. */
import type { AnySql, Sql } from "./connect.ts";
import { transaction } from "./transaction.ts";

/** "prnt" in ASCII. */
const PARENTS_LOCK = 0x70726e74;

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
export async function selectParents(
  sql: AnySql,
): Promise<{ host_id: number; parent_id: number }[]> {
  return await sql<{ host_id: number; parent_id: number }[]>`
    select host_id, parent_id from host_parent order by host_id, parent_id`;
}

/** Hosts with an open incident of the given story. */
export async function selectHostsInStory(sql: Sql, story: string): Promise<number[]> {
  const rows = await sql<{ host_id: number }[]>`
    select distinct host_id from incident where resolved_at is null and story = ${story}`;
  return rows.map(({ host_id }) => host_id);
}

export type SilenceInput = Omit<Silence, "id">;

export async function insertSilence(
  sql: Sql,
  silence: SilenceInput,
  now_ms: number,
): Promise<number> {
  const at = (ms: number) => sql`timestamptz 'epoch' + ${ms}::float8 * interval '1 millisecond'`;
  const matchers = silence.matchers.map(({ label, op, value }) => ({ label, op, value }));
  const [row] = await sql<{ id: number }[]>`
    insert into silence (matchers, start_at, end_at, note, created_by, created_at, updated_at)
    values (
      ${sql.json(matchers)}, ${at(silence.start_ms)}, ${at(silence.end_ms)}, ${silence.note},
      ${silence.created_by}, ${at(now_ms)}, ${at(now_ms)}
    )
    returning id`;
  return row?.id ?? 0;
}

/** Over now; one that has not begun never begins. False: there is none that goes on. */
export async function endSilence(sql: Sql, id: number, now_ms: number): Promise<boolean> {
  const now = sql`timestamptz 'epoch' + ${now_ms}::float8 * interval '1 millisecond'`;
  const ended = await sql`
    update silence set
      start_at = least(start_at, ${now} - interval '1 millisecond'), end_at = ${now},
      updated_at = ${now}
    where id = ${id} and end_at > ${now}`;
  return ended.count > 0;
}

/** Runs what reads parents and changes them after what it has read: one at a time, of all servers. */
export async function parentsTransaction<T>(
  sql: Sql,
  run: (tx: AnySql) => Promise<T>,
): Promise<T> {
  return await transaction(sql, async (tx) => {
    await tx`select pg_advisory_xact_lock(${PARENTS_LOCK})`;
    return await run(tx);
  });
}

/** Makes these the parents of a host, in one statement, in a `parentsTransaction`. */
export async function replaceParents(
  sql: AnySql,
  host_id: number,
  parent_ids: readonly number[],
): Promise<void> {
  await sql`
    with gone as (
      delete from host_parent
      where host_id = ${host_id} and parent_id <> all(${[...parent_ids]}::integer[])
    )
    insert into host_parent (host_id, parent_id)
    select ${host_id}, parent_id from unnest(${[...parent_ids]}::integer[]) as parent_id
    on conflict do nothing`;
}
