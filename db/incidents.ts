/** Incidents as people look at them: found, read with what happened, acknowledged, commented. */
import type { Sql, TransactionSql } from "./connect.ts";
import type { Severity } from "./alerts.ts";
import { transaction } from "./transaction.ts";

/** Times are milliseconds since 1970. */
export interface IncidentRow {
  id: number;
  host_id: number;
  key: string;
  rule_id: number;
  metric: string;
  hostname: string;
  story: string;
  severity: Severity;
  worst_severity: Severity;
  summary: string;
  labels: Record<string, string>;
  /** The rule as it was. */
  rule: unknown;
  value: number | null;
  threshold: number | null;
  /** Pairs of time and value that led to it. */
  points: [number, number][];
  flapping: boolean;
  unknown: string | null;
  opened_ms: number;
  resolved_ms: number | null;
  resolved_reason: string | null;
  acknowledged_ms: number | null;
  acknowledged_by: string | null;
  acknowledged_note: string | null;
  acknowledged_until_ms: number | null;
}

export interface IncidentFilter {
  /** Open ones, resolved ones, or both. */
  state?: "open" | "resolved";
  hostname?: string;
  metric?: string;
  rule_id?: number;
  severity?: Severity;
  /** Part of the summary, whatever the case. */
  text?: string;
  /** Opened within: from_ms <= t < before_ms. */
  from_ms?: number;
  before_ms?: number;
  /** The last of the page before. */
  after?: { opened_ms: number; id: number };
  limit: number;
}

/** Newest first. */
export async function selectIncidents(sql: Sql, filter: IncidentFilter): Promise<IncidentRow[]> {
  const { after } = filter;
  const text = filter.text === undefined
    ? null
    : `%${filter.text.replace(/[\\%_]/g, (sign) => `\\${sign}`)}%`;
  const at = (ms: number) => sql`timestamptz 'epoch' + ${ms}::float8 * interval '1 millisecond'`;
  return await sql<IncidentRow[]>`
    select ${columns(sql)} from incident
    where true
      ${filter.state === "open" ? sql`and resolved_at is null` : sql``}
      ${filter.state === "resolved" ? sql`and resolved_at is not null` : sql``}
      ${filter.hostname === undefined ? sql`` : sql`and hostname = ${filter.hostname}`}
      ${filter.metric === undefined ? sql`` : sql`and metric = ${filter.metric}`}
      ${filter.rule_id === undefined ? sql`` : sql`and rule_id = ${filter.rule_id}`}
      ${filter.severity === undefined ? sql`` : sql`and worst_severity = ${filter.severity}`}
      ${text === null ? sql`` : sql`and summary ilike ${text}`}
      ${filter.from_ms === undefined ? sql`` : sql`and opened_at >= ${at(filter.from_ms)}`}
      ${filter.before_ms === undefined ? sql`` : sql`and opened_at < ${at(filter.before_ms)}`}
      ${
    after === undefined ? sql`` : sql`and (opened_at, id) < (${at(after.opened_ms)}, ${after.id})`
  }
    order by opened_at desc, id desc
    limit ${filter.limit}`;
}

export async function selectIncident(sql: Sql, id: number): Promise<IncidentRow | undefined> {
  const [row] = await sql<IncidentRow[]>`select ${columns(sql)} from incident where id = ${id}`;
  return row;
}

function columns(sql: Sql) {
  const ms = (name: string) =>
    sql`(extract(epoch from ${sql(`${name}_at`)}) * 1000)::float8 as ${sql(`${name}_ms`)}`;
  return sql`
    id, host_id, key, rule_id, metric, hostname, story, severity, worst_severity, summary, labels,
    rule, value, threshold, points, flapping, unknown, resolved_reason,
    ${ms("opened")}, ${ms("resolved")}, ${ms("acknowledged")}, acknowledged_by, acknowledged_note,
    (extract(epoch from acknowledged_until) * 1000)::float8 as acknowledged_until_ms`;
}

export interface IncidentEvent {
  id: number;
  at_ms: number;
  kind: string;
  who: string | null;
  text: string | null;
  detail: unknown;
}

/** What happened to an incident, in order. */
export async function selectIncidentEvents(
  sql: Sql,
  incident_id: number,
): Promise<IncidentEvent[]> {
  return await sql<IncidentEvent[]>`
    select
      id, (extract(epoch from at) * 1000)::float8 as at_ms, kind, who, text, detail
    from incident_event
    where incident_id = ${incident_id}
    order by at, id`;
}

