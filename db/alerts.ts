/**
 * Alerts on their way through the database: the evaluator's state, and the outbox it fills.
 *
 * `saveChanges` is the only writer of `alert`, `incident` (but for acknowledgements, which are a
 * person's) and of most of `transition`. Everything that belongs to one moment is one transaction:
 * a crash leaves all of it or nothing. It is guarded by the evaluator's epoch, so that one that has
 * been replaced without noticing writes nothing; and it can be carried out twice (after a COMMIT of
 * which nobody knows how it ended), since incidents and transitions have keys made before.
 */
import type { Sql, TransactionSql } from "./connect.ts";
import { transaction } from "./transaction.ts";

export type AlertState = "inactive" | "pending" | "firing";
export type Severity = "warning" | "critical";

/** A rule's state for one series. `metric` is empty for what is about the host. */
export interface AlertRow {
  host_id: number;
  rule_id: number;
  metric: string;
  state: AlertState;
  severity: Severity | null;
  /** As server/alerts/rule.ts has it. */
  machine: unknown;
  incident_key: string | null;
  value: number | null;
  /** Why nothing is known just now. */
  unknown: string | null;
  changed_at_ms: number;
}

export type AlertKey = Pick<AlertRow, "host_id" | "rule_id" | "metric">;

export interface OpenedIncident {
  host_id: number;
  key: string;
  rule_id: number;
  metric: string;
  hostname: string;
  story: string;
  severity: Severity;
  summary: string;
  labels: Record<string, string>;
  /** The rule as it is now. */
  rule: unknown;
  value: number | null;
  threshold: number | null;
  opened_at_ms: number;
}

/** What changed of an incident that is there. Undefined stays as it is. */
export interface ChangedIncident {
  host_id: number;
  key: string;
  severity?: Severity;
  value?: number;
  threshold?: number;
  summary?: string;
  flapping?: boolean;
  unknown?: string | null;
  resolved_at_ms?: number;
  resolved_reason?: string;
}

export interface IncidentEventInput {
  host_id: number;
  incident_key: string;
  at_ms: number;
  kind: string;
  who?: string;
  text?: string;
  detail?: unknown;
}

export type TransitionKind =
  | "firing"
  | "severity"
  | "resolved"
  | "flapping"
  | "acknowledged"
  | "unacknowledged";

export interface TransitionInput {
  host_id: number;
  key: string;
  incident_key: string;
  kind: TransitionKind;
  severity: Severity;
  at_ms: number;
}

/** Everything of one moment. */
export interface AlertChanges {
  alerts: readonly AlertRow[];
  removed: readonly AlertKey[];
  opened: readonly OpenedIncident[];
  changed: readonly ChangedIncident[];
  events: readonly IncidentEventInput[];
  transitions: readonly TransitionInput[];
  /** Requests that are carried out by it. */
  requests_done: readonly number[];
  /** Until when the states were watched, when that is new with them. */
  evaluated_ms?: number;
}

/** Another evaluator has taken over. */
export class EvaluatorReplacedError extends Error {
  override readonly name = "EvaluatorReplacedError";
}

/**
 * Writes changes in one transaction.
 *
 * @throws EvaluatorReplacedError when `epoch` is not the current one: nothing is written
 */
export async function saveChanges(sql: Sql, changes: AlertChanges, epoch: number): Promise<void> {
  await transaction(sql, async (tx) => {
    const [held] = await tx`select 1 from alerting where epoch = ${epoch} for share`;
    if (held === undefined) {
      throw new EvaluatorReplacedError("Cannot write alerts: another server evaluates them by now");
    }
    await insertIncidents(tx, changes.opened);
    await updateIncidents(tx, changes.changed);
    await insertEvents(tx, changes.events);
    await insertTransitions(tx, changes.transitions);
    await upsertAlerts(tx, changes.alerts);
    await deleteAlerts(tx, changes.removed);
    if (changes.requests_done.length > 0) {
      await tx`delete from alert_request where id = any(${[...changes.requests_done]}::bigint[])`;
    }
    if (changes.evaluated_ms !== undefined) {
      await tx`
        update alerting
        set evaluated_at = timestamptz 'epoch' + ${changes.evaluated_ms}::float8 * interval '1 millisecond'
        where epoch = ${epoch}`;
    }
  });
}

async function insertIncidents(tx: TransactionSql, opened: readonly OpenedIncident[]) {
  if (opened.length === 0) return;
  await tx`
    insert into incident (
      host_id, key, rule_id, metric, hostname, story, severity, worst_severity, summary, labels,
      rule, value, threshold, opened_at
    )
    select
      host_id, key, rule_id, metric, hostname, story, severity, severity, summary, labels, rule,
      value, threshold, timestamptz 'epoch' + opened_at_ms * interval '1 millisecond'
    from jsonb_to_recordset(${tx.json(jsonOf(opened))}) as r (
      host_id integer, key text, rule_id integer, metric text, hostname text, story text,
      severity text, summary text, labels jsonb, rule jsonb, value float8, threshold float8,
      opened_at_ms float8
    )
    order by host_id, key
    on conflict (host_id, key) do nothing`;
}

