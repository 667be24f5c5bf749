/**
 * Partitions of the hot tables: `report` by ten minutes, `annotation` by the day. They are made some
 * time ahead, so that a clock a little fast, or a server that was busy, never waits for one. A time
 * without a partition goes to the table's default partition, and so does everything older than the
 * first partition ever made.
 *
 * Ten minutes, because a question over all hosts reads every hot row of its time: hot rows weigh ten
 * times what the same samples weigh in a block, and few of them keep such questions fast.
 */
import type { Sql } from "./connect.ts";

/** The span of one partition of `report`. */
export const HOT_MS = 10 * 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Partitions are made until this far ahead; reports may be at most minutes ahead. */
const AHEAD_MS = 2 * HOUR_MS;

/** One transaction at a time makes partitions ("part" in ASCII). */
const PARTITION_LOCK = 0x70617274;

interface Partitioned {
  table: string;
  step_ms: number;
}

const PARTITIONED: readonly Partitioned[] = [
  { table: "report", step_ms: HOT_MS },
  { table: "annotation", step_ms: DAY_MS },
];

/** `report_202611221310` for ten minutes, `annotation_20261122` for a day; in UTC. */
export function partitionName(table: string, start_ms: number, step_ms: number): string {
  const digits = new Date(start_ms).toISOString().replaceAll(/\D/g, "");
  return `${table}_${digits.slice(0, step_ms < DAY_MS ? 12 : 8)}`;
}

/**
 * Makes the partitions from now on that are missing.
 *
 * @returns the names of those made
 */
export async function ensurePartitions(sql: Sql, now_ms: number): Promise<string[]> {
  const wanted: { table: string; name: string; from: string; to: string }[] = [];
  for (const { table, step_ms } of PARTITIONED) {
    const first = Math.floor(now_ms / step_ms) * step_ms;
    for (let start = first; start <= now_ms + AHEAD_MS; start += step_ms) {
      wanted.push({
        table,
        name: partitionName(table, start, step_ms),
        from: new Date(start).toISOString(),
        to: new Date(start + step_ms).toISOString(),
      });
    }
  }
  const made: string[] = [];
  await sql.begin(async (tx) => {
    await tx`select pg_advisory_xact_lock(${PARTITION_LOCK})`;
    for (const { table, name, from, to } of wanted) {
      const [there] = await tx`select from pg_class where relname = ${name} and relispartition`;
      if (there !== undefined) continue;
      const [late] = await tx`
        select from ${tx(`${table}_late`)} where at >= ${from} and at < ${to} limit 1`;
      // rows of this time are in the default partition already: a partition cannot take them away
      if (late !== undefined) continue;
      // made apart and then attached: this way readers and writers are not locked out
      await tx`create table ${tx(name)} (like ${
        tx(table)
      } including storage including constraints)`;
      // a range is part of the statement's text; both ends come from toISOString()
      await tx`alter table ${tx(table)} attach partition ${tx(name)}
        for values from (${tx.unsafe(`'${from}'`)}) to (${tx.unsafe(`'${to}'`)})`;
      made.push(name);
    }
  });
  return made;
}
