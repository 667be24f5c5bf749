/**
 * What an installation consists of, read from the catalog instead of from a list: tables and
 * partitions that come with later migrations are moved without a word here. Left out is what belongs
 * to an extension, and the notes of the transfer itself.
 */
import type { AnySql } from "../connect.ts";
import { NOTES_SCHEMA } from "./notes.ts";

/** A table that holds rows itself: an ordinary one, or a partition. */
export interface Relation {
  schema: string;
  name: string;
  /** The partitioned table it belongs to. */
  parent?: { schema: string; name: string } | undefined;
  /** Of a partition: `FOR VALUES FROM … TO …` or `DEFAULT`. */
  bound?: string | undefined;
  /** Storage parameters as PostgreSQL keeps them: `autovacuum_enabled=false`, `toast.…`. */
  options: string[];
  /** All but generated ones, in their order. */
  columns: string[];
  has_triggers: boolean;
  /** On disk, out of line included; without indexes. */
  bytes: number;
}

/** One table refers to another: rows of `to` must be there before rows of `from`. */
export interface Reference {
  from: string;
  to: string;
}

export interface SequenceValue {
  schema: string;
  name: string;
  /** null: it has never been asked. */
  last_value: string | null;
}

/** How a relation is called in notes and messages: with its schema where that is not `public`. */
export function relationLabel({ schema, name }: { schema: string; name: string }): string {
  return schema === "public" ? name : `${schema}.${name}`;
}

/** The relations, sorted by their labels. */
export async function selectRelations(sql: AnySql): Promise<Relation[]> {
  const rows = await sql<
    (Omit<Relation, "parent" | "bound"> & {
      parent_schema: string | null;
      parent_name: string | null;
      bound: string | null;
    })[]
  >`
    select
      n.nspname as schema,
      c.relname as name,
      pn.nspname as parent_schema,
      p.relname as parent_name,
      pg_get_expr(c.relpartbound, c.oid) as bound,
      coalesce(c.reloptions, '{}') || array(
        select 'toast.' || option from unnest(t.reloptions) as option
      ) as options,
      array(
        select a.attname from pg_attribute a
        where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
        order by a.attnum
      ) as columns,
      exists (
        select from pg_trigger g where g.tgrelid = c.oid and not g.tgisinternal
      ) as has_triggers,
      pg_table_size(c.oid)::float8 as bytes
    from pg_class c
    join pg_namespace n on n.oid = c.relnamespace
    left join pg_class t on t.oid = c.reltoastrelid
    left join pg_inherits i on i.inhrelid = c.oid and c.relispartition
    left join pg_class p on p.oid = i.inhparent
    left join pg_namespace pn on pn.oid = p.relnamespace
    where c.relkind = 'r'
      and n.nspname !~ '^pg_' and n.nspname not in ('information_schema', ${NOTES_SCHEMA})
      and not exists (select from pg_depend d where d.objid = c.oid and d.deptype = 'e')
    order by n.nspname collate "C", c.relname collate "C"`;
  return rows.map(({ parent_schema, parent_name, bound, ...rest }) => ({
    ...rest,
    parent: parent_schema === null || parent_name === null
      ? undefined
      : { schema: parent_schema, name: parent_name },
    bound: bound ?? undefined,
  }));
}

/** The labels of the partitioned tables, which hold no rows themselves. */
export async function selectPartitioned(sql: AnySql): Promise<string[]> {
  const rows = await sql<{ schema: string; name: string }[]>`
    select n.nspname as schema, c.relname as name
    from pg_class c
    join pg_namespace n on n.oid = c.relnamespace
    where c.relkind = 'p' and n.nspname !~ '^pg_' and n.nspname <> ${NOTES_SCHEMA}
      and not exists (select from pg_depend d where d.objid = c.oid and d.deptype = 'e')`;
  return rows.map(relationLabel);
}

/** Foreign keys between the tables, by their labels; of partitioned tables also theirs. */
export async function selectReferences(sql: AnySql): Promise<Reference[]> {
  const rows = await sql<{ schema: string; name: string; to_schema: string; to_name: string }[]>`
    select n.nspname as schema, c.relname as name, tn.nspname as to_schema, t.relname as to_name
    from pg_constraint f
    join pg_class c on c.oid = f.conrelid
    join pg_namespace n on n.oid = c.relnamespace
    join pg_class t on t.oid = f.confrelid
    join pg_namespace tn on tn.oid = t.relnamespace
    where f.contype = 'f' and c.oid <> t.oid
      and n.nspname !~ '^pg_' and n.nspname <> ${NOTES_SCHEMA}`;
  return rows.map(({ schema, name, to_schema, to_name }) => ({
    from: relationLabel({ schema, name }),
    to: relationLabel({ schema: to_schema, name: to_name }),
  }));
}

/** Where identities and other sequences stand. */
export async function selectSequences(sql: AnySql): Promise<SequenceValue[]> {
  return await sql<SequenceValue[]>`
    select schemaname as schema, sequencename as name, last_value::text as last_value
    from pg_sequences
    where schemaname !~ '^pg_' and schemaname <> ${NOTES_SCHEMA}
    order by schemaname collate "C", sequencename collate "C"`;
}

/** Sets the sequences of these names, which must exist. */
export async function setSequences(sql: AnySql, values: readonly SequenceValue[]): Promise<void> {
  for (const { schema, name, last_value } of values) {
    if (last_value === null) continue;
    await sql`select setval(format('%I.%I', ${schema}::text, ${name}::text)::regclass,
      ${last_value}::text::int8, true)`;
  }
}

/** Whether a table has any row. */
export async function hasRows(sql: AnySql, relation: Relation): Promise<boolean> {
  const [row] = await sql<{ found: boolean }[]>`
    select exists (select from ${sql(relation.schema)}.${sql(relation.name)}) as found`;
  return row?.found ?? false;
}

/**
 * Others of this program that are connected to the same database: servers, most of all. Sessions of
 * other users may hide.
 */
export async function selectOtherSessions(sql: AnySql, own_name: string): Promise<string[]> {
  const rows = await sql<{ application_name: string }[]>`
    select distinct application_name
    from pg_stat_activity
    where datname = current_database() and application_name like 'monitor%'
      and application_name <> ${own_name}`;
  return rows.map(({ application_name }) => application_name);
}