/** An acknowledgement was of something less bad: it ends when the incident gets worse. */
async function updateIncidents(tx: TransactionSql, changed: readonly ChangedIncident[]) {
  if (changed.length === 0) return;
  const rows = changed.map((one) => ({ ...one, knows_unknown: one.unknown !== undefined }));
  await tx`
    update incident i set
      severity = coalesce(r.severity, i.severity),
      worst_severity = case when r.severity = 'critical' then r.severity else i.worst_severity end,
      value = coalesce(r.value, i.value),
      threshold = coalesce(r.threshold, i.threshold),
      summary = coalesce(r.summary, i.summary),
      flapping = coalesce(r.flapping, i.flapping),
      unknown = case when r.knows_unknown then r.unknown else i.unknown end,
      resolved_at =
        coalesce(timestamptz 'epoch' + r.resolved_at_ms * interval '1 millisecond', i.resolved_at),
      resolved_reason = coalesce(r.resolved_reason, i.resolved_reason),
      acknowledged_at = case when w.worse then null else i.acknowledged_at end,
      acknowledged_by = case when w.worse then null else i.acknowledged_by end,
      acknowledged_note = case when w.worse then null else i.acknowledged_note end,
      acknowledged_until = case when w.worse then null else i.acknowledged_until end
    from jsonb_to_recordset(${tx.json(jsonOf(rows))}) as r (
      host_id integer, key text, severity text, value float8, threshold float8, summary text,
      flapping boolean, unknown text, knows_unknown boolean, resolved_at_ms float8,
      resolved_reason text
    )
    cross join lateral (select coalesce(r.severity = 'critical', false) as rises) as s
    join incident old on old.host_id = r.host_id and old.key = r.key
    cross join lateral (select s.rises and old.severity = 'warning' as worse) as w
    where i.host_id = r.host_id and i.key = r.key`;
}

async function insertEvents(tx: TransactionSql, events: readonly IncidentEventInput[]) {
  if (events.length === 0) return;
  await tx`
    insert into incident_event (host_id, incident_id, at, kind, who, text, detail)
    select
      r.host_id, i.id, timestamptz 'epoch' + r.at_ms * interval '1 millisecond', r.kind, r.who,
      r.text, r.detail
    from jsonb_to_recordset(${tx.json(jsonOf(numbered(events)))}) as r (
      host_id integer, incident_key text, at_ms float8, kind text, who text, text text, detail jsonb,
      position bigint
    )
    join incident i on i.host_id = r.host_id and i.key = r.incident_key
    where not exists (
      select from incident_event e
      where e.incident_id = i.id and e.kind = r.kind
        and e.at = timestamptz 'epoch' + r.at_ms * interval '1 millisecond'
    )
    order by r.position`;
}

async function insertTransitions(tx: TransactionSql, transitions: readonly TransitionInput[]) {
  if (transitions.length === 0) return;
  await tx`
    insert into transition (host_id, key, incident_id, kind, severity, at)
    select
      r.host_id, r.key, i.id, r.kind, r.severity,
      timestamptz 'epoch' + r.at_ms * interval '1 millisecond'
    from jsonb_to_recordset(${tx.json(jsonOf(numbered(transitions)))}) as r (
      host_id integer, key text, incident_key text, kind text, severity text, at_ms float8,
      position bigint
    )
    join incident i on i.host_id = r.host_id and i.key = r.incident_key
    order by r.position
    on conflict (host_id, key) do nothing`;
}

async function upsertAlerts(tx: TransactionSql, alerts: readonly AlertRow[]) {
  if (alerts.length === 0) return;
  await tx`
    insert into alert (
      host_id, rule_id, metric, state, severity, machine, incident_key, value, unknown, changed_at
    )
    select
      host_id, rule_id, metric, state, severity, machine, incident_key, value, unknown,
      timestamptz 'epoch' + changed_at_ms * interval '1 millisecond'
    from jsonb_to_recordset(${tx.json(jsonOf(alerts))}) as r (
      host_id integer, rule_id integer, metric text, state text, severity text, machine jsonb,
      incident_key text, value float8, unknown text, changed_at_ms float8
    )
    order by host_id, rule_id, metric
    on conflict (host_id, rule_id, metric) do update set
      state = excluded.state,
      severity = excluded.severity,
      machine = excluded.machine,
      incident_key = excluded.incident_key,
      value = excluded.value,
      unknown = excluded.unknown,
      changed_at = excluded.changed_at`;
}

async function deleteAlerts(tx: TransactionSql, keys: readonly AlertKey[]) {
  if (keys.length === 0) return;
  await tx`
    delete from alert a
    using unnest(
      ${keys.map((key) => key.host_id)}::integer[], ${keys.map((key) => key.rule_id)}::integer[],
      ${keys.map((key) => key.metric)}::text[]
    ) as k (host_id, rule_id, metric)
    where a.host_id = k.host_id and a.rule_id = k.rule_id and a.metric = k.metric`;
}

/** With their place, since rows of a set have no order. */
function numbered<T extends object>(rows: readonly T[]): (T & { position: number })[] {
  return rows.map((row, position) => ({ ...row, position }));
}

/** The driver's type of JSON does not know interfaces; these are plain data all through. */
function jsonOf(rows: readonly object[]): Parameters<TransactionSql["json"]>[0] {
  return rows as unknown as Parameters<TransactionSql["json"]>[0];
}

/** All states there are. */
export async function selectAlerts(sql: Sql): Promise<AlertRow[]> {
  return await sql<AlertRow[]>`
    select
      host_id, rule_id, metric, state, severity, machine, incident_key, value, unknown,
      (extract(epoch from changed_at) * 1000)::float8 as changed_at_ms
    from alert
    order by host_id, rule_id, metric`;
}