/** A delivery tried, as the incident shows it. */
export interface IncidentDelivery {
  id: number;
  channel: string | null;
  reason: string;
  state: string;
  attempts: number;
  error: string | null;
  created_ms: number;
  sent_ms: number | null;
}

/** The messages an incident was in, in order. */
export async function selectIncidentDeliveries(
  sql: Sql,
  incident_id: number,
): Promise<IncidentDelivery[]> {
  return await sql<IncidentDelivery[]>`
    select
      n.id, c.name as channel, n.reason, n.state, n.attempts, n.error,
      (extract(epoch from n.created_at) * 1000)::float8 as created_ms,
      (extract(epoch from n.sent_at) * 1000)::float8 as sent_ms
    from notification_incident ni
    join notification n on n.id = ni.notification_id
    left join channel c on c.id = n.channel_id
    where ni.incident_id = ${incident_id}
    order by n.id`;
}

/** Keeps points with incidents, as pairs of seconds and value. */
export async function updatePoints(
  sql: Sql,
  incidents: readonly { host_id: number; key: string; points: [number, number][] }[],
): Promise<void> {
  await sql`
    update incident i set points = r.points
    from jsonb_to_recordset(${sql.json([...incidents])})
      as r (host_id integer, key text, points jsonb)
    where i.host_id = r.host_id and i.key = r.key`;
}

/** What a person says about an incident. */
export interface Remark {
  incident: Pick<IncidentRow, "id" | "host_id" | "severity">;
  who: string | null;
  note: string;
  at_ms: number;
}

/** Acknowledges an open incident, or takes that back; the outbox is told. False: it is resolved. */
export async function acknowledgeIncident(
  sql: Sql,
  remark: Remark & { until_ms: number | null; withdrawn?: boolean },
): Promise<boolean> {
  const { incident: { id, host_id, severity }, who, note, at_ms, until_ms } = remark;
  const withdrawn = remark.withdrawn ?? false;
  const kind = withdrawn ? "unacknowledged" : "acknowledged";
  return await transaction(sql, async (tx) => {
    const at = tx`timestamptz 'epoch' + ${at_ms}::float8 * interval '1 millisecond'`;
    const until = tx`timestamptz 'epoch' + ${until_ms}::float8 * interval '1 millisecond'`;
    const changed = await tx`
      update incident set
        acknowledged_at = case when ${withdrawn} then null else ${at} end,
        acknowledged_by = case when ${withdrawn} then null else ${who}::text end,
        acknowledged_note = case when ${withdrawn} then null else ${note}::text end,
        acknowledged_until = case when ${withdrawn} then null else ${until} end
      where host_id = ${host_id} and id = ${id} and resolved_at is null`;
    if (changed.count === 0) return false;
    await insertRemark(tx, { ...remark, kind, detail: { until_ms } });
    await tx`
      insert into transition (host_id, key, incident_id, kind, severity, at)
      values (${host_id}, ${`${kind} ${crypto.randomUUID()}`}, ${id}, ${kind}, ${severity}, ${at})`;
    return true;
  });
}

/** Adds a comment, also to one that is resolved. */
export async function commentIncident(sql: Sql, remark: Remark): Promise<void> {
  await transaction(sql, (tx) => insertRemark(tx, { ...remark, kind: "commented" }));
}

async function insertRemark(
  tx: TransactionSql,
  { incident, who, note, at_ms, kind, detail }: Remark & {
    kind: string;
    detail?: { until_ms: number | null };
  },
): Promise<void> {
  await tx`
    insert into incident_event (host_id, incident_id, at, kind, who, text, detail)
    values (
      ${incident.host_id}, ${incident.id},
      timestamptz 'epoch' + ${at_ms}::float8 * interval '1 millisecond',
      ${kind}, ${who}, ${note}, ${detail === undefined ? null : tx.json(detail)}
    )`;
}

/** Asks the evaluator to end an incident. */
export async function requestResolve(sql: Sql, remark: Remark & { key: string }): Promise<void> {
  await sql`
    insert into alert_request (host_id, incident_key, kind, who, note, at)
    values (
      ${remark.incident.host_id}, ${remark.key}, 'resolve', ${remark.who}, ${remark.note},
      timestamptz 'epoch' + ${remark.at_ms}::float8 * interval '1 millisecond'
    )`;
}
