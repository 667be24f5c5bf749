/**
 * All alerts that are not simply well, and whether anybody evaluates. Read from the database, or,
 * when that is away, from what this server's evaluator remembers: that the database is away is then
 * the story of each of them.
 */
import type { Clock } from "../../clock.ts";
import type { Sql } from "../../db/connect.ts";
import {
  type ListedAlertRow,
  selectAlertListing,
  selectEvaluation,
} from "../../db/alert_listing.ts";
import { isRetryable } from "../../db/sqlstate.ts";
import type { Lead } from "./lead.ts";
import type { Alert } from "./watched_host.ts";

/** Somebody evaluates when it was noted within this time; it is, every second. */
const RUNNING_MS = 10_000;

export interface AlertListing {
  evaluation: {
    state: "running" | "stopped";
    /** Why it is stopped. */
    reason: "database" | "disk full" | "nobody evaluates" | null;
    /** Who evaluates. */
    by: string | null;
    /** Seconds since 1970: until when. */
    evaluated: number | null;
    /** Rules in force; null when another server evaluates. */
    rules: number | null;
  };
  alerts: ListedAlert[];
}

export interface ListedAlert {
  state: "pending" | "firing" | "inactive";
  severity: string | null;
  host: string;
  metric: string | null;
  rule_id: number;
  rule: string;
  value: number | null;
  /** Why nothing is known just now: server, host_silent, script_failed, no_data, fleet_silent. */
  unknown: string | null;
  incident_id: number | null;
  /** Seconds since 1970. */
  changed: number | null;
}

export async function listAlerts(
  sql: Sql,
  options: { clock: Pick<Clock, "now">; lead: Lead | undefined },
): Promise<AlertListing> {
  const { clock, lead } = options;
  // asking a database that is away takes long to fail
  if (lead?.evaluator.isBlind) return remembered(lead, lead.isTaking ? "database" : "disk full");
  try {
    const { evaluator, evaluated_ms } = await selectEvaluation(sql);
    const isRunning = evaluated_ms !== null && clock.now() - evaluated_ms < RUNNING_MS;
    return {
      evaluation: {
        state: isRunning ? "running" : "stopped",
        reason: isRunning ? null : "nobody evaluates",
        by: evaluator,
        evaluated: evaluated_ms === null ? null : evaluated_ms / 1000,
        rules: lead?.evaluator.rules.length ?? null,
      },
      alerts: (await selectAlertListing(sql)).map(ofRow),
    };
  } catch (error) {
    if (!isRetryable(error) || lead === undefined) throw error;
    return remembered(lead, "database");
  }
}

function remembered(lead: Lead, reason: "database" | "disk full"): AlertListing {
  return {
    evaluation: {
      state: "stopped",
      reason,
      by: null,
      evaluated: null,
      rules: lead.evaluator.rules.length,
    },
    alerts: [...lead.evaluator.alerts()].map(ofAlert).filter(({ state }) => state !== "inactive"),
  };
}

function ofRow(row: ListedAlertRow): ListedAlert {
  const { changed_ms, metric, ...rest } = row;
  return { ...rest, metric: metric === "" ? null : metric, changed: changed_ms / 1000 };
}

function ofAlert({ host, active, metric, machine, value, unknown }: Alert): ListedAlert {
  const isPending = machine.levels.some(({ phase }) => phase === "pending");
  return {
    state: machine.severity !== null ? "firing" : isPending ? "pending" : "inactive",
    severity: machine.severity,
    host: host.row.hostname,
    metric: metric === "" ? null : metric,
    rule_id: active.id,
    rule: active.rule.name,
    value,
    unknown: unknown ?? "server",
    incident_id: null,
    changed: null,
  };
}
