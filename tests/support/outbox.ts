/** What the evaluator writes, without an evaluator: incidents begin and end, and are in the outbox. */
import type { Sql } from "../../db/connect.ts";
import {
  type AlertChanges,
  EvaluatorReplacedError,
  saveChanges,
  type Severity,
} from "../../db/alerts.ts";

const NOTHING: AlertChanges = {
  alerts: [],
  removed: [],
  opened: [],
  changed: [],
  events: [],
  transitions: [],
  requests_done: [],
};

/** Writes as the evaluator that there is, of a running server perhaps. */
async function save(sql: Sql, changes: AlertChanges): Promise<void> {
  for (;;) {
    const [row] = await sql<{ epoch: number }[]>`select epoch from alerting`;
    try {
      return await saveChanges(sql, changes, row?.epoch ?? 0);
    } catch (error) {
      // a server has begun to evaluate just now
      if (!(error instanceof EvaluatorReplacedError)) throw error;
    }
  }
}

export interface Firing {
  host_id?: number;
  hostname?: string;
  metric?: string;
  rule?: string;
  severity?: Severity;
  story?: string;
  labels?: Record<string, string>;
  at_ms: number;
}

/** An incident begins; its key is its name. The id the database gave it. */
export async function fire(sql: Sql, key: string, firing: Firing): Promise<number> {
  const { host_id = 1, hostname = "web-1", metric = "cpu_usage", severity = "warning" } = firing;
  const { rule = "cpu high", story = "threshold", at_ms } = firing;
  await save(sql, {
    ...NOTHING,
    opened: [{
      host_id,
      key,
      rule_id: 1,
      metric,
      hostname,
      story,
      severity,
      summary: `${metric} of ${hostname} is 97.5, above 90`,
      labels: { host: hostname, metric, rule, severity, ...firing.labels },
      rule: { name: rule, runbook: "https://wiki.example/cpu" },
      value: 97.5,
      threshold: 90,
      opened_at_ms: at_ms,
    }],
    transitions: [
      { host_id, key: `${key} firing`, incident_key: key, kind: "firing", severity, at_ms },
    ],
  });
  const [row] = await sql<{ id: number }[]>`
    select id from incident where host_id = ${host_id} and key = ${key}`;
  return row?.id ?? 0;
}

/** It changes its severity. */
export async function worsen(sql: Sql, key: string, at_ms: number, host_id = 1): Promise<void> {
  const severity = "critical";
  await save(sql, {
    ...NOTHING,
    changed: [{ host_id, key, severity }],
    transitions: [
      { host_id, key: `${key} worse`, incident_key: key, kind: "severity", severity, at_ms },
    ],
  });
}

/** It is over. */
export async function resolve(sql: Sql, key: string, at_ms: number, host_id = 1): Promise<void> {
  await save(sql, {
    ...NOTHING,
    changed: [{ host_id, key, resolved_at_ms: at_ms, resolved_reason: "recovered" }],
    transitions: [{
      host_id,
      key: `${key} resolved`,
      incident_key: key,
      kind: "resolved",
      severity: "warning",
      at_ms,
    }],
  });
}
