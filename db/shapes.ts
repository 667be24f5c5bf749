/** Shapes: the ordered lists of metrics that reports consist of, and which host uses which. */
import { createHash } from "node:crypto";
import type { AnySql, Sql } from "./connect.ts";

export interface ShapeInput {
  /** Metric names, sorted (see `shapeNames`). */
  names: readonly string[];
  /** Their ids, in the same order. */
  metric_ids: readonly number[];
}

export interface ShapeRow {
  id: number;
  metric_ids: number[];
}

/**
 * The order of a shape: by UTF-16 code units, whatever order a report has, so that one set of
 * metrics is one shape and a report sent again in another order is the same report.
 */
export function shapeNames(names: readonly string[]): string[] {
  return [...names].sort();
}

/** SHA-256 of the sorted names, each ended by a zero byte (which no name contains), in hex. */
export function shapeDigest(names: readonly string[]): string {
  const hash = createHash("sha256");
  for (const name of names) hash.update(name).update("\0");
  return hash.digest("hex");
}

/** Ids by digest; shapes not known yet are made. Any number of servers may race. */
export async function ensureShapes(
  sql: AnySql,
  shapes: ReadonlyMap<string, ShapeInput>,
): Promise<Map<string, number>> {
  const digests = [...shapes.keys()].sort();
  const known = async () =>
    await sql<{ id: number; digest: string }[]>`
    select id, encode(digest, 'hex') as digest from shape
    where digest in (select decode(d, 'hex') from unnest(${digests}::text[]) as d)`;
  let rows = await known();
  if (rows.length < digests.length) {
    const there = new Set(rows.map((row) => row.digest));
    for (const digest of digests) {
      if (there.has(digest)) continue;
      await sql`
        insert into shape (digest, metric_ids)
        values (decode(${digest}, 'hex'), ${[...shapes.get(digest)?.metric_ids ?? []]}::integer[])
        on conflict do nothing`;
    }
    rows = await known();
  }
  return new Map(rows.map((row) => [row.digest, row.id]));
}

/** Remembers that hosts use shapes. */
export async function ensureHostShapes(
  sql: AnySql,
  pairs: readonly { host_id: number; shape_id: number }[],
): Promise<void> {
  await sql`
    insert into host_shape (host_id, shape_id)
    select host_id, shape_id
    from unnest(
      ${pairs.map((pair) => pair.host_id)}::integer[],
      ${pairs.map((pair) => pair.shape_id)}::integer[]
    ) as p (host_id, shape_id)
    order by host_id, shape_id
    on conflict do nothing`;
}

/** The metric names of the given shapes, in the order of their values. */
export async function selectShapeNames(
  sql: Sql,
  shape_ids: readonly number[],
): Promise<Map<number, string[]>> {
  const rows = await sql<{ id: number; names: string[] }[]>`
    select s.id, (
      select array_agg(m.name order by i.position)
      from unnest(s.metric_ids) with ordinality as i (metric_id, position)
      join metric m on m.id = i.metric_id
    ) as names
    from shape s where s.id = any(${[...shape_ids]}::integer[])`;
  return new Map(rows.map((row) => [row.id, row.names]));
}
