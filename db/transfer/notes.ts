/**
 * What a transfer writes down in the target, in a schema of its own that goes away with the last
 * step: of which installation this is a copy, and which tables are complete. As long as it is there
 * the database is an unfinished copy, and no server starts on it (db/migrate.ts).
 */
import type { AnySql, Sql, TransactionSql } from "../connect.ts";
import type { TableDigest } from "./digest.ts";

/** db/migrate.ts looks for it by this name. */
export const NOTES_SCHEMA = "monitor_transfer";

/**
 * Names an installation, wherever its database is: what was applied when, to the microsecond. A copy
 * has the same name as its original.
 */
export async function selectInstallationId(sql: AnySql): Promise<string> {
  const [row] = await sql<{ id: string }[]>`
    select md5(string_agg(concat_ws(' ', number, checksum, extract(epoch from applied_at)), ','
      order by number)) as id
    from migration
    where number = 1`;
  if (!row?.id) throw new Error("BUG: the database has no first migration");
  return row.id;
}

const BACKUP = "backup ";

/** The name of a backup among those of installations. */
export function backupName(id: string): string {
  return `${BACKUP}${id}`;
}

/** Whether a copy is one of a backup. */
export function isBackup(source_id: string): boolean {
  return source_id.startsWith(BACKUP);
}

/** The installation a database is an unfinished copy of; undefined when it is none. */
export async function selectUnfinished(sql: AnySql): Promise<string | undefined> {
  const [schema] = await sql<{ there: boolean }[]>`
    select to_regclass(${`${NOTES_SCHEMA}.source`}) is not null as there`;
  if (!schema?.there) return undefined;
  const [row] = await sql<{ id: string }[]>`select id from ${sql(NOTES_SCHEMA)}.source`;
  return row?.id;
}

export async function createNotes(sql: Sql, source_id: string): Promise<void> {
  await sql.begin((tx) => insertNotes(tx, source_id));
}

/** The same in a transaction of the caller's. */
export async function insertNotes(tx: TransactionSql, source_id: string): Promise<void> {
  await tx`create schema ${tx(NOTES_SCHEMA)}`;
  await tx`create table ${tx(NOTES_SCHEMA)}.source (id text not null)`;
  await tx`
    create table ${tx(NOTES_SCHEMA)}.complete (
      relation text primary key,
      rows int8 not null,
      checksum text not null
    )`;
  await tx`insert into ${tx(NOTES_SCHEMA)}.source (id) values (${source_id})`;
}

/** What is complete, by label: what the source held when it was copied. */
export async function selectComplete(sql: AnySql): Promise<Map<string, TableDigest>> {
  const rows = await sql<(TableDigest & { relation: string })[]>`
    select relation, rows, checksum from ${sql(NOTES_SCHEMA)}.complete`;
  return new Map(rows.map(({ relation, rows, checksum }) => [relation, { rows, checksum }]));
}

export async function noteComplete(
  sql: AnySql,
  relation: string,
  { rows, checksum }: TableDigest,
): Promise<void> {
  await sql`
    insert into ${sql(NOTES_SCHEMA)}.complete (relation, rows, checksum)
    values (${relation}, ${rows}, ${checksum})`;
}

export async function forgetComplete(sql: AnySql, relations: readonly string[]): Promise<void> {
  await sql`delete from ${sql(NOTES_SCHEMA)}.complete where relation = any(${[...relations]})`;
}

export async function dropNotes(sql: AnySql): Promise<void> {
  await sql`drop schema ${sql(NOTES_SCHEMA)} cascade`;
}
