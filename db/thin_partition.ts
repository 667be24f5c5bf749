/**
 * Partitions of history without some of their shapes: what retention does where metrics have days of
 * their own.
 *
 * A partition is written anew, apart, and then takes the old one's place, in one transaction that is
 * the only one to write blocks: what another runner added to the old one meanwhile would go with it.
 * Readers wait only for the end of it, when the two are exchanged.
 */
import { writeTransaction } from "./aggregation_lock.ts";
import {
  DROP_WAIT_MS,
  isInTheWay,
  type Partition,
  TOAST_TUPLE_TARGET,
} from "./block_partitions.ts";
import type { Sql } from "./connect.ts";
import { PARTITION_LOCK } from "./partitions.ts";

const SUFFIX = "_thinned";

/** The shapes of the blocks in each partition of blocks, by its name. */
export async function selectPartitionShapes(
  sql: Sql,
  partitions: readonly Partition[],
): Promise<Map<string, number[]>> {
  const found = new Map<string, number[]>();
  for (const { table, name } of partitions) {
    // annotations have no shape: they go with the usual days
    if (table === "annotation") continue;
    const rows = await sql<{ shape_id: number }[]>`
      select distinct shape_id from ${sql(name)} order by shape_id`;
    found.set(name, rows.map(({ shape_id }) => shape_id));
  }
  return found;
}

/**
 * Writes a partition anew without the blocks of some shapes.
 *
 * @returns false when others were using the table for longer than `DROP_WAIT_MS`: try again later
 */
export async function thinPartition(
  sql: Sql,
  { table, name, start_ms, end_ms }: Partition,
  shape_ids: readonly number[],
): Promise<boolean> {
  const fresh = `${name}${SUFFIX}`;
  const range = {
    from: sql.unsafe(`'${new Date(start_ms).toISOString()}'`),
    to: sql.unsafe(`'${new Date(end_ms).toISOString()}'`),
  };
  try {
    await writeTransaction(sql, async (tx) => {
      // an earlier version may have left one behind
      await tx`drop table if exists ${tx(fresh)}`;
      await tx`create table ${tx(fresh)} (like ${tx(table)} including storage including constraints)
        with (toast_tuple_target = ${tx.unsafe(String(TOAST_TUPLE_TARGET))})`;
      // with it PostgreSQL need not read all rows again while everybody waits for the exchange
      await tx`alter table ${tx(fresh)} add constraint ${tx(`${name}_range`)}
        check (start >= ${range.from} and start < ${range.to})`;
      await tx`
        insert into ${tx(fresh)}
        select * from ${tx(name)}
        where shape_id <> all(${[...shape_ids]}::integer[])
        order by start, host_id, shape_id`;
      await tx`alter table ${tx(fresh)} add primary key (host_id, start, shape_id)`;
      await tx`analyze ${tx(fresh)}`;
      await tx`select set_config('lock_timeout', ${`${DROP_WAIT_MS}ms`}, true)`;
      await tx`select pg_advisory_xact_lock(${PARTITION_LOCK})`;
      await tx`drop table ${tx(name)}`;
      await tx`alter table ${tx(fresh)} rename to ${tx(name)}`;
      await tx`alter table ${tx(table)} attach partition ${tx(name)}
        for values from (${range.from}) to (${range.to})`;
      await tx`alter table ${tx(name)} drop constraint ${tx(`${name}_range`)}`;
    });
  } catch (error) {
    if (isInTheWay(error)) return false;
    throw error;
  }
  await sql`vacuum ${sql(name)}`;
  return true;
}
