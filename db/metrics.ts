/** Metrics: a name, kept once for all hosts, and what is known about it. */
import type { AnySql, Sql } from "./connect.ts";
import type { MetricMetadata } from "../report.ts";

/** Ids of the given metrics; those not known yet are made. Any number of servers may race. */
export async function ensureMetrics(
  sql: AnySql,
  metric_names: readonly string[],
): Promise<Map<string, number>> {
  const names = [...metric_names].sort();
  const known = async () =>
    await sql<{ id: number; name: string }[]>`
    select id, name from metric where name = any(${names}::text[])`;
  let rows = await known();
  if (rows.length < names.length) {
    const there = new Set(rows.map((row) => row.name));
    await sql`
      insert into metric (name)
      select name from unnest(${names.filter((name) => !there.has(name))}::text[]) as name
      on conflict do nothing`;
    rows = await known();
  }
  return new Map(rows.map((row) => [row.name, row.id]));
}

/** Writes unit, kind and description where they are given and differ. Unknown names are ignored. */
export async function updateMetadata(
  sql: Sql,
  metadata: Readonly<Record<string, MetricMetadata>>,
): Promise<void> {
  const names = Object.keys(metadata);
  const column = (key: keyof MetricMetadata) => names.map((name) => metadata[name]?.[key] ?? null);
  await sql`
    update metric as m set
      unit = coalesce(new.unit, m.unit),
      kind = coalesce(new.kind, m.kind),
      description = coalesce(new.description, m.description)
    from unnest(
      ${names}::text[], ${column("unit")}::text[], ${column("kind")}::text[],
      ${column("description")}::text[]
    ) as new (name, unit, kind, description)
    where m.name = new.name
      and (coalesce(new.unit, m.unit), coalesce(new.kind, m.kind),
        coalesce(new.description, m.description))
        is distinct from (m.unit, m.kind, m.description)`;
}
