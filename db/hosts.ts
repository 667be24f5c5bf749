/** Hosts and what they say about themselves. */
import type { Sql } from "./connect.ts";
import { makeHosts } from "./series_limit.ts";
import type { HostFacts } from "../report.ts";

/** As many as there are ids. */
const HOSTS_MAX = 2 ** 31 - 1;

export interface HostRow {
  id: number;
  hostname: string;
  alias: string | null;
  location: string | null;
  tags: Record<string, string>;
}

/**
 * Ids of the given hosts; those not known yet are made while there are fewer than `hosts_max`, the
 * others are left out. Any number of servers may race.
 */
export async function ensureHosts(
  sql: Sql,
  hostnames: readonly string[],
  now_ms: number,
  hosts_max = HOSTS_MAX,
): Promise<Map<string, number>> {
  // sorted, so that two servers lock in the same order
  const names = [...hostnames].sort();
  const known = async () =>
    await sql<{ id: number; hostname: string }[]>`
    select id, hostname from host where hostname = any(${names}::text[])`;
  let rows = await known();
  if (rows.length < names.length) {
    const there = new Set(rows.map((row) => row.hostname));
    await makeHosts(sql, names.filter((name) => !there.has(name)), { now_ms, hosts_max });
    rows = await known();
  }
  return new Map(rows.map((row) => [row.hostname, row.id]));
}

/** Writes what a host said about itself; facts it did not mention stay. */
export async function updateHostFacts(
  sql: Sql,
  host_id: number,
  facts: HostFacts,
): Promise<void> {
  const tags = facts.tags === undefined ? null : sql.json(facts.tags);
  const agent = facts.agent === undefined ? null : sql.json(facts.agent);
  await sql`
    update host set
      alias = case when ${facts.alias !== undefined} then ${facts.alias ?? null} else alias end,
      location =
        case when ${facts.location !== undefined} then ${facts.location ?? null} else location end,
      tags = coalesce(${tags}::jsonb, tags),
      agent = coalesce(${agent}::jsonb, agent)
    where id = ${host_id}`;
}

/** All hosts, by name; servers that report themselves stand behind what they watch. */
export async function selectHosts(sql: Sql): Promise<HostRow[]> {
  return await sql<HostRow[]>`
    select id, hostname, alias, location, tags from host
    order by tags @> '{"monitor": "server"}', hostname`;
}

/** One host, or undefined. */
export async function selectHost(sql: Sql, hostname: string): Promise<HostRow | undefined> {
  const [row] = await sql<HostRow[]>`
    select id, hostname, alias, location, tags from host where hostname = ${hostname}`;
  return row;
}

/** What a host's agent says about itself; null when nothing was said, undefined without such a host. */
export async function selectHostAgent(sql: Sql, hostname: string): Promise<unknown> {
  const [row] = await sql<{ agent: unknown }[]>`
    select agent from host where hostname = ${hostname}`;
  return row?.agent;
}
