/**
 * First stage: takes what the evaluator has put into the outbox, and makes groups look up. In one
 * transaction, so that what was taken is either handed on or still there. Nothing is sent here.
 */
import type { TransactionSql } from "../../db/connect.ts";
import {
  type GroupRow,
  holdGroups,
  insertMembers,
  selectGroupsOf,
  selectUnrouted,
  setGroupsDue,
} from "../../db/notification_groups.ts";
import { claimTransitions, type Transition } from "../../db/transitions.ts";
import { transaction } from "../../db/transaction.ts";
import type { Severity } from "./channel.ts";
import { asOf, groupStateSchema, newGroup, turnOf } from "./group.ts";
import { groupKey } from "./notification.ts";
import { groupLabels, type Route, routesFor, targetsOf } from "./route.ts";
import type { Telling } from "./setup.ts";

/** So many at once; a thousand hosts that fall ill together are two rounds. */
const TRANSITIONS_MAX = 500;

/** A group that has just been made or changed is looked at by then at the latest. */
const DUE_MS_MAX = 3_600_000;

/** These can be about somebody who is not told yet. */
const ROUTED = ["firing", "severity"];

interface Incident {
  id: number;
  severity: Severity;
  labels: Record<string, string>;
  opened_ms: number;
}

interface Place {
  row: Omit<GroupRow, "due_ms">;
  route: Route;
  incidents: Incident[];
}

/** The groups that are to tell of these incidents, by key. */
function placesOf(incidents: readonly Incident[], telling: Telling, now_ms: number) {
  const places = new Map<string, Place>();
  for (const incident of incidents) {
    // its severity now; the label is that of its beginning
    const labels = { ...incident.labels, severity: incident.severity };
    for (const route of routesFor(telling.routes, labels, now_ms)) {
      const route_id = telling.routes.find(({ name }) => name === route.name)?.id ?? 0;
      for (const { channel, after_ms } of targetsOf(route)) {
        const at = { route: route.name, channel, after_ms };
        const group_labels = groupLabels(route, labels);
        const key = groupKey(at, group_labels);
        const state = newGroup(at, now_ms);
        const place = places.get(key) ??
          { row: { key, route_id, labels: group_labels, state }, route, incidents: [] };
        place.incidents.push(incident);
        places.set(key, place);
      }
    }
  }
  return places;
}

/** Incidents join their groups, and groups that know them already look up. */
async function handOn(
  tx: TransactionSql,
  telling: Telling,
  options: { incidents: readonly Incident[]; changed_ids: readonly number[]; now_ms: number },
): Promise<number> {
  const { incidents, changed_ids, now_ms } = options;
  const places = placesOf(incidents, telling, now_ms);
  const knowing = changed_ids.length === 0 ? [] : await selectGroupsOf(tx, changed_ids);
  const rows = new Map(knowing.map((row): [string, Omit<GroupRow, "due_ms">] => [row.key, row]));
  for (const [key, { row }] of places) rows.set(key, rows.get(key) ?? row);
  if (rows.size === 0) return 0;
  const held = await holdGroups(tx, [...rows.values()], now_ms);
  const members: Parameters<typeof insertMembers>[1][number][] = [];
  const dues: { key: string; due_ms: number | null }[] = [];
  const changed = new Set(knowing.map(({ key }) => key));
  for (const group of held) {
    const state = asOf(groupStateSchema.parse(group.state), now_ms);
    const place = places.get(group.key);
    const route = place?.route ?? telling.routes.find(({ name }) => name === state.route);
    const times = {
      group_wait_ms: route?.group_wait ?? 0,
      group_interval_ms: route?.group_interval ?? 0,
    };
    const turns = (place?.incidents ?? []).map((incident) => {
      // it began now at the latest, whatever the clock said then
      const opened_ms = Math.min(incident.opened_ms, now_ms);
      const turn_ms = turnOf(state, { opened_ms }, times);
      members.push({ group_key: group.key, incident_id: incident.id, turn_ms });
      return turn_ms;
    });
    if (changed.has(group.key)) {
      const { last_sent_ms } = state;
      turns.push(last_sent_ms === null ? now_ms : last_sent_ms + times.group_interval_ms);
    }
    dues.push({
      key: group.key,
      // sooner than it was planned, if that
      due_ms: Math.min(group.due_ms ?? Infinity, now_ms + DUE_MS_MAX, ...turns),
    });
  }
  await insertMembers(tx, members);
  await setGroupsDue(tx, dues);
  return held.length;
}

function incidentOf(transition: Transition): Incident {
  const { incident_id, severity, labels, at_ms } = transition;
  return { id: incident_id, severity, labels, opened_ms: at_ms };
}

/** Takes from the outbox; how many it took. */
export async function takeTransitions(telling: Telling): Promise<number> {
  const { sql, clock, log, onStep } = telling;
  const now_ms = clock.now();
  const taken = await transaction(sql, async (tx) => {
    const transitions = await claimTransitions(tx, { limit: TRANSITIONS_MAX, now_ms });
    if (transitions.length === 0) return 0;
    const routed = transitions.filter(({ kind }) => ROUTED.includes(kind));
    const groups = await handOn(tx, telling, {
      incidents: routed.map(incidentOf),
      changed_ids: transitions.filter(({ kind }) => kind !== "firing")
        .map(({ incident_id }) => incident_id),
      now_ms,
    });
    log.debug("taken from the outbox", { transitions: transitions.length, groups });
    return transitions.length;
  });
  if (taken > 0) onStep("taken");
  return taken;
}

/**
 * Open incidents that no group tells of, since there was no route for them when they began. Some of them,
 * after the one with this id.
 *
 * @returns the id after which to go on, since there may be more of them
 */
export async function adoptIncidents(
  telling: Telling,
  after_id: number,
): Promise<number | undefined> {
  const { sql, clock } = telling;
  const now_ms = clock.now();
  return await transaction(sql, async (tx) => {
    const incidents = await selectUnrouted(tx, { after_id, limit: TRANSITIONS_MAX });
    await handOn(tx, telling, { incidents, changed_ids: [], now_ms });
    // those that there is still no route for stay among them
    return incidents.length < TRANSITIONS_MAX ? undefined : incidents.at(-1)?.id;
  });
}
