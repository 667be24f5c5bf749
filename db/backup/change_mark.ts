/**
 * How a backup sees that a table is what an earlier backup has already, without reading its values.
 *
 * A version of a row is written once and never changed: an update writes another one, elsewhere or
 * by another transaction. So a table holds the same rows as before when it is the same file
 * (`relfilenode` of the same table of the same database of the same cluster) and its visible versions
 * stand at the same places (`ctid`) and come from the same transactions (`xmin`). The mark is their
 * number and the sum of a 64-bit hash of both. Freezing leaves `xmin` as it is; whatever rewrites the
 * table (VACUUM FULL, CLUSTER, thin_partition.ts) makes another file. Values out of line are not
 * read, which makes a mark of blocks many times cheaper than their contents.
 *
 * Two things could make equal marks of different rows, and are excluded:
 *
 * - A cluster put back to an earlier state (a copy of its files, a recovery to a point in time) gives
 *   the same transaction numbers again. So a backup writes its id into the database, after its
 *   snapshot: a database in which that id stands has the whole history up to there in common.
 * - Transaction numbers come again after 2^32. Marks older than half of that are not trusted.
 *
 * And since a migration can give old rows a new column, marks hold only between equal schemas.
 */
import type { AnySql, Sql } from "../connect.ts";
import { codeOf, isConnectionFailure, SQLSTATE } from "../sqlstate.ts";
import { transaction } from "../transaction.ts";
import { quotedName } from "../transfer/copy_table.ts";
import type { Relation } from "../transfer/catalog.ts";
import type { Manifest } from "./manifest.ts";

/** What is kept of earlier backups; none but the newest of a directory is ever looked for. */
const TAKEN_DAYS_MAX = 400;
const XIDS_MAX = 2n ** 31n;

type Origin = NonNullable<Manifest["origin"]>;

/** The database, and where its transactions stand in this snapshot. */
export async function selectOrigin(sql: AnySql): Promise<Origin> {
  const [row] = await sql<Origin[]>`
    select
      concat_ws('/', c.system_identifier, d.oid) as place,
      pg_snapshot_xmax(pg_current_snapshot())::text as xid
    from pg_control_system() c, pg_database d
    where d.datname = current_database()`;
  if (row === undefined) throw new Error("BUG: the current database is not in pg_database");
  return row;
}

/** Whether marks of `base` hold in this snapshot. */
export async function holdsMarks(
  sql: AnySql,
  base: Manifest,
  now: { origin: Origin; migrations: Manifest["migrations"] },
): Promise<boolean> {
  const { origin, migrations } = base;
  if (origin === undefined || origin.place !== now.origin.place) return false;
  const passed = BigInt(now.origin.xid) - BigInt(origin.xid);
  if (passed < 0n || passed >= XIDS_MAX) return false;
  if (JSON.stringify(migrations) !== JSON.stringify(now.migrations)) return false;
  // a database of before this table has no backups either
  const [there] = await sql<{ there: boolean }[]>`
    select to_regclass('backup_taken') is not null as there`;
  if (!there?.there) return false;
  const [row] = await sql`select from backup_taken where id = ${base.id}`;
  return row !== undefined;
}

/** The mark of a table in this snapshot. The caller has it locked, so that it stays the same file. */
export async function selectMark(sql: AnySql, relation: Relation): Promise<string> {
  const table = quotedName(relation);
  const [row] = await sql.unsafe<{ mark: string }[]>(`
    select concat_ws('/',
      '${table.replaceAll("'", "''")}'::regclass::oid,
      pg_relation_filenode('${table.replaceAll("'", "''")}'::regclass),
      count(*),
      coalesce(sum(hashtidextended(ctid, xmin::text::int8)), 0)
    ) as mark
    from only ${table}`);
  if (row === undefined) throw new Error("BUG: an aggregate has no row");
  return row.mark;
}

/**
 * Writes down that a backup was taken, on disk when this returns. Returns false when this user, or
 * this server, cannot write: then the next backup reads everything again.
 */
export async function noteTaken(
  sql: Sql,
  { id, point, finished }: Pick<Manifest, "id" | "point" | "finished">,
): Promise<boolean> {
  try {
    await transaction(sql, async (tx) => {
      await tx`select set_config('synchronous_commit', 'on', true)`;
      await tx`
        insert into backup_taken (id, taken_at, finished_at)
        values (${id}, ${point}, ${finished})`;
      await tx`
        delete from backup_taken
        where taken_at < ${finished}::timestamptz - ${TAKEN_DAYS_MAX} * interval '1 day'`;
    });
    return true;
  } catch (error) {
    if (isConnectionFailure(error) || !CANNOT_WRITE.has(codeOf(error) ?? "")) throw error;
    return false;
  }
}

/** No rights, a standby (or read only), and a schema of before the table. */
const CANNOT_WRITE: ReadonlySet<string> = new Set([
  SQLSTATE.insufficient_privilege,
  SQLSTATE.read_only_sql_transaction,
  SQLSTATE.undefined_table,
]);
