/**
 * Collects what changed into one transaction's worth: what an event of the state machine means to
 * incidents, their events, and the outbox.
 *
 * Keys are made of what happened, not of chance: the same change written twice, because nobody knows
 * how the first COMMIT ended, is one change. So no two events of one alert have the same time: kept
 * reports come many at once, and what they say may begin, end and begin again within a millisecond.
 */
import { createHash } from "node:crypto";
import type {
  AlertChanges,
  AlertKey,
  AlertRow,
  ChangedIncident,
  IncidentEventInput,
  OpenedIncident,
  TransitionInput,
  TransitionKind,
} from "../../db/alerts.ts";
import { thresholdFor } from "./condition.ts";
import { labelsOf, type Situation, summaryOf } from "./incident_text.ts";
import { isForgettable, type MachineEvent } from "./rule.ts";
import type { Severity } from "./rule_schema.ts";
import type { Alert, Unknown } from "./watched_host.ts";

export interface EventOptions {
  now_ms: number;
  story: string;
  unit: string | null;
  /** Of resolved: why. */
  reason?: string;
  who?: string;
  note?: string;
  /** Instead of the sentence made of rule and value. */
  summary?: string;
}

interface Collected {
  opened: OpenedIncident[];
  /** By key: several changes of one incident are one. */
  changed: Map<string, ChangedIncident>;
  events: IncidentEventInput[];
  transitions: TransitionInput[];
  requests_done: number[];
}

function nothing(): Collected {
  return { opened: [], changed: new Map(), events: [], transitions: [], requests_done: [] };
}

export class Recorder {
  #collected = nothing();
  /** By host, rule and metric: the newest state is what counts. */
  readonly #alerts = new Map<string, Alert>();
  /** Times of events that are not over yet, by host, rule, metric and the time itself. */
  readonly #moments = new Map<string, number>();

  get isEmpty(): boolean {
    const { requests_done, opened, changed, events } = this.#collected;
    return this.#alerts.size === 0 && requests_done.length === 0 && opened.length === 0 &&
      changed.size === 0 && events.length === 0;
  }

  /** How many changes of states and of incidents wait to be written. */
  get size(): number {
    return this.#alerts.size + this.#collected.transitions.length;
  }

  /** A state has changed and has to be stored. */
  keep(alert: Alert): void {
    this.#alerts.set(`${alert.host.row.id} ${alert.slot}`, alert);
  }

  requestDone(id: number): void {
    this.#collected.requests_done.push(id);
  }

