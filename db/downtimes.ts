/** Downtimes: calendar objects during which alerts are evaluated and nobody is told. */
import type { Sql } from "./connect.ts";

/** What a downtime is about: everything that is given must fit. Empty is everything. */
export interface DowntimeSelector {
  /** Exactly this host, known or not: the form of `POST /downtime`. */
  hostname: string | null;
  /** Names and globs. */
  hosts: string[];
  /** A glob by the tag's name. */
  tags: Record<string, string>;
  /** Names and globs of rules. */
  rules: string[];
}

export interface DowntimeInput extends DowntimeSelector {
  start_ms: number;
  /** Null only with a pattern: for ever. */
  end_ms: number | null;
  /** All three or none: a croner pattern, how long each occurrence lasts, an IANA zone. */
  pattern: string | null;
  duration_ms: number | null;
  zone: string | null;
  note: string;
  created_by: string | null;
}

export interface Downtime extends DowntimeInput {
  id: number;
  /** An occurrence was ended early: nothing before this counts any more. */
  ended_ms: number | null;
}

/** Downtimes that are not over (one-off ones that have ended are), and not deleted. */
export async function selectDowntimes(sql: Sql, now_ms: number): Promise<Downtime[]> {
  return await sql<Downtime[]>`
    select ${columns(sql)}
    from downtime
    where deleted_at is null
      and (end_at is null
        or end_at > timestamptz 'epoch' + ${now_ms}::float8 * interval '1 millisecond')
    order by start_at, id`;
}

export async function insertDowntime(
  sql: Sql,
  input: DowntimeInput,
  now_ms: number,
): Promise<number> {
  const [row] = await sql<{ id: number }[]>`
    insert into downtime (
      hostname, hosts, tags, rules, start_at, end_at, pattern, duration_ms, zone, note, created_by,
      created_at, updated_at
    )
    values (
      ${input.hostname}, ${input.hosts}, ${sql.json(input.tags)}, ${input.rules},
      timestamptz 'epoch' + ${input.start_ms}::float8 * interval '1 millisecond',
      timestamptz 'epoch' + ${input.end_ms}::float8 * interval '1 millisecond',
      ${input.pattern}, ${input.duration_ms}, ${input.zone}, ${input.note}, ${input.created_by},
      timestamptz 'epoch' + ${now_ms}::float8 * interval '1 millisecond',
      timestamptz 'epoch' + ${now_ms}::float8 * interval '1 millisecond'
    )
    returning id`;
  return row?.id ?? 0;
}

function columns(sql: Sql) {
  return sql`
    id, hostname, hosts, tags, rules,
    (extract(epoch from start_at) * 1000)::float8 as start_ms,
    (extract(epoch from end_at) * 1000)::float8 as end_ms,
    pattern, duration_ms, zone, note, created_by,
    (extract(epoch from ended_at) * 1000)::float8 as ended_ms`;
}

/** One that is not deleted, over or not. */
export async function selectDowntime(sql: Sql, id: number): Promise<Downtime | undefined> {
  const [row] = await sql<Downtime[]>`
    select ${columns(sql)} from downtime where id = ${id} and deleted_at is null`;
  return row;
}

/** What of a downtime can be changed. Undefined stays as it is. */
export interface DowntimeChange {
  start_ms?: number;
  end_ms?: number;
  ended_ms?: number;
  note?: string;
}

/** False: there is none, or it is deleted. */
export async function updateDowntime(
  sql: Sql,
  { id, change }: { id: number; change: DowntimeChange },
  now_ms: number,
): Promise<boolean> {
  const at = (ms: number | undefined) =>
    sql`timestamptz 'epoch' + ${ms ?? null}::float8 * interval '1 millisecond'`;
  const changed = await sql`
    update downtime set
      start_at = coalesce(${at(change.start_ms)}, start_at),
      end_at = coalesce(${at(change.end_ms)}, end_at),
      ended_at = coalesce(${at(change.ended_ms)}, ended_at),
      note = coalesce(${change.note ?? null}, note),
      updated_at = ${at(now_ms)}
    where id = ${id} and deleted_at is null`;
  return changed.count > 0;
}

/** False: there is none, or it is deleted already. */
export async function deleteDowntime(sql: Sql, id: number, now_ms: number): Promise<boolean> {
  const at = sql`timestamptz 'epoch' + ${now_ms}::float8 * interval '1 millisecond'`;
  const changed = await sql`
    update downtime set deleted_at = ${at}, updated_at = ${at}
    where id = ${id} and deleted_at is null`;
  return changed.count > 0;
}
