/**
 * Makes room for a backup where there is something already (`monitor restore --force`). The database of
 * an operator is emptied of what monitor has made; the embedded one is set aside as a whole.
 */
import { join } from "node:path";
import type { Sql, TransactionSql } from "../connect.ts";
import { clusterDirectory } from "../embedded/cluster.ts";
import { lockDataDirectory } from "../embedded/lock.ts";
import type { Migration } from "../migration_files.ts";
import { transaction } from "../transaction.ts";
import { hasRows, relationLabel, selectPartitioned, selectRelations } from "../transfer/catalog.ts";
import { dropNotes, insertNotes, NOTES_SCHEMA, selectUnfinished } from "../transfer/notes.ts";
import { BackupError } from "./error.ts";

/** Of tables that are in the way, so many are named. */
const NAMED_MAX = 5;

/** Whether a restore of `source_id` would be refused here. */
export async function isInTheWay(sql: Sql, source_id: string): Promise<boolean> {
  const unfinished = await selectUnfinished(sql);
  if (unfinished !== undefined) return unfinished !== source_id;
  for (const relation of await selectRelations(sql)) if (await hasRows(sql, relation)) return true;
  return false;
}

/**
 * Sets the embedded database aside, which must not be running. Returns where it is now. Throws
 * `DataDirectoryInUse` when somebody has started it.
 */
export async function setClusterAside(data_dir: string, name: string): Promise<string> {
  using _lock = await lockDataDirectory(data_dir);
  const postgres_dir = join(data_dir, "postgres");
  const aside = join(postgres_dir, name);
  await Deno.rename(clusterDirectory(postgres_dir), aside);
  return aside;
}

/**
 * Removes everything of monitor from a database, and notes in the same transaction that it is an
 * unfinished copy of `source_id`. Throws `BackupError` when others have tables there.
 */
export async function clearDatabase(
  sql: Sql,
  { source_id, migrations }: { source_id: string; migrations: readonly Migration[] },
): Promise<void> {
  const labels = new Set([
    "migration",
    ...migrations.flatMap(({ sql }) =>
      [...sql.matchAll(/^create table (?:if not exists )?([\w.]+)/gim)].map(([, label]) => label)
    ),
  ]);
  const relations = await selectRelations(sql);
  const foreign = [
    ...relations.map((one) => relationLabel(one.parent ?? one)),
    ...await selectPartitioned(sql),
  ].filter((label) => !labels.has(label));
  if (foreign.length > 0) {
    const named = [...new Set(foreign)].slice(0, NAMED_MAX).join(", ");
    throw new BackupError("Cannot make room in a database that is not monitor's alone", {
      cause: `it has tables of others: ${named}`,
      hint: "name a database of its own: createdb monitor",
    });
  }
  await transaction(sql, async (tx) => {
    if (await selectUnfinished(tx) !== undefined) await dropNotes(tx);
    await dropAll(tx);
    await insertNotes(tx, source_id);
  });
}

/** Of extensions, nothing: they are the administrator's. */
async function dropAll(tx: TransactionSql): Promise<void> {
  const schemas = await tx<{ name: string }[]>`
    select n.nspname as name
    from pg_namespace n
    where n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'public', ${NOTES_SCHEMA})
      and not exists (select from pg_depend d where d.objid = n.oid and d.deptype = 'e')`;
  for (const { name } of schemas) await tx`drop schema ${tx(name)} cascade`;
  const relations = await tx<{ name: string; kind: string }[]>`
    select c.relname as name,
      case c.relkind when 'v' then 'view' when 'm' then 'materialized view' when 'S' then 'sequence'
        else 'table' end as kind
    from pg_class c
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v', 'm', 'S')
      and not exists (
        select from pg_depend d
        where d.objid = c.oid and (d.deptype = 'e' or c.relkind = 'S' and d.deptype in ('i', 'a')))
      and not c.relispartition
    order by c.relkind = 'S', c.relname`;
  for (const { name, kind } of relations) {
    await tx`drop ${tx.unsafe(kind)} if exists public.${tx(name)} cascade`;
  }
  const routines = await tx<{ signature: string }[]>`
    select p.oid::regprocedure::text as signature
    from pg_proc p
    where p.pronamespace = 'public'::regnamespace
      and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e')`;
  for (const { signature } of routines) await tx.unsafe(`drop routine ${signature} cascade`);
  const types = await tx<{ name: string }[]>`
    select t.typname as name
    from pg_type t
    where t.typnamespace = 'public'::regnamespace and t.typtype in ('e', 'd')
      and not exists (select from pg_depend d where d.objid = t.oid and d.deptype = 'e')`;
  for (const { name } of types) await tx`drop type public.${tx(name)} cascade`;
}
