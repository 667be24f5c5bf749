/** The outbox of alerts, as server/notify takes from it. */
import type { Sql, TransactionSql } from "./connect.ts";
import type { Severity, TransitionKind } from "./alerts.ts";

/** A transition with what is known of its incident now. */
export interface Transition {
  id: number;
  host_id: number;
  /** Unique; what a receiver can tell repetitions by. */
  key: string;
  kind: TransitionKind;
  severity: Severity;
  at_ms: number;
  incident_id: number;
  rule_id: number;
  /** Empty for what is about the host. */
  metric: string;
  hostname: string;
  labels: Record<string, string>;
}

/**
 * Takes the oldest transitions that nobody has handled, in the caller's transaction: they are handled
 * when it commits and free again when it does not. Two servers never get the same one.
 */
export async function claimTransitions(
  tx: TransactionSql,
  { limit, now_ms }: { limit: number; now_ms: number },
): Promise<Transition[]> {
  return await tx<Transition[]>`
    with taken as (
      update transition t
      set handled_at = timestamptz 'epoch' + ${now_ms}::float8 * interval '1 millisecond'
      where (t.host_id, t.id) in (
        select host_id, id from transition
        where handled_at is null
        order by id
        limit ${limit}
        for update skip locked
      )
      returning t.*
    )
    select
      t.id, t.host_id, t.key, t.kind, t.severity,
      (extract(epoch from t.at) * 1000)::float8 as at_ms,
      t.incident_id, i.rule_id, i.metric, i.hostname, i.labels
    from taken t
    join incident i on i.host_id = t.host_id and i.id = t.incident_id
    order by t.id`;
}

/** How many wait, and since when the oldest; null when none does. */
export async function countWaiting(
  sql: Sql,
): Promise<{ waiting: number; oldest_ms: number | null }> {
  const [row] = await sql<{ waiting: number; oldest_ms: number | null }[]>`
    select count(*) as waiting, (extract(epoch from min(at)) * 1000)::float8 as oldest_ms
    from transition
    where handled_at is null`;
  return row ?? { waiting: 0, oldest_ms: null };
}
