/** How many series hosts have, and how many hosts there are: for limits on both. */
import type { AnySql, Sql } from "./connect.ts";
import { transaction } from "./transaction.ts";

/** "host" in ASCII. */
const HOSTS_LOCK = 0x686f7374;

export interface HostShapeName {
  host_id: number;
  /** Of the shape's names, in hex (`shapeDigest`). */
  digest: string;
}

/** Those of the given pairs that have been reported before. */
export async function selectKnownPairs(
  sql: AnySql,
  pairs: readonly HostShapeName[],
): Promise<(HostShapeName & { shape_id: number })[]> {
  return await sql<(HostShapeName & { shape_id: number })[]>`
    select p.host_id, p.digest, s.id as shape_id
    from unnest(
      ${pairs.map((pair) => pair.host_id)}::integer[],
      ${pairs.map((pair) => pair.digest)}::text[]
    ) as p (host_id, digest)
    join shape s on s.digest = decode(p.digest, 'hex')
    join host_shape hs on hs.host_id = p.host_id and hs.shape_id = s.id`;
}

/** Until the transaction ends, nobody else adds series to these hosts who asks here, too. */
export async function lockHosts(sql: AnySql, host_ids: readonly number[]): Promise<void> {
  // in order, so that two servers do not wait for each other
  await sql`
    select id from host where id = any(${[...host_ids]}::integer[]) order by id for no key update`;
}

/** How many series each of the hosts has; those without any are left out. */
export async function countSeries(
  sql: AnySql,
  host_ids: readonly number[],
): Promise<Map<number, number>> {
  const rows = await sql<{ host_id: number; series: number }[]>`
    select hs.host_id, count(distinct m.id)::int as series
    from host_shape hs
    join shape s on s.id = hs.shape_id
    cross join lateral unnest(s.metric_ids) as m (id)
    where hs.host_id = any(${[...host_ids]}::integer[])
    group by hs.host_id`;
  return new Map(rows.map(({ host_id, series }) => [host_id, series]));
}

/** The metrics that a host has ever reported. */
export async function selectSeriesNames(sql: AnySql, host_id: number): Promise<Set<string>> {
  const rows = await sql<{ name: string }[]>`
    select distinct m.name
    from host_shape hs
    join shape s on s.id = hs.shape_id
    cross join lateral unnest(s.metric_ids) as i (metric_id)
    join metric m on m.id = i.metric_id
    where hs.host_id = ${host_id}`;
  return new Set(rows.map(({ name }) => name));
}

/** Makes as many of the hosts, in the order given, as there may be in all. */
export async function makeHosts(
  sql: Sql,
  hostnames: readonly string[],
  { now_ms, hosts_max }: { now_ms: number; hosts_max: number },
): Promise<void> {
  await transaction(sql, async (tx) => {
    await tx`select pg_advisory_xact_lock(${HOSTS_LOCK})`;
    await tx`
      insert into host (hostname, created_at)
      select n.hostname, to_timestamp(${now_ms / 1000}::float8)
      from unnest(${[...hostnames]}::text[]) with ordinality as n (hostname, place)
      where not exists (select from host h where h.hostname = n.hostname)
      order by n.place
      limit greatest(0, ${hosts_max} - (select count(*) from host))
      on conflict do nothing`;
  });
}