  /** What the machine says has happened. */
  event(alert: Alert, event: MachineEvent, given: EventOptions): void {
    const options = { ...given, now_ms: this.#momentOf(alert, given.now_ms) };
    if (event === "firing") this.#open(alert, options);
    else if (event === "resolved") this.#resolve(alert, options);
    else if (event === "severity") this.#regrade(alert, options);
    else this.#flap(alert, options);
  }

  /** The time of an event: now, or as soon after it as nothing else has happened to the alert. */
  #momentOf({ host, slot }: Alert, now_ms: number): number {
    let at_ms = now_ms;
    const key = () => `${host.row.id} ${slot} ${at_ms}`;
    while (this.#moments.has(key())) at_ms++;
    this.#moments.set(key(), at_ms);
    return at_ms;
  }

  /** Of an alert that fires: something is not known any more (or known again: null). */
  known(alert: Alert, unknown: Unknown | null, now_ms: number): void {
    if (alert.incident_key === null) return;
    this.#change(alert, { unknown });
    this.#event(alert, {
      at_ms: now_ms,
      kind: unknown === null ? "known" : "unknown",
      text: unknown ?? undefined,
    });
  }

  #open(alert: Alert, options: EventOptions): void {
    const { host, active, metric, machine } = alert;
    const severity = machine.severity ?? "critical";
    const { now_ms, story } = options;
    const key = createHash("sha256")
      .update(JSON.stringify([host.row.id, active.id, metric, now_ms]))
      .digest("hex").slice(0, 32);
    alert.incident_key = key;
    alert.told = severity;
    const situation = situationOf(alert, severity, options);
    this.#collected.opened.push({
      host_id: host.row.id,
      key,
      rule_id: active.id,
      metric,
      hostname: host.row.hostname,
      story,
      severity,
      summary: options.summary ?? summaryOf(situation),
      labels: labelsOf(situation),
      rule: { ...asObject(active.definition), revision: active.revision },
      value: alert.value,
      threshold: situation.threshold,
      opened_at_ms: now_ms,
    });
    this.#event(alert, { at_ms: now_ms, kind: "opened", detail: { severity, value: alert.value } });
    this.#tell(alert, "firing", severity, now_ms);
  }

  #resolve(alert: Alert, { now_ms, reason = "recovered", who, note }: EventOptions): void {
    const key = alert.incident_key;
    if (key === null) return;
    this.#change(alert, { resolved_at_ms: now_ms, resolved_reason: reason, unknown: null });
    this.#event(alert, { at_ms: now_ms, kind: "resolved", who, text: note, detail: { reason } });
    this.#tell(alert, "resolved", alert.told ?? "warning", now_ms);
    alert.incident_key = null;
    alert.told = null;
  }

  #regrade(alert: Alert, options: EventOptions): void {
    const { now_ms } = options;
    const severity = alert.machine.severity ?? "warning";
    alert.told = severity;
    const situation = situationOf(alert, severity, options);
    this.#change(alert, {
      severity,
      value: alert.value ?? undefined,
      threshold: situation.threshold ?? undefined,
      summary: summaryOf(situation),
    });
    this.#event(alert, { at_ms: now_ms, kind: "severity", text: severity });
    this.#tell(alert, "severity", severity, now_ms);
  }

  #flap(alert: Alert, { now_ms }: EventOptions): void {
    this.#change(alert, { flapping: true });
    this.#event(alert, { at_ms: now_ms, kind: "flapping" });
    this.#tell(alert, "flapping", alert.told ?? "warning", now_ms);
  }

  #change(alert: Alert, change: Omit<ChangedIncident, "host_id" | "key">): void {
    const key = alert.incident_key;
    if (key === null) return;
    const { changed } = this.#collected;
    changed.set(key, { ...changed.get(key), ...change, host_id: alert.host.row.id, key });
  }

  #event(alert: Alert, event: Omit<IncidentEventInput, "host_id" | "incident_key">): void {
    const key = alert.incident_key;
    if (key === null) return;
    this.#collected.events.push({ ...event, host_id: alert.host.row.id, incident_key: key });
  }

  #tell(alert: Alert, kind: TransitionKind, severity: Severity, at_ms: number): void {
    const key = alert.incident_key;
    if (key === null) return;
    this.#collected.transitions.push({
      host_id: alert.host.row.id,
      key: `${key} ${kind} ${at_ms}`,
      incident_key: key,
      kind,
      severity,
      at_ms,
    });
  }

  /** Everything since the last time, to be written in one transaction. */
  take(now_ms: number): AlertChanges {
    const alerts: AlertRow[] = [];
    const removed: AlertKey[] = [];
    for (const alert of this.#alerts.values()) {
      const { host, active, metric, machine } = alert;
      const key = { host_id: host.row.id, rule_id: active.id, metric };
      const isPresent = host.alerts.get(alert.slot) === alert;
      if (!isPresent || isForgettable(machine)) {
        removed.push(key);
        continue;
      }
      const state = machine.severity !== null
        ? "firing"
        : machine.levels.some(({ phase }) => phase === "pending")
        ? "pending"
        : "inactive";
      alerts.push({
        ...key,
        state,
        severity: machine.severity,
        // its levels belong to severities, which the rule may have others of when it is read again
        machine: { ...machine, severities: active.rule.levels.map((level) => level.severity) },
        incident_key: alert.incident_key,
        value: alert.value,
        unknown: alert.unknown,
        changed_at_ms: now_ms,
      });
    }
    this.#alerts.clear();
    // what happens from now on happens later
    for (const [key, at_ms] of this.#moments) if (at_ms < now_ms) this.#moments.delete(key);
    const collected = this.#collected;
    this.#collected = nothing();
    return { ...collected, changed: [...collected.changed.values()], alerts, removed };
  }
}

function situationOf(alert: Alert, severity: Severity, options: EventOptions): Situation {
  const { host, active: { rule }, metric, value } = alert;
  return {
    rule,
    host: host.row,
    metric,
    unit: options.unit,
    severity,
    value,
    threshold: thresholdFor(rule, severity, value),
    story: options.story,
  };
}

function asObject(definition: unknown): object {
  return typeof definition === "object" && definition !== null ? definition : {};
}
