/** Alerts and who evaluates them, for people to read. */
import type { Sql } from "./connect.ts";

export interface ListedAlertRow {
  state: "pending" | "firing";
  severity: string | null;
  host: string;
  metric: string;
  rule_id: number;
  rule: string;
  value: number | null;
  unknown: string | null;
  incident_id: number | null;
  changed_ms: number;
}

/** What fires or is about to, the worst first. */
export async function selectAlertListing(sql: Sql): Promise<ListedAlertRow[]> {
  return await sql<ListedAlertRow[]>`
    select
      a.state, a.severity, coalesce(h.hostname, '*') as host, a.metric, a.rule_id,
      coalesce(r.name, '') as rule, a.value, a.unknown, i.id as incident_id,
      (extract(epoch from a.changed_at) * 1000)::float8 as changed_ms
    from alert a
    left join host h on h.id = a.host_id
    left join rule r on r.id = a.rule_id
    left join incident i on i.host_id = a.host_id and i.key = a.incident_key
    where a.state <> 'inactive'
    order by
      array_position(array['critical', 'warning'], a.severity) nulls last,
      a.changed_at desc, host, a.metric`;
}

/** Who evaluates, and until when. */
export async function selectEvaluation(
  sql: Sql,
): Promise<{ evaluator: string | null; evaluated_ms: number | null }> {
  const [row] = await sql<{ evaluator: string | null; evaluated_ms: number | null }[]>`
    select evaluator, (extract(epoch from evaluated_at) * 1000)::float8 as evaluated_ms
    from alerting`;
  return row ?? { evaluator: null, evaluated_ms: null };
}
